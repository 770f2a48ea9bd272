"""What a trainee gets from a lead: who they are, what there is to do, and the key to sign with."""

from __future__ import annotations

import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator

from lab_runner.models.checks import IDENTIFIER
from lab_runner.models.parameters import Strict
from lab_runner.submission.keys import SigningKey
from lab_runner.submission.sealed import Kind, body_of, seal, unseal

#: People have ids of their own: numbers, initials, addresses of mail.
PERSON = r"^[\w][\w.@+-]{0,63}$"
_TITLE_LIMIT = 200

Identifier = Annotated[str, Field(pattern=IDENTIFIER, max_length=64)]
Title = Annotated[str, Field(min_length=1, max_length=_TITLE_LIMIT)]


class Assignment(Strict):
    """One case that somebody is to solve.

    Attributes:
        id: What they type.
        title: What they read; nothing of what is broken.
        scenario: Which one, or an exam.
        seed: Their own variant.
        minutes: How long they have from the start; None for as long as they like.
        hints: May they ask for hints?
        hint_cost: What each hint takes off, in points of 100.
    """

    id: Identifier
    title: Title
    scenario: Annotated[str, Field(min_length=1, max_length=_TITLE_LIMIT)]
    seed: Annotated[int, Field(ge=0, lt=1 << 32)]
    minutes: Annotated[int, Field(gt=0)] | None = None
    hints: bool = True
    hint_cost: Annotated[float, Field(ge=0, le=100)] = 0.0


class Invitation(Strict):
    """Somebody's place in a course.

    Attributes:
        course: The course's id, the same in all of its invitations.
        title: Its name.
        trainee: Who it is, by the roster's id.
        name: Their name, as the roster has it.
        opens: Not before this.
        closes: Not after this.
        assignments: In the order of the course.
        key: The key that they sign with (PKCS #8, PEM): whoever has this file is this trainee.
        version: The kit that it was made with.
    """

    course: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    title: Title
    trainee: Annotated[str, Field(pattern=PERSON)]
    name: Title
    opens: AwareDatetime | None = None
    closes: AwareDatetime | None = None
    assignments: Annotated[list[Assignment], Field(min_length=1, max_length=100)]
    key: Annotated[str, Field(max_length=1000)]
    version: Annotated[str, Field(max_length=40)]

    @model_validator(mode="after")
    def _sound(self) -> Invitation:
        SigningKey.from_pem(self.key)
        if len({one.id for one in self.assignments}) != len(self.assignments):
            raise ValueError("an assignment is there twice")
        return self

    def is_open(self, now: datetime.datetime) -> bool:
        """May it be worked on now?"""
        begun = self.opens is None or self.opens <= now
        return begun and (self.closes is None or now < self.closes)


def write_invitation(invitation: Invitation, lead: SigningKey) -> bytes:
    """The file, signed by the lead."""
    return seal(Kind.INVITATION, invitation.model_dump(mode="json"), lead)


def read_invitation(data: bytes) -> tuple[Invitation, bytes]:
    """The invitation in a file, and the public key of whoever signed it.

    Raises:
        HandInError: It is none.
    """
    sealed = unseal(data, Kind.INVITATION)
    otherwise = "It is no invitation of this kit"
    return body_of(Invitation, sealed, otherwise, "Ask for the file again."), sealed.key
