"""What a class found hard: solve rates, times, what was met on the way, who it told apart."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from lab_runner.catalogue import Catalogue
from lab_runner.errors import LabRunnerError
from lab_runner.gradebook.entries import Entry, title_of
from lab_runner.grading.course import Case, Course
from lab_runner.models.results import Role, Status
from lab_runner.models.scenario import WrongFix
from lab_runner.planning.plan import make_plan

#: With fewer people than this nothing is said of strong and weak.
ENOUGH = 6


@dataclass(frozen=True)
class RedCheck:
    """A check, and how many replays it was red in."""

    id: str
    title: str
    role: Role
    count: int


@dataclass(frozen=True)
class Met:
    """A wrong fix that hand-ins look like, and whose."""

    title: str
    trainees: tuple[str, ...]


@dataclass(frozen=True)
class Difficulty:
    """One assignment.

    Attributes:
        handed_in: How many did.
        graded: How many were replayed.
        solved: In how many of those every check was green.
        minutes: From start to hand-in, of those who solved it, sorted.
        hints: How many were shown, altogether.
        with_hints: How many people had any.
        mean: Of the points, of those who have any.
        points: Everybody's, sorted.
        correlation: Point-biserial, of solving this with the mean of the other points.
        upper_lower: Solve rate of the upper third less that of the lower, by the same mean.
        red: What was red in replays, most often first.
        wrong_fixes: What was met of the scenario's.
    """

    case: Case
    people: int
    handed_in: int
    graded: int
    solved: int
    minutes: tuple[float, ...]
    hints: int
    with_hints: int
    mean: float | None
    points: tuple[float, ...]
    correlation: float | None
    upper_lower: float | None
    red: tuple[RedCheck, ...]
    wrong_fixes: tuple[Met, ...]

    @property
    def title(self) -> str:
        """As :func:`title_of` has it."""
        return title_of(self.case)

    @property
    def rate(self) -> float | None:
        """Solved of graded, 0 to 1."""
        return self.solved / self.graded if self.graded else None

    @property
    def median_minutes(self) -> float | None:
        """Of those who solved it."""
        return statistics.median(self.minutes) if self.minutes else None


def difficulties(
    course: Course,
    rows: Sequence[tuple[Sequence[Entry], float | None]],
    catalogue: Catalogue,
) -> tuple[Difficulty, ...]:
    """Of every assignment.

    Args:
        course: The assignments.
        rows: Everybody's entries in the course's order, and their total.
        catalogue: For wrong fixes.
    """
    return tuple(
        _difficulty(case, [entries[index] for entries, _ in rows], _others(rows, index), catalogue)
        for index, case in enumerate(course.assignments)
    )


def _others(
    rows: Sequence[tuple[Sequence[Entry], float | None]], index: int
) -> list[tuple[bool, float]]:
    """Of those who were graded: did they solve it, and how good are they at everything else?"""
    found = []
    for entries, _ in rows:
        rest = [one.points or 0.0 for at, one in enumerate(entries) if at != index]
        if entries[index].graded and rest:
            found.append((entries[index].solved, statistics.fmean(rest)))
    return found


def _difficulty(
    case: Case, entries: list[Entry], others: list[tuple[bool, float]], catalogue: Catalogue
) -> Difficulty:
    facts = [entry.facts for entry in entries if entry.facts]
    points = sorted(entry.points for entry in entries if entry.points is not None)
    solved = [entry for entry in entries if entry.solved]
    times = (entry.facts.minutes for entry in solved if entry.facts)
    return Difficulty(
        case=case,
        people=len(entries),
        handed_in=sum(entry.mark is not None for entry in entries),
        graded=sum(entry.graded for entry in entries),
        solved=len(solved),
        minutes=tuple(sorted(minutes for minutes in times if minutes is not None)),
        hints=sum(one.hints for one in facts),
        with_hints=sum(one.hints > 0 for one in facts),
        mean=statistics.fmean(points) if points else None,
        points=tuple(points),
        correlation=point_biserial(others),
        upper_lower=upper_lower(others),
        red=tuple(_red(entries)),
        wrong_fixes=tuple(_met(entries, catalogue)),
    )


def point_biserial(people: Sequence[tuple[bool, float]]) -> float | None:
    """Correlation of solving something with points elsewhere; None where it says nothing."""
    solved = [float(one) for one, _ in people]
    points = [point for _, point in people]
    if len(people) < ENOUGH or len(set(solved)) < 2 or len(set(points)) < 2:
        return None
    return statistics.correlation(solved, points)


def upper_lower(people: Sequence[tuple[bool, float]]) -> float | None:
    """Solve rate of the upper third less that of the lower; None with too few people."""
    third = len(people) // 3
    if len(people) < ENOUGH:
        return None
    ordered = [solved for solved, _ in sorted(people, key=lambda one: one[1])]
    return (sum(ordered[-third:]) - sum(ordered[:third])) / third


def _red(entries: Iterable[Entry]) -> list[RedCheck]:
    counts: Counter[str] = Counter()
    known: dict[str, tuple[str, Role]] = {}
    for entry in entries:
        for row in entry.mark.report.checks if entry.mark and entry.mark.report else []:
            known[row.id] = (row.title, row.role)
            counts[row.id] += row.status is Status.FAILED
    return [RedCheck(name, *known[name], count) for name, count in counts.most_common() if count]


def _met(entries: Iterable[Entry], catalogue: Catalogue) -> list[Met]:
    met: dict[str, list[str]] = {}
    for entry in entries:
        title = wrong_fix(entry, catalogue)
        if entry.mark and title:
            met.setdefault(title, []).append(entry.mark.trainee)
    found = [Met(title, tuple(people)) for title, people in met.items()]
    return sorted(found, key=lambda one: -len(one.trainees))


def wrong_fix(entry: Entry, catalogue: Catalogue) -> str:
    """The title of the wrong fix that a red replay looks most like; empty if like none.

    All that it would leave red is red. A wrong fix leaves traces that doing nothing does not:
    it breaks what was whole, or it was green until the reboot, or files differ.
    """
    mark = entry.mark
    if mark is None or not mark.report or not entry.graded or entry.solved:
        return ""
    symptoms = {row.id for row in mark.report.checks if row.role is Role.SYMPTOM}
    best, title = 0.0, ""
    for fix in _wrong_fixes(catalogue, mark.scenario, mark.seed):
        caught = set(fix.caught_by)
        worked = bool(entry.facts and entry.facts.changed)
        traces = mark.claimed is True if fix.after_reboot else bool(caught - symptoms) or worked
        likeness = len(caught & entry.red) / len(caught | entry.red)
        if caught <= entry.red and traces and likeness > best:
            best, title = likeness, fix.title
    return title


@lru_cache(maxsize=1024)
def _wrong_fixes(catalogue: Catalogue, scenario: str, seed: int) -> list[WrongFix]:
    try:
        plan = make_plan(catalogue, scenario, seed)
    except LabRunnerError:  # the lead's copy is another one by now
        return []
    return plan.scenario.wrong_fixes if plan.scenario else []
