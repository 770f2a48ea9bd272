"""The command line: measure, then write the figures, the page and its plots."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import by_hand, crowd, host, page, plots, setting, throughput, verbs, ways
from bench.commands import Failed
from bench.figures import Figures, NotMeasured

if TYPE_CHECKING:
    from docker import DockerClient

DOCS = Path(__file__).parent.parent / "docs"
PARTS = ("ways", "verbs", "crowd", "throughput")
#: Labs at once in a short run.
_FEW = (1, 2)


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        runs: How often each thing.
        crowds: How often each number of labs at once.
        sizes: Which numbers.
        parts: Which parts of all this.
        large: The branch lab as well?
        warm: Is each thing done once before anything is noted?
    """

    runs: int
    crowds: int
    sizes: tuple[int, ...]
    parts: tuple[str, ...]
    large: bool = True
    warm: bool = True

    @classmethod
    def short(cls, parts: tuple[str, ...]) -> Extent:
        """Everything once, with the small lab: does it work at all?"""
        return cls(1, 1, _FEW, parts, large=False, warm=False)


def say(text: str) -> None:
    """A line about how far it is."""
    sys.stderr.write(f"bench: {text}\n")


def measured(extent: Extent) -> Figures:
    """Measure all that can be measured here.

    Raises:
        Failed: The kit itself did not do what it should.
    """
    figures, compose = Figures(), list[str]()
    if "ways" in extent.parts:
        with _or_absent("compose", figures):
            compose = setting.compose()
    with setting.home(), setting.engine() as (client, unfit):
        figures.machine = host.described(client) | {"runs": extent.runs}
        figures.machine["compose"] = setting.compose_version(compose)
        if unfit:
            figures.absent["compose"] = unfit
        if "ways" in extent.parts or "verbs" in extent.parts:
            _alternating(extent, client, figures, compose)
        if "crowd" in extent.parts:
            _crowds(extent, client, figures)
        if "throughput" in extent.parts:
            _throughput(extent, client, figures)
    return figures


Work = Callable[[int, Figures], None]


def _alternating(
    extent: Extent, client: DockerClient, figures: Figures, compose: list[str]
) -> None:
    """All things once, then all again, each time beginning with another."""
    things: dict[str, Work] = {}
    if "ways" in extent.parts:
        for way in _ways(client, figures, compose):
            things[f"the way {way.name}"] = _of_way(way)
    if "verbs" in extent.parts:
        for case in [verbs.OFFICE, *([verbs.BRANCH] if extent.large else [])]:
            things[f"the lab {case.lab}"] = _of_verbs(case, client)
    for run in range(0 if extent.warm else 1, extent.runs + 1):
        names = list(things)
        first = run % len(names)
        for name in [*names[first:], *names[:first]]:
            say(f"run {run} of {extent.runs}: {name}" if run else f"not counted: {name}")
            things[name](run, figures if run else Figures())


def _of_way(way: ways.Way) -> Work:
    def work(_run: int, figures: Figures) -> None:
        if way.name not in figures.absent:
            try:
                ways.measure(way, figures)
            except NotMeasured as exc:
                if way.name == ways.Kit.name:
                    raise Failed(f"the office of the kit: {exc}") from exc
                figures.absent[way.name] = str(exc)
                say(f"{way.name}: {exc}")

    return work


def _of_verbs(case: verbs.Case, client: DockerClient) -> Work:
    return lambda run, figures: verbs.measure(case, client, run, figures)


def _ways(client: DockerClient, figures: Figures, compose: list[str]) -> Iterator[ways.Way]:
    """Those that can be gone here; the figures say why another cannot."""
    if os.geteuid() != 0:
        # A network namespace of somebody else's can be entered by root alone.
        figures.absent |= dict.fromkeys(page.WAYS, "needs root")
        return
    yield ways.Kit(client, verbs.OFFICE.scenario)
    if "compose" not in figures.absent:
        yield ways.Compose(client, compose)
    with _or_absent("plain", figures):
        yield by_hand.Plain(client)
    with _or_absent("bare", figures):
        yield by_hand.Bare(client, setting.FOLDER / "root")


@contextlib.contextmanager
def _or_absent(way: str, figures: Figures) -> Iterator[None]:
    try:
        yield
    except NotMeasured as exc:
        figures.absent[way] = str(exc)
        say(f"{way} is left out: {exc}")


def _crowds(extent: Extent, client: DockerClient, figures: Figures) -> None:
    """Few first, then many first, and so on."""
    for run in range(extent.crowds):
        for size in extent.sizes[:: -1 if run % 2 else 1]:
            say(f"{size} labs at once")
            crowd.measure(size, client, figures)


def _throughput(extent: Extent, client: DockerClient, figures: Figures) -> None:
    for _ in range(min(extent.runs, 3)):
        say("proving the office")
        throughput.measure_proving(verbs.OFFICE, figures)
    if extent.large:
        say("proving the branch")
        throughput.measure_proving(verbs.BRANCH, figures)
    say("grading")
    throughput.measure_grading(client, min(extent.runs, 3), figures)


def write(figures: Figures, docs: Path) -> None:
    """Write the figures, the plots, and the page anew between its markers."""
    folder = docs / "performance"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.json").write_text(figures.to_json())
    for name, svg in plots.drawn(figures).items():
        (folder / name).write_text(svg)
    path = docs / "performance.md"
    text = path if path.exists() else DOCS / "performance.md"
    path.write_text(page.filled(text.read_text(), figures))


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, measure, write; the exit code is 3 if something of the kit did not work."""
    asked = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    asked.add_argument("--runs", type=int, default=5, help="how often everything is measured")
    asked.add_argument("--quick", action="store_true", help="once, and only the small lab")
    asked.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="these parts")
    asked.add_argument("--docs", type=Path, default=DOCS, help="where the page is written")
    asked.add_argument("--redraw", action="store_true", help="the page of the last run's figures")
    options = asked.parse_args(arguments)
    # Whoever ends us gets the same clean-up as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began, only = time.monotonic(), tuple(options.only)
    try:
        if options.redraw:
            figures = Figures.read(options.docs / "performance" / "figures.json")
        elif options.quick:
            figures = measured(Extent.short(only))
        else:
            figures = measured(Extent(options.runs, 2, crowd.SIZES, only))
    except (Failed, NotMeasured) as exc:
        say(str(exc))
        return 3
    except KeyboardInterrupt:
        say("interrupted: nothing is written, and nothing is left")
        return 130
    write(figures, options.docs)
    print(f"{page.machine(figures)}\n\n{page.targets(figures)}\n")
    print(f"{options.docs / 'performance.md'}: after {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
