"""What the record in a hand-in tells of the work: answers, hints, times.

It comes from the trainee's machine. Nothing here can make a repair right; it is for what
no replay can see.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from lab_runner.attempts.scoring import Answer
from lab_runner.attempts.store import Kind
from lab_runner.submission.hand_in import HandIn, Recorded


def payload(event: Recorded) -> dict[str, Any]:
    """What an event tells; nothing, where it cannot be read."""
    try:
        told = json.loads(event.text)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def of_kind(work: HandIn, kind: Kind) -> Iterator[dict[str, Any]]:
    """What all events of one kind tell, oldest first."""
    return (payload(event) for event in work.events if event.kind is kind)


def time_of(event: Recorded) -> datetime.datetime | None:
    """When it was, by the trainee's clock; None where that is no time."""
    return _moment(event.written)


def _moment(text: object) -> datetime.datetime | None:
    try:
        when = datetime.datetime.fromisoformat(text if isinstance(text, str) else "")
    except ValueError:
        return None
    return when if when.tzinfo else None


def started(work: HandIn) -> datetime.datetime | None:
    """When it was begun, for the first time if that was often."""
    starts = [time_of(event) for event in work.events if event.kind is Kind.START]
    began = next(iter(starts), None)
    first = _moment(_start(work).get("first_began"))
    return min(first, began) if first and began else began


def _start(work: HandIn) -> dict[str, Any]:
    return next(of_kind(work, Kind.START), {})


def claimed(work: HandIn) -> bool | None:
    """Did the trainee's own last check, or a control's answer, say that it was solved?"""
    last: bool | None = None
    for event in work.events:
        if event.kind is Kind.CHECK:
            last = payload(event).get("passed") is True
        elif event.kind is Kind.DIAGNOSIS and payload(event).get("solved") is True:
            last = True
        elif event.kind is Kind.RESET:
            last = None
    return last


def checks_asked(work: HandIn) -> set[str]:
    """The ids of the checks that the trainee's kit asked last; empty if it never did."""
    reports = list(of_kind(work, Kind.CHECK))
    rows = reports[-1].get("checks") if reports else []
    rows = rows if isinstance(rows, list) else []
    return {str(row.get("id")) for row in rows if isinstance(row, dict)}


def answers(work: HandIn) -> list[Answer]:
    """The diagnoses that were given, oldest first; what is none is passed over."""
    names = [field.name for field in fields(Answer)]
    found = []
    for told in of_kind(work, Kind.DIAGNOSIS):
        answer = told.get("answer")
        if isinstance(answer, dict) and all(isinstance(answer.get(n), str) for n in names):
            found.append(Answer(**{name: answer[name] for name in names}))
    return found


def hints(work: HandIn) -> int:
    """How many were shown, in earlier attempts as well."""
    before = _start(work).get("earlier_hints")
    here = sum(event.kind is Kind.HINT for event in work.events)
    return here + (before if isinstance(before, int) and before > 0 else 0)


def answer_was_asked_for(work: HandIn) -> bool:
    """Was it `lab solve`, or a debrief before its time; in an earlier attempt as well?"""
    before = _start(work).get("earlier_answer") is True
    return before or any(event.kind in {Kind.SOLVE, Kind.DEBRIEF} for event in work.events)
