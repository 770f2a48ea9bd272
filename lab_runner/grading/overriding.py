"""A person's word over a replay's."""

from __future__ import annotations

import datetime
import getpass

from lab_runner.errors import UnknownName, UsageError
from lab_runner.grading.course import CourseFolder
from lab_runner.grading.ledger import Ledger
from lab_runner.grading.marks import Mark, Override
from lab_runner.models.source import unknown


def override(
    course: CourseFolder,
    trainee: str,
    assignment: str,
    points: float,
    comment: str,
    by: str | None = None,
) -> tuple[Mark, Mark]:
    """Give points for what a trainee handed in last; returns the mark before and after.

    Args:
        course: The course.
        trainee: By the roster's id.
        assignment: Which one.
        points: 0 to 100.
        comment: Why.
        by: Who; the user of this process if left out.

    Raises:
        UnknownName: Nobody of that name is invited, or there is no such assignment.
        UsageError: Nothing was handed in, or no reason is given.
    """
    _require_known("trainee", trainee, set(course.public_keys()))
    _require_known("assignment", assignment, {case.id for case in course.course.assignments})
    if not comment.strip():
        raise UsageError("An override says why.", hint='--comment "…"')
    ledger = Ledger(course.path)
    before = ledger.current().get((trainee, assignment))
    if before is None:
        raise UsageError(
            f"{trainee} handed in nothing for {assignment}.",
            hint="An override is of a hand-in. `lab grade FILE` takes one.",
        )
    now = datetime.datetime.now(datetime.UTC)
    word = Override(points=points, comment=comment.strip(), by=by or getpass.getuser(), at=now)
    after = before.model_copy(update={"overrides": [*before.overrides, word]})
    ledger.put(after)
    return before, after


def _require_known(what: str, name: str, known: set[str]) -> None:
    if name not in known:
        raise UnknownName(unknown(f"{what} {name!r}", name, known))
