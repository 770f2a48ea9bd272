"""The courses that somebody takes part in, on their own disk."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab_runner.errors import HandInError, UnknownName, UsageError
from lab_runner.models.source import unknown
from lab_runner.submission.invitation import Assignment, Invitation, read_invitation
from lab_runner.submission.keys import SigningKey, key_name
from lab_runner.submission.place import courses
from lab_runner.submission.private import write_private
from lab_runner.submission.sealed import FILE_LIMIT

_FILE = "invitation.breakfix"
_AGAIN = "`lab join FILE` with the invitation takes the seat again."
#: So many digits of a course's id are shown; any number of the first ones will do.
SHORT = 4


@dataclass(frozen=True)
class Seat:
    """Somebody's place in a course.

    Attributes:
        invitation: Who they are there, and what there is to do.
        lead_key: The public key of the course's lead.
        folder: Where it is kept.
    """

    invitation: Invitation
    lead_key: bytes
    folder: Path

    @property
    def key(self) -> SigningKey:
        """What the trainee signs with."""
        return SigningKey.from_pem(self.invitation.key)

    def assignment(self, name: str) -> Assignment | None:
        """The one of that id."""
        return next((one for one in self.invitation.assignments if one.id == name), None)


@dataclass(frozen=True)
class Joined:
    """A seat that was taken, and the invitation that was there before, if one was."""

    seat: Seat
    before: Invitation | None


def seats() -> list[Seat]:
    """All of this user's that can be read, by the title of the course; see :func:`unreadable`."""
    found = [one for one in _every() if isinstance(one, Seat)]
    return sorted(found, key=lambda seat: (seat.invitation.title, seat.invitation.course))


def unreadable() -> list[UsageError]:
    """What is wrong with each of the others; one that is damaged takes no other one away."""
    return [one for one in _every() if isinstance(one, UsageError)]


def _every() -> Iterator[Seat | UsageError]:
    for folder in sorted(courses().glob("*")):
        file = folder / _FILE
        if not os.path.lexists(file):
            continue
        try:
            yield _seat(file)
        except UsageError as exc:
            exc.hint = f"{_AGAIN} What you did and handed in is kept elsewhere, and is not lost."
            yield exc


def join(file: Path) -> Joined:
    """Take the seat that an invitation offers; a newer one of the same lead replaces it.

    Raises:
        UsageError: It is no invitation, somebody else's, or of another lead under the same id.
    """
    data = _read(file)
    invitation, lead_key = _invitation(file, data)
    kept = courses() / invitation.course / _FILE
    before = None
    with contextlib.suppress(UsageError):  # one that is damaged is replaced
        before = _seat(kept) if kept.exists() else None
    if before is not None:
        _require_same(before, invitation, lead_key)
    write_private(kept, data)
    seat = Seat(invitation, lead_key, kept.parent)
    return Joined(seat, before.invitation if before else None)


def find_seat(course: str) -> Seat:
    """The seat in a course.

    Raises:
        UnknownName: There is none.
        UsageError: It cannot be read.
    """
    for seat in seats():
        if seat.invitation.course == course:
            return seat
    for problem in unreadable():
        raise problem
    raise UnknownName(
        f"This machine has no seat in the course {course[:SHORT]}… any more.", hint=_AGAIN
    )


def find_assignment(name: str) -> tuple[Seat, Assignment]:
    """What is meant by ``assignment``, or by ``course/assignment``.

    Args:
        name: An assignment's id; before it, where needed, the first digits of the course's.

    Raises:
        UnknownName: There is none of that name.
        UsageError: Several could be meant.
    """
    course, _, wanted = name.rpartition("/")
    every = [
        (seat, one)
        for seat in seats()
        if seat.invitation.course.startswith(course)
        for one in seat.invitation.assignments
    ]
    if not [one for _, one in every if one.id == wanted]:
        for problem in unreadable():
            raise problem
    if not every:
        which = f" whose id begins with {course!r}" if course else ""
        raise UnknownName(
            f"You take part in no course{which}.",
            hint="`lab assignments` shows yours; `lab join FILE` takes an invitation.",
        )
    found = [(seat, one) for seat, one in every if one.id == wanted]
    if not found:
        known = dict.fromkeys(one.id for _, one in every)
        raise UnknownName(
            unknown(f"assignment {name!r}", wanted, known), hint="`lab assignments` shows all."
        )
    if len(found) > 1:
        names = ", ".join(
            f"{full_name(seat, one)} ({seat.invitation.title})" for seat, one in found
        )
        raise UsageError(f"{name!r} is in several courses: {names}.", hint="Use the longer name.")
    return found[0]


def full_name(seat: Seat, assignment: Assignment) -> str:
    """A name that means nothing else."""
    return f"{seat.invitation.course[:SHORT]}/{assignment.id}"


def short_names(every: Iterable[Seat], scenarios: Iterable[str]) -> dict[tuple[str, str], str]:
    """What is typed for each assignment, by course and id: its id, where that is enough."""
    known = set(scenarios)
    rows = [(seat, one) for seat in every for one in seat.invitation.assignments]
    ids = [one.id for _, one in rows]
    return {
        (seat.invitation.course, one.id): (
            full_name(seat, one) if ids.count(one.id) > 1 or one.id in known else one.id
        )
        for seat, one in rows
    }


def _seat(file: Path) -> Seat:
    return Seat(*_invitation(file, _read(file)), file.parent)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(FILE_LIMIT + 1)
    except OSError as exc:
        raise UsageError(f"{file} cannot be read: {exc.strerror}.") from exc


def _invitation(file: Path, data: bytes) -> tuple[Invitation, bytes]:
    try:
        return read_invitation(data)
    except HandInError as exc:
        hint = exc.hint or "It takes the file that your lead has sent you, as it came."
        raise UsageError(f"{file}: {exc}", hint=hint) from exc


def _require_same(before: Seat, invitation: Invitation, lead_key: bytes) -> None:
    if lead_key != before.lead_key:
        raise UsageError(
            f"This invitation to {invitation.title} is signed by another lead: "
            f"{key_name(lead_key)}, and not {key_name(before.lead_key)}.",
            hint="Ask your lead which of the two it is. Nothing was changed here.",
        )
    if invitation.trainee != before.invitation.trainee:
        raise UsageError(
            f"This invitation is for {invitation.trainee}, and "
            f"{before.invitation.trainee} has joined the course here.",
            hint="Somebody else on the same account needs a folder of their own: set "
            "BREAKFIX_HOME to one.",
        )
