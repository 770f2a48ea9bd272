"""How busy the engine's machine was while a question was asked."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_STAT = Path("/proc/stat")
#: Of the fields of its first line (proc(5)), the one that counts idleness, and how many make up
#: all time: user, nice, system, idle, iowait, irq, softirq, steal.
_IDLE, _FIELDS = 3, 8
_TICK_S = 0.05


@dataclass
class Span:
    """A question's time.

    Attributes:
        strain: From 0 (idle) to 1 (nothing would have run at once); None if it cannot be known.
    """

    strain: float | None = None


class Strain:
    """Measures it in two ways, of which the worse counts.

    What share of all processors' time was taken, as the kernel accounts for it; and what share
    of the time this process was woken too late, which shows as well where a host gives a
    virtual machine no time, and does not say so.
    """

    def __init__(self, stat: Path = _STAT) -> None:
        self._stat = stat
        self._late_s = 0.0
        self._watchers = 0
        self._ticking = False

    @contextlib.contextmanager
    def watched(self) -> Iterator[Span]:
        """Measure until the block ends; the answer is in what it yields then."""
        span = Span()
        self._watchers += 1
        if not self._ticking:
            self._tick_later()
        began, late, before = time.monotonic(), self._late_s, self._times()
        try:
            yield span
        finally:
            self._watchers -= 1
            taken = _taken(before, self._times())
            if taken is not None:
                delayed = (self._late_s - late) / max(time.monotonic() - began, _TICK_S)
                span.strain = round(min(max(taken, delayed), 1.0), 2)

    def _tick_later(self) -> None:
        self._ticking = True
        due = time.monotonic() + _TICK_S
        asyncio.get_running_loop().call_later(_TICK_S, self._tick, due)

    def _tick(self, due: float) -> None:
        self._late_s += time.monotonic() - due
        self._ticking = False
        if self._watchers:
            self._tick_later()

    def _times(self) -> list[int]:
        try:
            first = self._stat.read_text().partition("\n")[0]
            return [int(field) for field in first.split()[1 : _FIELDS + 1]]
        except (OSError, ValueError):
            return []


def _taken(before: list[int], after: list[int]) -> float | None:
    """The share of all processors' time that was not idle; None if nothing was counted."""
    spent = [late - early for early, late in zip(before, after, strict=False)]
    total = sum(spent)
    return 1 - spent[_IDLE] / total if len(spent) == _FIELDS and total > 0 else None
