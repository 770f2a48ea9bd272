"""What a trainee hands in: what was done, and what of it is on the disks."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    AwareDatetime,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    model_validator,
)

from lab_runner.attempts.store import Event, Kind
from lab_runner.models.disk_changes import DiskChanges
from lab_runner.models.parameters import Strict
from lab_runner.submission import sealed
from lab_runner.submission.invitation import PERSON, Identifier
from lab_runner.submission.keys import SigningKey

#: Of one kind of a machine's state, in lines; of a line, in characters.
LINES_LIMIT, LINE_LIMIT = 10_000, 4_000
_EVENTS_LIMIT, _EVENT_LIMIT = 20_000, 1 << 20
_MACHINES_LIMIT = 100
#: Of all recorded terminals together, in characters; of their number.
TERMINALS_LIMIT, TERMINALS = 6 << 20, 500

Word = Annotated[str, StringConstraints(max_length=200)]
Machine = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}$")]
Line = Annotated[str, StringConstraints(max_length=LINE_LIMIT)]
Lines = Annotated[list[Line], Field(max_length=LINES_LIMIT)]
#: What a machine's kernel was told, by its kind: addresses, routes, firewall…
State = Annotated[dict[Word, Lines], Field(max_length=20)]


def _changes(value: object) -> DiskChanges:
    return value if isinstance(value, DiskChanges) else DiskChanges.from_json(value)


Changes = Annotated[DiskChanges, PlainValidator(_changes), PlainSerializer(DiskChanges.to_json)]


class Recorded(Strict):
    """An event of the attempt, as it was written down; the attributes are those of an event."""

    attempt: Word
    written: Annotated[str, StringConstraints(max_length=40)]
    kind: Kind
    text: Annotated[str, StringConstraints(max_length=_EVENT_LIMIT)]
    link: Annotated[str, StringConstraints(pattern=r"^(?:[0-9a-f]{64})?$")]

    @classmethod
    def of(cls, event: Event) -> Recorded:
        """From the record."""
        return cls.model_validate({name: getattr(event, name) for name in cls.model_fields})


class HandIn(Strict):
    """Somebody's work on one assignment.

    Attributes:
        course: The course's id.
        trainee: Who says that it is theirs.
        assignment: Which of the course's.
        scenario: What was started.
        seed: With which variant.
        attempt: The attempt.
        submitted: When it was handed in, by the trainee's clock.
        version: The kit that it was made with.
        events: All that was written down of the attempt, oldest first.
        changes: What was changed on the disks of machines, by machine.
        states: What the machines' kernels had been told at the end, by machine.
        terminals: What was seen in terminals, as asciicast v2, by the file's name.
    """

    course: Word
    trainee: Annotated[str, StringConstraints(pattern=PERSON)]
    assignment: Identifier
    scenario: Word
    seed: Annotated[int, Field(ge=0, lt=1 << 32)]
    attempt: Word
    submitted: AwareDatetime
    version: Word
    events: Annotated[list[Recorded], Field(max_length=_EVENTS_LIMIT)]
    changes: Annotated[dict[Machine, Changes], Field(max_length=_MACHINES_LIMIT)]
    states: Annotated[dict[Machine, State], Field(max_length=_MACHINES_LIMIT)]
    terminals: Annotated[
        dict[Word, Annotated[str, StringConstraints(max_length=TERMINALS_LIMIT)]],
        Field(max_length=TERMINALS),
    ] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _within_limits(self) -> HandIn:
        if sum(map(len, self.terminals.values())) > TERMINALS_LIMIT:
            raise ValueError(f"terminals of more than {TERMINALS_LIMIT >> 20} MiB")
        return self


def write_hand_in(work: HandIn, trainee: SigningKey) -> bytes:
    """The file, signed by the trainee.

    Raises:
        HandInError: It is more than a file may hold.
    """
    data = sealed.seal(sealed.Kind.HAND_IN, work.model_dump(mode="json"), trainee)
    sealed.unseal(data, sealed.Kind.HAND_IN)  # what nobody could read is not handed in
    return data


def read_hand_in(data: bytes) -> tuple[HandIn, bytes]:
    """The work in a file, and the public key of whoever signed it.

    Raises:
        HandInError: It is none, or one that nobody's work would make.
    """
    found = sealed.unseal(data, sealed.Kind.HAND_IN)
    otherwise = "It is signed, but no hand-in of this kit"
    return sealed.body_of(
        HandIn, found, otherwise, "It was not `lab submit` that made it."
    ), found.key
