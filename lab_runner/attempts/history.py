"""What the events of an attempt come to."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lab_runner.attempts.store import Event, Kind, Store

#: What is also written down when an attempt is over.
_BESIDE = {Kind.COMMAND, Kind.TERMINAL, Kind.STATE, Kind.RECORD, Kind.SUBMIT}
_ENDS = {Kind.STOP: "stopped", Kind.LOST: "lost"}


@dataclass(frozen=True)
class Record:
    """One attempt as the store knows it.

    Attributes:
        ended: ``stopped``, ``lost``; empty while it goes on.
        last_check: The last report, as it was stored.
        solved: A check was green throughout, or a control was told for what it is.
        given_up: The reference solution was applied.
        hints: How many were shown.
        folders: Where scenario and lab came from, by the option that names it.
        solved_at: When it was solved first.
        drill: Its scenario is not told before it is solved, given up or over.
        course: Whose assignment it is; empty for practice. Its scenario is not told either.
        assignment: Which of the course's.
    """

    attempt: str
    scenario: str
    lab: str
    seed: int
    started: datetime.datetime
    ended: str = ""
    ended_at: datetime.datetime | None = None
    checks: int = 0
    last_check: dict[str, Any] | None = None
    solved: bool = False
    given_up: bool = False
    hints: int = 0
    folders: dict[str, str] = field(default_factory=dict)
    solved_at: datetime.datetime | None = None
    drill: bool = False
    course: str = ""
    assignment: str = ""

    @property
    def hidden(self) -> bool:
        """Is its scenario not to be told yet?"""
        return (self.drill or bool(self.course)) and not (
            self.solved or self.given_up or self.ended
        )

    @property
    def title(self) -> str:
        """What it may be called where it is shown."""
        if self.course:
            return f"{self.course}/{self.assignment}"
        return "a drill" if self.hidden else self.scenario or self.lab


def records(events: Iterable[Event]) -> dict[str, Record]:
    """The attempts that the events tell of, oldest first."""
    by_attempt: dict[str, list[Event]] = {}
    for event in events:
        by_attempt.setdefault(event.attempt, []).append(event)
    return {name: _record(name, told) for name, told in by_attempt.items()}


def end(store: Store, attempt: str, kind: Kind) -> bool:
    """Write down how an attempt ended, once: several may find that out at the same time.

    A proof, or a start that was cut short, was never begun here and does not end.

    Args:
        store: The record.
        attempt: Which one.
        kind: ``STOP``, or ``LOST``, which nobody says of one that was stopped.

    Returns:
        Was it news?

    Raises:
        StoreError: It could not be written.
    """
    with store.alone():
        told = records(store.events(attempt)).get(attempt)
        news = told is not None and told.ended not in {_ENDS[kind], _ENDS[Kind.STOP]}
        if news:
            store.append(attempt, kind)
    return news


def _record(name: str, events: list[Event]) -> Record:
    start = next((event for event in events if event.kind is Kind.START), events[0])
    end = _end(events)
    since = _since_reset(events)
    checks = [event for event in since if event.kind is Kind.CHECK]
    # Where the beginning was lost, the checks still know what they were about.
    facts = start.payload or next((event.payload for event in checks), {})
    solved_at = next((event.time for event in events if _solves(event)), None)
    return Record(
        attempt=name,
        scenario=str(facts.get("scenario", "")),
        lab=str(facts.get("lab", "")),
        seed=int(facts.get("seed", 0)),
        started=start.time,
        ended=_ENDS[end.kind] if end else "",
        ended_at=end.time if end else None,
        checks=sum(event.kind is Kind.CHECK for event in events),
        last_check=checks[-1].payload if checks else None,
        solved=solved_at is not None,
        solved_at=solved_at,
        given_up=any(event.kind is Kind.SOLVE for event in events),
        folders=dict(facts.get("folders") or {}),
        hints=sum(event.kind is Kind.HINT for event in events),
        drill=bool(facts.get("drill")),
        course=str(facts.get("course", "")),
        assignment=str(facts.get("assignment", "")),
    )


def _end(events: list[Event]) -> Event | None:
    """How it was over, if it is.

    What is stopped does not go on: whatever comes after it was still at work at that time. One
    that was thought lost and goes on was not: its engine was elsewhere for a while.
    """
    stopped = next((event for event in reversed(events) if event.kind is Kind.STOP), None)
    course = [event for event in events if event.kind not in _BESIDE]
    return stopped or (course[-1] if course and course[-1].kind in _ENDS else None)


def _solves(event: Event) -> bool:
    """A green check does; with a control, the right answer with everything left alone."""
    if event.kind is Kind.CHECK:
        return bool(event.payload.get("passed"))
    return event.kind is Kind.DIAGNOSIS and bool(event.payload.get("solved"))


def _since_reset(events: list[Event]) -> list[Event]:
    """A report tells of the lab as it was: one from before a reset tells nothing."""
    for index in range(len(events) - 1, -1, -1):
        if events[index].kind is Kind.RESET:
            return events[index:]
    return events
