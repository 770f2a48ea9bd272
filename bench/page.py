"""``docs/performance.md``: tables between markers; what was written by hand around them stays."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence

from bench.crowd import SIZES
from bench.figures import Figures
from bench.targets import TARGETS, Target

#: From so much on the page says that the machine was not quiet.
_BUSY = 0.1

WAYS = {
    "kit": "the kit: `lab start`, `lab stop`",
    "compose": "compose project: `up -d`, `down -t 0`",
    "plain": "containers started side by side through the API, cables by `ip`",
    "bare": "network namespaces, no container",
}
_WAY_FIGURES = ("ready_s", "done_s", "cpu_s", "gone_s", "memory_mib", "held_mib")

VERBS = {
    "start_s": "`lab start`: ready, and broken as told",
    "check_red_s": "`lab check`, one red",
    "check_green_s": "`lab check`, all green",
    "probes_ms": "its checks alone, inside the switchboard (ms)",
    "reboot_one_s": "`lab reboot NODE`",
    "reboot_all_s": "`lab reboot --all`",
    "reset_s": "`lab reset`",
    "stop_s": "`lab stop`",
    "memory_mib": "memory of all (MiB)",
    "switchboard_mib": "of the switchboard (MiB)",
    "node_mib": "of a node, on average (MiB)",
    "proof_s": "`lab prove`, one seed",
    "proven_per_min": "states proven a minute, one lab at a time",
    "graded_per_min": "hand-ins graded a minute, as many labs as cores",
}
LABS = ("office", "branch")
_CROWD_FIGURES = ("start_s", "all_s", "cpu_s", "check_s", "check_cpu_s", "memory_mib", "gone_s")


def spread(values: Sequence[float]) -> str:
    """A median, and in brackets the least and the most."""
    middle = _number(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({_number(min(values))}–{_number(max(values))})"  # noqa: RUF001


def _number(value: float) -> str:
    """Three figures are as many as a measurement of this kind has."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _cell(figures: Figures, name: str) -> str:
    values = figures.series.get(name)
    return spread(values) if values else figures.why_not(name)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, *rows)]
    lines.insert(1, "|" + " --- |" * lines[0].count(" | ") + " --- |")
    return "\n".join(lines)


def machine(figures: Figures) -> str:
    """What was measured on, in a sentence."""
    told = figures.machine
    text = (
        f"{told['cores']} cores, {told['memory_gib']} GiB, Linux {told['kernel']}, Docker Engine "
        f"{told['engine']}, {_compose(told)}, Python {told['python']}; {_runs(told['runs'])} of "
        "each, in turn. Shown: the median, and in brackets the least and the most."
    )
    if told["busy_before"] > _BUSY:
        text += (
            f"\n\n**The machine was busy**: others used {told['busy_before']:.0%} of its cores "
            "when this began. Compare the figures with each other, not with those of another run."
        )
    return text


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"


def _compose(told: Mapping[str, str]) -> str:
    return f"Docker Compose {told['compose']}" if told["compose"] else "no Docker Compose"


def targets(figures: Figures) -> str:
    """The targets, with what was measured."""
    head = ("target", "at most", "measured", "reached")
    return _table(head, (_target(figures, one) for one in TARGETS))


def _target(figures: Figures, one: Target) -> tuple[str, str, str, str]:
    value = one.value(figures)
    unit = f" {one.unit}" if one.unit else " ×"  # noqa: RUF001
    if value is None:
        return (one.text, f"{one.limit:g}{unit}", one.why_not(figures), "?")
    reached = "yes" if one.reached(figures) else "**no**"
    return (one.text, f"{one.limit:g}{unit}", f"{_number(value)}{unit}", reached)


def ways(figures: Figures) -> str:
    """The same network, built in four ways."""
    head = (
        *("way", "HTTP 200 (s)", "done (s)", "CPU s", "gone (s)"),
        *("memory (MiB)", "engine's shims (MiB)"),
    )
    rows = (
        (title, *(_cell(figures, f"{way}.{what}") for what in _WAY_FIGURES))
        if f"{way}.ready_s" in figures.series
        else (title, figures.why_not(way), *[""] * (len(_WAY_FIGURES) - 1))
        for way, title in WAYS.items()
    )
    return _table(head, rows)


def verbs(figures: Figures) -> str:
    """What is waited for, on either lab."""
    rows: list[tuple[str, ...]] = [("`lab --help`", _cell(figures, "help_s"), "")]
    for what, title in VERBS.items():
        names = [f"{lab}.{what}" for lab in LABS]
        if any(name in figures.series or name in figures.absent for name in names):
            cells = [_cell(figures, name) if _known(figures, name) else "" for name in names]
            rows.append((title, *cells))
    return _table(("seconds, where nothing else is said", "office, 5 nodes", "branch, 12"), rows)


def _known(figures: Figures, name: str) -> bool:
    return name in figures.series or name in figures.absent


def crowd(figures: Figures) -> str:
    """Several labs at once."""
    head = (
        *("labs at once", "`lab start`, each (s)", "all ready (s)", "CPU s per lab"),
        *("`lab check`, each (s)", "CPU s per check", "MiB per lab", "all gone (s)"),
    )
    rows = []
    for size in SIZES:
        name = f"crowd{size}"
        if f"{name}.start_s" in figures.series:
            rows.append((str(size), *(_cell(figures, f"{name}.{f}") for f in _CROWD_FIGURES)))
        elif name in figures.absent:
            rows.append((str(size), figures.absent[name], *[""] * (len(_CROWD_FIGURES) - 1)))
    return _table(head, rows)


BLOCKS = {
    "machine": machine,
    "targets": targets,
    "ways": ways,
    "verbs": verbs,
    "crowd": crowd,
}


def filled(text: str, figures: Figures) -> str:
    """A page with each block anew: what is between ``<!-- bench: NAME -->`` and ``<!-- end -->``.

    Raises:
        ValueError: A block has no place on the page.
    """
    for name, made in BLOCKS.items():
        block = re.compile(rf"(<!-- bench: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        content = made(figures).replace("\\", r"\\")
        text, count = block.subn(rf"\g<1>\n{content}\n\n\g<2>", text)
        if count != 1:
            raise ValueError(f"the page has {count} places for {name}, not one")
    return text
