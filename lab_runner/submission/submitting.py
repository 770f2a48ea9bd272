"""From a lab that runs to a signed file: check, look what would be lost, gather, seal."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pydantic import ValidationError

from lab_runner import __version__
from lab_runner.attempts import recording
from lab_runner.attempts.access import open_nodes
from lab_runner.attempts.attempt import Attempts
from lab_runner.attempts.finding import pick
from lab_runner.attempts.store import Kind
from lab_runner.checker.kernels import State, kernels
from lab_runner.engine import running
from lab_runner.engine.disk_changes import take
from lab_runner.engine.docker import WORKERS
from lab_runner.engine.running import Deployed, Progress, RunningLab
from lab_runner.errors import HandInError, NoAttempt, UsageError
from lab_runner.models.results import Report, Status
from lab_runner.submission.hand_in import (
    LINE_LIMIT,
    LINES_LIMIT,
    TERMINALS_LIMIT,
    HandIn,
    Recorded,
    write_hand_in,
)
from lab_runner.submission.invitation import Assignment
from lab_runner.submission.losses import Loss, Seen, losses
from lab_runner.submission.seats import Seat, find_assignment
from lab_runner.submission.terminals import gathered
from lab_runner.submission.units import leased, units


@dataclass(frozen=True)
class Draft:
    """Somebody's work as it would be handed in now.

    Attributes:
        report: What the checks say of it here.
        seen: What was found on each machine that is theirs.
        losses: What a reboot undoes.
    """

    seat: Seat
    assignment: Assignment
    deployed: Deployed
    report: Report
    seen: Mapping[str, Seen]
    losses: list[Loss]

    @property
    def passed(self) -> bool | None:
        """Is all green? None where that could not be asked, and nothing is red."""
        red = any(row.status is Status.FAILED for row in self.report.checks)
        return None if self.report.errors and not red else self.report.passed

    @property
    def left_out(self) -> Iterator[tuple[str, str, str]]:
        """What was changed and cannot be handed in: the node, the path, and why."""
        for node, one in self.seen.items():
            yield from ((node, path, why) for path, why in one.disk.left_out.items())


@dataclass(frozen=True)
class Written:
    """A hand-in as a file's bytes.

    Attributes:
        cut: Older terminals were left out or shortened, for it would be too large.
    """

    work: HandIn
    data: bytes
    cut: bool

    @property
    def sha256(self) -> str:
        """In hexadecimal: what a receipt names it by."""
        return hashlib.sha256(self.data).hexdigest()


def wanted(use: Attempts, assignment: str | None, attempt: str | None) -> Deployed:
    """The lab that is to be handed in: named, or the only one that is of a course.

    Raises:
        NoAttempt: None runs that could be.
        UsageError: Several could be meant, or the one that is named is practice.
    """
    up = running.find(use.client)
    if attempt:
        return _of_a_course(pick(up, attempt))
    theirs = [lab for lab in up if lab.assignment and not lab.proof]
    if assignment:
        seat, one = find_assignment(assignment)
        label = f"{seat.invitation.course}/{one.id}"
        theirs = [lab for lab in theirs if lab.assignment == label]
    if not theirs:
        what = f"Nothing of {assignment} runs" if assignment else "No assignment runs"
        raise NoAttempt(
            f"{what}: what is on the disks of a lab that runs is handed in.",
            hint="`lab assignments` shows what there is, `lab start ASSIGNMENT` starts it.",
        )
    return pick(theirs, None)


def _of_a_course(lab: Deployed) -> Deployed:
    if not lab.assignment:
        raise UsageError(
            f"{lab.attempt} ({lab.name}) is practice, and nothing of a course.",
            hint="`lab assignments` shows what there is to hand in.",
        )
    return lab


def draft(
    use: Attempts, deployed: Deployed, seat: Seat, assignment: Assignment, progress: Progress
) -> Draft:
    """Check a lab, and look at all machines that are the trainee's.

    Raises:
        UsageError: The assignment is another one now than when this was started.
        EngineError: A machine is off, or cannot be read.
    """
    if (deployed.scenario, deployed.seed) != (assignment.scenario, assignment.seed):
        raise UsageError(
            f"{assignment.id} was changed by your lead after attempt {deployed.attempt} began.",
            hint="`lab stop` takes this one away, and `lab start` starts what it is now.",
        )
    progress("the checks", "being asked")
    report = use.check(deployed)
    with use.opened(deployed) as lab:
        progress("the machines", "being looked at")
        seen = _seen(lab)
    return Draft(seat, assignment, deployed, report, seen, losses(seen))


def _seen(lab: RunningLab) -> dict[str, Seen]:
    nodes = open_nodes(lab.plan)
    lab.line  # noqa: B018 - opened here, once, before several threads need it
    with ThreadPoolExecutor(WORKERS) as pool:
        running_units = pool.map(lambda node: units(lab, node), nodes)
        given = pool.map(lambda node: leased(lab, node), nodes)
        disks, told = take(lab, nodes), kernels(lab, nodes)
        services = dict(zip(nodes, running_units, strict=True))
        leases = dict(zip(nodes, given, strict=True))
    return {node: Seen(told[node], disks[node], services[node], leases[node]) for node in nodes}


def write(use: Attempts, one: Draft) -> Written:
    """The signed file of a draft.

    Raises:
        HandInError: It is more than a file may hold.
    """
    recording.settle(use.store, one.deployed.attempt)
    casts = recording.terminals(one.deployed.attempt)
    work = _work(use, one)
    limit = TERMINALS_LIMIT
    while True:
        told = gathered(casts, limit)
        full = work.model_copy(update={"terminals": told})
        try:
            data = write_hand_in(full, one.seat.key)
        except HandInError as exc:
            if not told:
                raise _too_much(exc, one.seen) from exc
            limit = sum(map(len, told.values())) // 2
        else:
            return Written(full, data, cut=_is_cut(full, sum(p.stat().st_size for p in casts)))


def _too_much(exc: HandInError, seen: Mapping[str, Seen]) -> HandInError:
    sizes = [
        (len(entry.content), f"/{entry.path} on {node}")
        for node, one in seen.items()
        for entry in one.disk.entries
    ]
    largest = [f"{name} ({size >> 10} KiB)" for size, name in sorted(sizes, reverse=True)[:3]]
    return HandInError(
        f"This cannot be handed in as it is. {exc}",
        hint=f"Take away what is no part of the repair. The largest files are {_and(largest)}."
        if largest
        else exc.hint,
    )


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _is_cut(work: HandIn, size: int) -> bool:
    return sum(len(text.encode()) for text in work.terminals.values()) < size


def _work(use: Attempts, one: Draft) -> HandIn:
    deployed, invitation = one.deployed, one.seat.invitation
    try:
        return HandIn(
            course=invitation.course,
            trainee=invitation.trainee,
            assignment=one.assignment.id,
            scenario=deployed.scenario,
            seed=deployed.seed,
            attempt=deployed.attempt,
            submitted=datetime.datetime.now(datetime.UTC),
            version=__version__,
            events=[Recorded.of(event) for event in use.store.events(deployed.attempt)],
            # The replay lays what there is; what there is not, the trainee was told.
            changes={node: seen.disk for node, seen in one.seen.items()},
            states={node: _within_limits(seen.kernel.now) for node, seen in one.seen.items()},
        )
    except ValidationError as exc:
        raise HandInError(
            f"Attempt {deployed.attempt} is more than a hand-in can hold: {_first(exc)}.",
            hint="Start the assignment again, and hand that one in; tell your lead.",
        ) from exc


def _first(exc: ValidationError) -> str:
    error = exc.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, error['loc']))}: {error['msg']}"


def _within_limits(state: State) -> State:
    return {
        kind: [line[:LINE_LIMIT] for line in lines[:LINES_LIMIT]] for kind, lines in state.items()
    }


def file_name(seat: Seat, assignment: Assignment) -> str:
    """``course-trainee-assignment.breakfix``, of letters that every system takes."""
    invitation = seat.invitation
    course = re.sub(r"[^a-z0-9]+", "-", invitation.title.casefold()).strip("-")
    trainee = re.sub(r"[^\w.@+-]+", "-", invitation.trainee)
    return f"{course[:40] or invitation.course}-{trainee}-{assignment.id}.breakfix"


def note(use: Attempts, one: Draft, written: Written) -> None:
    """Keep that it was handed in.

    Raises:
        StoreError: It cannot be written down.
    """
    facts = {
        "assignment": one.assignment.id,
        "sha256": written.sha256,
        "passed": one.passed,
    }
    use.store.append(one.deployed.attempt, Kind.SUBMIT, facts)
