"""How somebody stands with what they are to do: what is open, runs, was handed in, is late."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from lab_runner.attempts.history import Record, records
from lab_runner.attempts.store import Event, Kind
from lab_runner.errors import UsageError
from lab_runner.submission.invitation import Assignment, Invitation
from lab_runner.submission.seats import Seat


class State(StrEnum):
    """Of one assignment."""

    NOT_YET = "not open yet"
    OPEN = "open"
    RUNNING = "running"
    #: It was started, and taken away before it was handed in.
    BEGUN = "begun"
    SUBMITTED = "submitted"
    CLOSED = "closed"


@dataclass(frozen=True)
class Work:
    """One assignment, and what was done about it.

    Attributes:
        attempts: All of them, oldest first.
        running: The one that runs.
        submitted: When each hand-in was made, oldest first.
    """

    seat: Seat
    assignment: Assignment
    attempts: tuple[Record, ...] = ()
    running: str | None = None
    submitted: tuple[datetime.datetime, ...] = ()

    @property
    def began(self) -> datetime.datetime | None:
        """When it was started for the first time."""
        return self.attempts[0].started if self.attempts else None

    @property
    def until(self) -> datetime.datetime | None:
        """When it is due: by the course's end and by the minutes since the start."""
        own = self.began and minutes_end(self.assignment, self.began)
        ends = [end for end in (self.seat.invitation.closes, own) if end]
        return min(ends, default=None)

    @property
    def hints(self) -> int:
        """How many were shown, over all attempts."""
        return sum(record.hints for record in self.attempts)

    def is_late(self, now: datetime.datetime) -> bool:
        """Was it handed in too late, or would it be now?"""
        last = self.submitted[-1] if self.submitted else now
        begun = bool(self.attempts)
        return begun and self.until is not None and last >= self.until

    def state(self, now: datetime.datetime) -> State:
        """The one word for it."""
        if self.running:
            return State.RUNNING
        if self.submitted:
            return State.SUBMITTED
        invitation = self.seat.invitation
        if invitation.is_open(now):
            return State.BEGUN if self.attempts else State.OPEN
        return State.NOT_YET if invitation.opens and now < invitation.opens else State.CLOSED


def minutes_end(assignment: Assignment, began: datetime.datetime) -> datetime.datetime | None:
    """When the minutes are over."""
    minutes = assignment.minutes
    return began + datetime.timedelta(minutes=minutes) if minutes else None


def works(
    seats: Iterable[Seat], events: Iterable[Event], running: Iterable[str] | None
) -> list[Work]:
    """How everything stands.

    Args:
        seats: This user's.
        events: Everything in the record.
        running: The attempts that run; None where no engine can be asked.
    """
    events = list(events)
    known = records(events)
    up = (
        {one.attempt for one in known.values() if not one.ended}
        if running is None
        else set(running)
    )
    handed_in = [event for event in events if event.kind is Kind.SUBMIT]
    return [
        _work(seat, one, known.values(), up, handed_in)
        for seat in seats
        for one in seat.invitation.assignments
    ]


def _work(
    seat: Seat,
    assignment: Assignment,
    known: Iterable[Record],
    up: set[str],
    handed_in: Iterable[Event],
) -> Work:
    mine = (seat.invitation.course, assignment.id)
    attempts = [one for one in known if (one.course, one.assignment) == mine]
    names = {one.attempt for one in attempts}
    return Work(
        seat,
        assignment,
        tuple(attempts),
        next((one.attempt for one in reversed(attempts) if one.attempt in up), None),
        tuple(event.time for event in handed_in if event.attempt in names),
    )


def require_open(invitation: Invitation, now: datetime.datetime) -> None:
    """See that work may be begun.

    Raises:
        UsageError: Not yet, or no more.
    """
    if invitation.is_open(now):
        return
    if invitation.opens and now < invitation.opens:
        raise UsageError(
            f"{invitation.title} opens {told(invitation.opens)}.",
            hint="Until then every scenario of `lab list` is there to practise with.",
        )
    assert invitation.closes
    raise UsageError(
        f"{invitation.title} closed {told(invitation.closes)}.",
        hint="What still runs can be handed in, and your lead sees that it is late. "
        "`lab list` shows what there is to practise with.",
    )


def told(when: datetime.datetime) -> str:
    """A time as people here write it, with the zone."""
    return f"{when.astimezone():%a %d %b %Y, %H:%M %Z}"
