"""One field of the gradebook: what one trainee made of one assignment."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from lab_runner.grading.course import Case
from lab_runner.grading.marks import Mark, Standing
from lab_runner.models.results import Status


@dataclass(frozen=True)
class Facts:
    """What the trainee's record says; by their own clock, and worth no points.

    Attributes:
        started: When.
        minutes: From the start to the hand-in.
        hints: How many were shown.
        checks: How often they asked.
        commands: How many were typed.
        diagnosis: Points of the last one, 0 to 100.
        changed: Files that differ from what was handed over.
    """

    started: datetime.datetime | None
    minutes: float | None
    hints: int
    checks: int
    commands: int
    diagnosis: float | None
    changed: int


def title_of(case: Case) -> str:
    """What a lead calls an assignment: the title that it was given, else its id."""
    return case.title or case.id


@dataclass(frozen=True)
class Entry:
    """One field.

    Attributes:
        case: The assignment.
        mark: Of what was handed in last; None where nothing was.
        history: The marks of everything that was handed in, oldest first.
        facts: From the hand-in; None where there is none.
    """

    case: Case
    mark: Mark | None = None
    history: tuple[Mark, ...] = ()
    facts: Facts | None = None

    @property
    def title(self) -> str:
        """As :func:`title_of` has it."""
        return title_of(self.case)

    @property
    def points(self) -> float | None:
        """0 to 100; None where there is no mark."""
        return self.mark.points if self.mark else None

    @property
    def graded(self) -> bool:
        """Was it replayed?"""
        return self.mark is not None and self.mark.standing is Standing.GRADED

    @property
    def solved(self) -> bool:
        """Was every check green in the replay?"""
        report = self.mark.report if self.mark else None
        return self.graded and report is not None and report.passed

    @property
    def red(self) -> frozenset[str]:
        """The checks that were not green in the replay."""
        report = self.mark.report if self.mark else None
        rows = report.checks if report else []
        return frozenset(row.id for row in rows if row.status is not Status.PASSED)
