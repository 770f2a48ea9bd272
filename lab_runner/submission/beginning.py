"""From an assignment's name to a lab that runs."""

from __future__ import annotations

import datetime

from lab_runner import __version__
from lab_runner.attempts.attempt import Attempts, Started
from lab_runner.attempts.store import Kind
from lab_runner.attempts.tasks import Task
from lab_runner.attempts.turns import turn
from lab_runner.catalogue import Catalogue
from lab_runner.engine import running
from lab_runner.engine.running import Progress
from lab_runner.errors import FaultNotObserved, UsageError
from lab_runner.planning.composite import is_scenario
from lab_runner.submission.invitation import Assignment
from lab_runner.submission.seats import Seat, full_name
from lab_runner.submission.standing import Work, require_open, works


def lacking(catalogue: Catalogue, seat: Seat) -> list[Assignment]:
    """The assignments that this kit has no scenario for."""
    every = seat.invitation.assignments
    return [one for one in every if not is_scenario(catalogue, one.scenario)]


def begin(use: Attempts, seat: Seat, assignment: Assignment, progress: Progress) -> Started:
    """Start somebody's own variant.

    Raises:
        UsageError: The course is not open, it runs already, or this kit lacks its scenario.
        FaultNotObserved: The network does not show the fault as the scenario tells.
    """
    require_open(seat.invitation, datetime.datetime.now(datetime.UTC))
    with turn(seat.folder / assignment.id, f"the start of {assignment.id}"):
        return _begun(use, seat, assignment, progress)


def _begun(use: Attempts, seat: Seat, assignment: Assignment, progress: Progress) -> Started:
    work = work_on(use, seat, assignment)
    if work.running:
        raise UsageError(
            f"{assignment.id} runs already: attempt {work.running}.",
            hint="`lab reset` hands it over afresh; `lab stop` takes it away.",
        )
    _require_scenario(use.catalogue, seat, assignment)
    try:
        return use.start(assignment.scenario, assignment.seed, progress, task=_task(use, work))
    except FaultNotObserved:
        # What it says names the scenario, and what is broken.
        raise FaultNotObserved(
            f"The network of {assignment.id} is not broken as it should be.",
            hint="Nobody is graded on this. Start it again; if it happens again, tell your lead.",
        ) from None


def _task(use: Attempts, work: Work) -> Task:
    """What is started, with what was asked for in earlier attempts: that is not forgotten."""
    answers = {Kind.SOLVE, Kind.DEBRIEF}
    events = [event for one in work.attempts for event in use.store.events(one.attempt)]
    return Task(
        work.seat.invitation.course,
        work.assignment.id,
        len(work.attempts),
        work.began,
        work.hints,
        any(event.kind in answers for event in events),
    )


def work_on(use: Attempts, seat: Seat, assignment: Assignment) -> Work:
    """What was done about an assignment so far."""
    up = [lab.attempt for lab in running.find(use.client)]
    every = works([seat], use.store.events(), up)
    return next(work for work in every if work.assignment.id == assignment.id)


def _require_scenario(catalogue: Catalogue, seat: Seat, assignment: Assignment) -> None:
    # Its name would tell what is to be found.
    if assignment in lacking(catalogue, seat):
        raise UsageError(
            f"This kit ({__version__}) has nothing to start {full_name(seat, assignment)} with; "
            f"the course was made with {seat.invitation.version}.",
            hint="Install the same version; scenarios of your lead's own are named before the "
            "verb: `lab --labs DIR --scenarios DIR start ASSIGNMENT`.",
        )
