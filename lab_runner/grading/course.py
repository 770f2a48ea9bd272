"""A lead's course: what is to be solved, by whom, and the secrets that make it theirs.

A course is a folder. ``course.yml`` and the roster are the lead's to write; what lies in
``keys`` never leaves the lead's machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator

from lab_runner import __version__
from lab_runner.catalogue import Catalogue
from lab_runner.errors import HandInError, UsageError
from lab_runner.grading.roster import Person, read_roster
from lab_runner.grading.rubric import Rubric
from lab_runner.models.parameters import Strict
from lab_runner.models.source import Document, parse, unknown, validated
from lab_runner.planning.plan import Plan, make_plan
from lab_runner.submission.invitation import (
    Assignment,
    Identifier,
    Invitation,
    Title,
    read_invitation,
    write_invitation,
)
from lab_runner.submission.keys import SigningKey
from lab_runner.submission.private import write_private
from lab_runner.writing import not_written, write_whole

FILE = "course.yml"
INVITATIONS = "invitations"
SUFFIX = ".breakfix"
_KEYS = "keys"
_SECRET_BYTES, _ID_BYTES = 32, 8
#: What to do about an invitation that is damaged: the key in it is somebody's signature.
_LOST = (
    "What is signed with the key in it is matched by it alone: take it from a copy, or from "
    "whoever you sent it to. Where there is none, move it away and invite them again."
)
#: Seeds of a course are of this many bits: nobody finds a variant of somebody else by trying.
_SEED_BITS = 31


class Case(Strict):
    """One assignment, as the lead writes it.

    Attributes:
        id: What trainees type.
        scenario: A scenario or an exam; several joined by ``+``.
        title: What they read; ``Case 1`` and so on where it is left out.
        weight: Its share of the course's mark.
        minutes: How long each has from the start.
        hints: Are they allowed?
    """

    id: Identifier
    scenario: str
    title: Title | None = None
    weight: Annotated[float, Field(gt=0)] = 1.0
    minutes: Annotated[int, Field(gt=0)] | None = None
    hints: bool = True


class Course(Strict):
    """``course.yml``.

    Attributes:
        title: What it is called.
        opens: Not before this; with the zone, as in ``2026-11-23T09:00+01:00``.
        closes: Not after this.
        roster: The CSV file with everybody in it, beside this one.
        passing: The points from which the course is passed, of 100.
        rubric: What work is worth.
        assignments: What is to be solved.
    """

    title: Title
    opens: AwareDatetime | None = None
    closes: AwareDatetime | None = None
    roster: str = "roster.csv"
    passing: Annotated[float, Field(ge=0, le=100)] = 60
    rubric: Rubric = Field(default_factory=Rubric)
    assignments: Annotated[list[Case], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Course:
        if self.opens and self.closes and self.closes <= self.opens:
            raise ValueError("it closes before it opens")
        return self


@dataclass(frozen=True)
class Secrets:
    """What only the lead has.

    Attributes:
        course: The course's id, which is no secret.
        lead: Signs invitations.
        seeds: Draws everybody's variants.
    """

    course: str
    lead: SigningKey
    seeds: bytes

    def seed(self, trainee: str, assignment: str) -> int:
        """A trainee's own variant (HMAC-SHA-256, RFC 2104): nobody else can compute it."""
        text = json.dumps([self.course, trainee, assignment]).encode()
        digest = hmac.new(self.seeds, text, hashlib.sha256).digest()
        return int.from_bytes(digest[:8], "big") >> (64 - _SEED_BITS)


