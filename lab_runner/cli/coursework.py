"""What verbs say and ask about a course."""

from __future__ import annotations

import datetime
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from lab_runner.errors import UsageError

if TYPE_CHECKING:
    from lab_runner.submission.invitation import Assignment
    from lab_runner.submission.seats import Seat

YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="In a course: do it at its cost, without asking.")
]


def require_yes(what: str, cost: str, *, yes: bool) -> None:
    """See that somebody wants what costs something.

    Raises:
        UsageError: They do not, or there is nobody to be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{what}: {cost}.", hint="With --yes it is done all the same.")
    if not typer.confirm(f"{what}: {cost}. Do it?", err=True):
        raise UsageError("Nothing was done.")


def points(number: float) -> str:
    """``1 point``, ``2.5 points``."""
    return f"{number:g} point{'' if number == 1 else 's'}"


def hints_told(assignment: Assignment) -> str:
    """What a course says of hints."""
    if not assignment.hints:
        return "none"
    cost = assignment.hint_cost
    return f"{points(cost)} of 100 each" if cost else "free"


def left(until: datetime.datetime | None, now: datetime.datetime) -> str:
    """How long is left: ``2 d 4 h``, ``1 h 20 min``, ``45 min``, ``over``."""
    if until is None:
        return ""
    minutes = int((until - now).total_seconds() // 60)
    if minutes < 0:
        return "over"
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def terms(seat: Seat, assignment: Assignment, until: datetime.datetime | None) -> str:
    """Under which conditions somebody works, in a sentence or two."""
    from lab_runner.submission.standing import told

    end = f"Hand it in before {told(until)}" if until else "Take the time that you need"
    minutes = f" ({assignment.minutes} minutes from the first start)" if assignment.minutes else ""
    hints = {"none": "There are no hints", "free": "Hints cost nothing"}
    words = hints_told(assignment)
    said = hints.get(words, f"Each hint costs {words.removesuffix(' each')}")
    return f"{seat.invitation.title}. {end}{minutes}. {said}."
