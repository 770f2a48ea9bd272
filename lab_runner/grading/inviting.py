"""Invitations for everybody in the roster, and what is new in them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lab_runner.errors import UnknownName
from lab_runner.grading.course import INVITATIONS, SUFFIX, CourseFolder, invited
from lab_runner.grading.roster import Person
from lab_runner.models.source import unknown
from lab_runner.submission.invitation import Assignment, Invitation


class State(StrEnum):
    """What became of an invitation."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Invited:
    """One person's.

    Attributes:
        person: Who.
        path: The file.
        state: Is there anything to be sent?
        changes: What is other than in the one before, in words.
    """

    person: Person
    path: Path
    state: State
    changes: tuple[str, ...] = ()


def invite(course: CourseFolder, only: list[str]) -> list[Invited]:
    """Write the invitations of everybody, or of some.

    Raises:
        UnknownName: Somebody is not in the roster.
        HandInError: An invitation that is there cannot be read.
        UsageError: One cannot be written.
    """
    people = course.people()
    known = {person.id for person in people}
    for name in only:
        if name not in known:
            raise UnknownName(unknown(f"trainee {name!r}", name, known))
    return [_one(course, person) for person in people if not only or person.id in only]


def gone(course: CourseFolder) -> list[str]:
    """Who was invited and is not in the roster any more."""
    there = {person.id for person in course.people()}
    return sorted(set(course.public_keys()) - there)


def _one(course: CourseFolder, person: Person) -> Invited:
    path = course.path / INVITATIONS / f"{person.id}{SUFFIX}"
    before = invited(path)
    course.invite(person)
    after = invited(path)
    if before is None or after is None:
        return Invited(person, path, State.NEW)
    if before == after:
        return Invited(person, path, State.UNCHANGED)
    return Invited(person, path, State.CHANGED, tuple(_changes(before, after)))


def _changes(before: Invitation, after: Invitation) -> list[str]:
    found = []
    for word, name in (("title", "title"), ("their name", "name")):
        if getattr(before, name) != getattr(after, name):
            found.append(f"{word}: {getattr(after, name)}")
    found += [
        f"{word} {getattr(after, word) or 'at no time of its own'}"
        for word in ("opens", "closes")
        if getattr(before, word) != getattr(after, word)
    ]
    was = {one.id: one for one in before.assignments}
    there = {one.id: one for one in after.assignments}
    found += [f"new: {name}" for name in there if name not in was]
    found += [f"gone: {name}" for name in was if name not in there]
    for name in there.keys() & was.keys():
        if fields := _fields(was[name], there[name]):
            found.append(f"{name}: {', '.join(fields)}")
    if [one for one in was if one in there] != [one for one in there if one in was]:
        found.append("another order")
    return found or [f"written by kit {after.version}"]


def _fields(before: Assignment, after: Assignment) -> list[str]:
    words = {
        "title": "title",
        "scenario": "another scenario",
        "seed": "another variant",
        "minutes": "minutes",
        "hints": "hints",
        "hint_cost": "what a hint costs",
    }
    return [word for name, word in words.items() if getattr(before, name) != getattr(after, name)]