@dataclass(frozen=True)
class CourseFolder:
    """A course on the lead's disk."""

    path: Path
    course: Course
    secrets: Secrets

    @classmethod
    def open(cls, path: Path, catalogue: Catalogue) -> CourseFolder:
        """Read a course.

        Raises:
            UsageError: There is none, or its keys are gone.
            DefinitionError: Its file is wrong, or names a scenario that there is not.
        """
        file = path / FILE
        if not file.is_file():
            raise UsageError(
                f"There is no course in {path.absolute()}.",
                hint="Name its folder; `lab course new DIR` begins one.",
            )
        document = parse(file)
        course = validated(Course, document.data, document)
        _require_cases(course, document, catalogue)
        return cls(path, course, _load_secrets(path / _KEYS))

    def people(self) -> list[Person]:
        """Everybody in the roster.

        Raises:
            DefinitionError: It cannot be read.
        """
        return read_roster(self.path / self.course.roster)

    def invite(self, person: Person) -> Path:
        """Write somebody's invitation; whoever has one already keeps their key.

        Raises:
            HandInError: The one that is there cannot be read.
            UsageError: It cannot be written.
        """
        path = self.path / INVITATIONS / f"{person.id}{SUFFIX}"
        before = invited(path)
        key = SigningKey.from_pem(before.key) if before else SigningKey.new()
        data = write_invitation(self._invitation(person, key), self.secrets.lead)
        self._note_key(person.id, key.public)
        write_private(path, data)
        return path

    def plan(self, catalogue: Catalogue, trainee: str, case: Case) -> Plan:
        """A trainee's variant of an assignment.

        Raises:
            DefinitionError: A file of the scenario's is wrong.
        """
        return make_plan(catalogue, case.scenario, self.secrets.seed(trainee, case.id))

    def public_keys(self) -> dict[str, bytes]:
        """Whose hand-ins are to be signed with what, by trainee.

        Raises:
            UsageError: The file with it cannot be read.
        """
        file = self.path / _KEYS / "trainees.json"
        if not file.exists():
            return {}
        try:
            told: Mapping[str, str] = json.loads(file.read_text())
            return {trainee: bytes.fromhex(digits) for trainee, digits in told.items()}
        except (OSError, ValueError, TypeError, AttributeError) as exc:
            raise UsageError(
                f"Everybody's public keys in {file} cannot be read: {exc}.",
                hint="Move it away and run `lab course invite`: it is made again from the "
                "invitations that are there.",
            ) from exc

    def _invitation(self, person: Person, key: SigningKey) -> Invitation:
        course = self.course
        return Invitation(
            course=self.secrets.course,
            title=course.title,
            trainee=person.id,
            name=person.name,
            opens=course.opens,
            closes=course.closes,
            assignments=[
                Assignment(
                    id=case.id,
                    title=case.title or f"Case {number}",
                    scenario=case.scenario,
                    seed=self.secrets.seed(person.id, case.id),
                    minutes=case.minutes,
                    hints=case.hints,
                    hint_cost=course.rubric.hint,
                )
                for number, case in enumerate(course.assignments, 1)
            ],
            key=key.pem(),
            version=__version__,
        )

    def _note_key(self, trainee: str, public: bytes) -> None:
        known = {name: key.hex() for name, key in self.public_keys().items()}
        text = json.dumps(known | {trainee: public.hex()}, indent=1) + "\n"
        write_private(self.path / _KEYS / "trainees.json", text.encode())


def invited(path: Path) -> Invitation | None:
    """The invitation in a file of the course's; None where there is none yet.

    Raises:
        HandInError: It cannot be read.
    """
    if not path.exists():
        return None
    try:
        return read_invitation(path.read_bytes())[0]
    except (OSError, HandInError) as exc:
        raise HandInError(f"The invitation {path} cannot be used: {exc}", hint=_LOST) from exc


def new_course(path: Path, text: str, roster: str) -> None:
    """Begin a course: its two files to be edited, and its keys; all of it or nothing.

    Raises:
        NoRoom: The disk is full.
        UsageError: There is one already, or the folder cannot be written.
    """
    if (path / FILE).exists() or (path / _KEYS).exists():
        raise UsageError(f"There is a course in {path} already.", hint="Name another folder.")
    keys, there = path / _KEYS, path.exists()
    with contextlib.ExitStack() as undo:
        try:
            path.mkdir(parents=True, exist_ok=True)
            keys.mkdir(mode=0o700)
            undo.callback(shutil.rmtree, keys if there else path, ignore_errors=True)
            SigningKey.new().save(keys / "lead.pem")
        except OSError as exc:
            raise not_written(path, exc) from exc
        write_private(keys / "course", secrets.token_hex(_ID_BYTES).encode())
        write_private(keys / "seeds", secrets.token_hex(_SECRET_BYTES).encode())
        write_whole(path / "roster.csv", roster.encode())
        write_whole(path / FILE, text.encode())
        undo.pop_all()


def _require_cases(course: Course, document: Document, catalogue: Catalogue) -> None:
    seen: set[str] = set()
    for index, case in enumerate(course.assignments):
        if case.id in seen:
            message = f"assignment {case.id!r} is there twice"
            raise document.error(message, ("assignments", index, "id"))
        seen.add(case.id)
        at = ("assignments", index, "scenario")
        for name in case.scenario.split("+"):
            if name not in catalogue.scenario_files:
                message = unknown(f"scenario {name!r}", name, catalogue.scenario_ids())
                raise document.error(message, at)
        try:
            make_plan(catalogue, case.scenario, 1)
        except UsageError as exc:
            raise document.error(str(exc), at) from exc


def _load_secrets(folder: Path) -> Secrets:
    try:
        course = (folder / "course").read_text().strip()
        seeds = bytes.fromhex((folder / "seeds").read_text().strip())
    except (OSError, ValueError) as exc:
        raise UsageError(
            f"The course's secrets in {folder} cannot be read: {exc}.",
            hint="Without them no hand-in can be matched: look for a copy of that folder.",
        ) from exc
    return Secrets(course, SigningKey.load(folder / "lead.pem"), seeds)
