"""What a course allows while it is worked on: hints, the answer, and what they cost."""

from __future__ import annotations

import datetime

from lab_runner.attempts.attempt import Attempts
from lab_runner.attempts.breaking import scenario_of
from lab_runner.attempts.store import Kind
from lab_runner.engine.running import Deployed
from lab_runner.errors import UnknownName, UsageError
from lab_runner.submission.invitation import Assignment
from lab_runner.submission.seats import Seat, find_seat

#: What asking for the answer costs, as the lead's side has it.
ANSWER_COST = "it is kept in the record, and your lead sees that the kit solved this for you"


def task_of(deployed: Deployed) -> tuple[Seat, Assignment] | None:
    """What of which course a lab is; None for practice.

    Raises:
        UnknownName: The course is not joined here any more, or has no such assignment now.
    """
    if not deployed.assignment:
        return None
    course, _, name = deployed.assignment.rpartition("/")
    seat = find_seat(course)
    assignment = seat.assignment(name)
    if assignment is None:
        raise UnknownName(
            f"{seat.invitation.title} has no assignment {name!r} any more.",
            hint="`lab assignments` shows what it has; `lab stop` takes this lab away.",
        )
    return seat, assignment


def hint_price(use: Attempts, deployed: Deployed) -> float:
    """What the next hint costs, in points of 100; one that was given before costs nothing more.

    Raises:
        UsageError: The course gives none.
    """
    task = task_of(deployed)
    if task is None:
        return 0.0
    seat, assignment = task
    if not assignment.hints:
        raise UsageError(
            f"{seat.invitation.title} gives no hints for {assignment.id}.",
            hint="`lab check` says what is red, and what was seen there.",
        )
    given = len(use.store.events(deployed.attempt, Kind.HINT))
    left = given < len(scenario_of(use.plan(deployed)).hints)
    return assignment.hint_cost if left else 0.0


def is_kept_back(course: str, now: datetime.datetime) -> bool:
    """Is the answer to a course's assignments kept back still?

    So it is until the course closes, and where it never does.
    """
    try:
        closes = find_seat(course).invitation.closes
    except UnknownName:
        return True
    return closes is None or now < closes
