"""The gradebook: everybody's marks of every assignment, and what follows from them."""

from __future__ import annotations

import datetime
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lab_runner import __version__
from lab_runner.attempts.store import Kind
from lab_runner.catalogue import Catalogue
from lab_runner.gradebook.difficulty import Difficulty, difficulties
from lab_runner.gradebook.entries import Entry, Facts
from lab_runner.gradebook.moments import started
from lab_runner.gradebook.records import number_of, payload
from lab_runner.grading.course import Case, Course, CourseFolder
from lab_runner.grading.ledger import Ledger
from lab_runner.grading.marks import Mark, Standing
from lab_runner.grading.roster import Person
from lab_runner.submission.hand_in import HandIn

#: Reads the hand-in that a mark is of; None where its copy is gone.
Work = Callable[[Mark], HandIn | None]


@dataclass(frozen=True)
class Row:
    """One trainee.

    Attributes:
        person: As the roster has them.
        entries: What they made of each assignment, in the course's order.
        total: The course's mark, 0 to 100: what was not handed in counts as zero, what could
            not be graded does not count; None where nothing counts.
        waiting: How many could not be graded.
        passed: Is the total at or above the passing mark? None where there is none.
    """

    person: Person
    entries: tuple[Entry, ...]
    total: float | None
    waiting: int
    passed: bool | None

    @property
    def flags(self) -> int:
        """How many there are to be looked at."""
        return sum(len(entry.mark.flags) for entry in self.entries if entry.mark)


@dataclass(frozen=True)
class Gradebook:
    """A course, as its lead reads it.

    Attributes:
        course: The course.
        columns: The roster's columns, in its order.
        rows: Everybody, in the roster's order.
        refused: Files that are nobody's work in this course.
        difficulty: What the class found hard, by assignment.
        made: When.
        work: Opens a hand-in.
        version: Of the kit.
    """

    course: Course
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    refused: tuple[Mark, ...]
    difficulty: tuple[Difficulty, ...]
    made: datetime.datetime
    work: Work
    version: str = __version__

    @property
    def passing(self) -> float:
        """The points from which the course is passed."""
        return self.course.passing

    @property
    def totals(self) -> list[float]:
        """Everybody's total, of those who have one."""
        return [row.total for row in self.rows if row.total is not None]

    @property
    def mean(self) -> float | None:
        """Of the totals."""
        return statistics.fmean(self.totals) if self.totals else None

    @property
    def median(self) -> float | None:
        """Of the totals."""
        return statistics.median(self.totals) if self.totals else None

    def counted(self, standing: Standing) -> int:
        """How many of the current hand-ins came so far."""
        marks = (entry.mark for row in self.rows for entry in row.entries)
        return sum(mark is not None and mark.standing is standing for mark in marks)


def of(course: CourseFolder, ledger: Ledger, catalogue: Catalogue) -> Gradebook:
    """The gradebook of a course as it stands.

    Raises:
        DefinitionError: The roster cannot be read.
        StoreError: A mark cannot be read.
    """
    return made_of(course.course, course.people(), ledger.all(), ledger.work, catalogue)


def made_of(
    course: Course,
    people: Iterable[Person],
    marks: Iterable[Mark],
    work: Work,
    catalogue: Catalogue,
) -> Gradebook:
    """The gradebook of people and marks; whoever has marks and left the roster is not in it.

    Args:
        course: The assignments and their weights.
        people: The roster.
        marks: Of every hand-in that ever came.
        work: Opens one.
        catalogue: For the wrong fixes of the scenarios.
    """
    every = list(marks)
    people = list(people)
    rows = tuple(_row(course, one, every, work) for one in people)
    return Gradebook(
        course=course,
        columns=tuple(people[0].columns) if people else (),
        rows=rows,
        refused=tuple(mark for mark in every if mark.standing is Standing.REFUSED),
        difficulty=difficulties(course, [(row.entries, row.total) for row in rows], catalogue),
        made=datetime.datetime.now(datetime.UTC).astimezone(),
        work=work,
    )


def _row(course: Course, person: Person, marks: Iterable[Mark], work: Work) -> Row:
    own: dict[str, list[Mark]] = {}
    for mark in marks:
        if mark.trainee == person.id and mark.standing is not Standing.REFUSED:
            own.setdefault(mark.assignment, []).append(mark)
    entries = tuple(_entry(case, own.get(case.id, []), work) for case in course.assignments)
    total = _total(entries)
    judged = None if total is None else total >= course.passing
    waiting = sum(entry.mark is not None and entry.points is None for entry in entries)
    return Row(person, entries, total, waiting, judged)


def _entry(case: Case, marks: list[Mark], work: Work) -> Entry:
    if not marks:
        return Entry(case)
    last = marks[-1]
    found = work(last)
    return Entry(case, last, tuple(marks), _facts(found) if found else None)


def _facts(work: HandIn) -> Facts:
    kinds = [event.kind for event in work.events]
    start = started(work)
    minutes = (work.submitted - start).total_seconds() / 60 if start else None
    told = [payload(one).get("points") for one in work.events if one.kind is Kind.DIAGNOSIS]
    return Facts(
        started=start,
        minutes=minutes if minutes is not None and minutes >= 0 else None,
        hints=kinds.count(Kind.HINT),
        checks=kinds.count(Kind.CHECK),
        commands=kinds.count(Kind.COMMAND),
        diagnosis=number_of(told[-1]) if told else None,
        changed=sum(len(one.entries) for one in work.changes.values()),
    )


def _total(entries: Iterable[Entry]) -> float | None:
    counted = [
        (entry.case.weight, entry.points or 0.0)
        for entry in entries
        if entry.mark is None or entry.points is not None
    ]
    weights = sum(weight for weight, _ in counted)
    if not weights:
        return None
    return round(sum(weight * points for weight, points in counted) / weights, 1)
