"""What was set as a target, and whether the figures of a run reach it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.crowd import SIZES
from bench.figures import Figures

#: The most labs at once.
MANY = max(SIZES)


@dataclass(frozen=True)
class Target:
    """Something to reach.

    Attributes:
        text: What it is about.
        limit: The most that it may be.
        unit: Of the limit and of what was measured; empty for a ratio.
        measured: The figure, None where it was not measured.
        needs: The series that it is made of.
    """

    text: str
    limit: float
    unit: str
    measured: Callable[[Figures], float | None]
    needs: tuple[str, ...]

    def value(self, figures: Figures) -> float | None:
        """What was measured."""
        return self.measured(figures)

    def reached(self, figures: Figures) -> bool | None:
        """Is it reached? None where it was not measured."""
        value = self.value(figures)
        return None if value is None else value <= self.limit

    def why_not(self, figures: Figures) -> str:
        """Why it was not measured."""
        missing = [name for name in self.needs if not figures.series.get(name)]
        return figures.why_not(missing[0]) if missing else ""


def _median(text: str, name: str, limit: float, unit: str) -> Target:
    return Target(text, limit, unit, lambda figures: figures.median(name), (name,))


def _ratio(text: str, name: str, of: str, limit: float) -> Target:
    return Target(text, limit, "", lambda figures: figures.ratio(name, of), (name, of))


def _growth(figures: Figures) -> float | None:
    """How much longer a start takes among many, over how much more work there is."""
    time = figures.ratio(f"crowd{MANY}.start_s", "crowd1.start_s")
    work = figures.ratio(f"crowd{MANY}.cpu_s", "crowd1.cpu_s")
    return time / (MANY * work) if time is not None and work else None


TARGETS = (
    _ratio(
        "five nodes ready, of the compose project's time", "kit.ready_s", "compose.ready_s", 1.0
    ),
    _ratio(
        "the same, until the command ended: ready and broken as told",
        "kit.done_s",
        "compose.ready_s",
        1.0,
    ),
    _median("processor time of a start, engine included", "kit.cpu_s", 2.5, "s"),
    _ratio("`lab reset`, of a start", "office.reset_s", "office.start_s", 0.5),
    _ratio("`lab stop`, of `docker compose down`", "kit.gone_s", "compose.gone_s", 0.5),
    _median("twelve green probes inside the switchboard", "office.probes_ms", 100, "ms"),
    _median("`lab check`, all green", "office.check_green_s", 0.6, "s"),
    _median("`lab --help`", "help_s", 0.2, "s"),
    _ratio(
        "memory of nodes and switchboard, of the compose project's containers",
        "kit.memory_mib",
        "compose.memory_mib",
        1.5,
    ),
    _median(f"of {MANY} labs at once, those that did not start", f"crowd{MANY}.failed", 0, "labs"),
    Target(
        f"growth of a start's time from 1 to {MANY} labs, over the growth of processor time",
        1.0,
        "",
        _growth,
        (f"crowd{MANY}.start_s", "crowd1.start_s", f"crowd{MANY}.cpu_s", "crowd1.cpu_s"),
    ),
)
