"""What somebody has learnt so far: solved cases, days in a row, weak areas, times."""

from __future__ import annotations

import datetime
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lab_runner.attempts.history import Record

#: With fewer cases than this nothing is said of how somebody stands.
ENOUGH = 2
_WEAK = 0.75
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Area:
    """How the cases of one topic went.

    Attributes:
        tried: How many different ones.
        solved: Of these, by repair or diagnosis, and not given up.
        unaided: Of these, without a hint.
        hints: In all attempts.
        minutes: What a solved one took, the middle; None where none was.
    """

    name: str
    tried: int
    solved: int
    unaided: int
    hints: int
    minutes: float | None

    @property
    def is_weak(self) -> bool:
        """Were enough of its cases tried, and too few of them solved without help?"""
        share = (self.solved + self.unaided) / (2 * self.tried) if self.tried else 1.0
        return self.tried >= ENOUGH and share < _WEAK


@dataclass(frozen=True)
class Progress:
    """All of it.

    Attributes:
        whole: Every case that may be told of.
        areas: By topic, the weakest first.
        attempts: All of them, also those whose scenario is not told yet.
        days: On how many days something was solved.
        streak: Days in a row up to today or yesterday on which something was solved.
        longest: The longest such row.
        by_day: How many were solved on each day.
    """

    whole: Area
    areas: list[Area]
    attempts: int
    streak: int
    longest: int
    by_day: dict[datetime.date, int]


def progress(
    records: Iterable[Record], topics: Mapping[str, Iterable[str]], today: datetime.date
) -> Progress:
    """Sum up.

    Args:
        records: All attempts.
        topics: Those of each scenario that is known.
        today: The day to which a streak goes, where the user is.
    """
    every = list(records)
    told = [one for one in every if not one.hidden and not one.course]
    by_topic: dict[str, list[Record]] = {}
    for one in told:
        for topic in topics.get(one.scenario, ()):
            by_topic.setdefault(topic, []).append(one)
    areas = [_area(name, those) for name, those in by_topic.items()]
    solved = [one for one in every if one.solved_at and not one.given_up]
    by_day: dict[datetime.date, int] = {}
    for one in solved:
        if one.solved_at:
            day = one.solved_at.astimezone().date()
            by_day[day] = by_day.get(day, 0) + 1
    streak, longest = _streaks(by_day, today)
    return Progress(
        whole=_area("", told),
        areas=sorted(areas, key=_strength),
        attempts=len(every),
        streak=streak,
        longest=longest,
        by_day=dict(sorted(by_day.items())),
    )


def _area(name: str, records: list[Record]) -> Area:
    solved = [one for one in records if one.solved and not one.given_up]
    # A clock that was set back in between tells no time.
    minutes = [
        (one.solved_at - one.started).total_seconds() / 60
        for one in solved
        if one.solved_at and one.solved_at >= one.started
    ]
    return Area(
        name=name,
        tried=len({one.scenario for one in records}),
        solved=len({one.scenario for one in solved}),
        unaided=len({one.scenario for one in solved if not one.hints}),
        hints=sum(one.hints for one in records),
        minutes=statistics.median(minutes) if minutes else None,
    )


def _strength(area: Area) -> tuple[bool, float, str]:
    return not area.is_weak, (area.solved + area.unaided) / (2 * area.tried), area.name


def _streaks(days: Iterable[datetime.date], today: datetime.date) -> tuple[int, int]:
    """Days in a row up to now, and the most that ever were."""
    lengths: dict[datetime.date, int] = {}
    for day in sorted(days):
        lengths[day] = lengths.get(day - _DAY, 0) + 1
    # Today is not over yet.
    current = lengths.get(today) or lengths.get(today - _DAY, 0)
    return current, max(lengths.values(), default=0)
