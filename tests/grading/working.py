"""Makes hand-ins without any hand: every repair that a scenario knows, right and wrong.

One lab serves all work on one variant: what an earlier repair has changed is built again.
"""

from __future__ import annotations

import datetime
import json
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker import DockerClient

from lab_runner.attempts.access import open_nodes
from lab_runner.attempts.store import Kind, Store
from lab_runner.catalogue import Catalogue
from lab_runner.checker.handed_over import hand_over
from lab_runner.engine import running
from lab_runner.engine.disk_changes import take
from lab_runner.grading.course import Case, CourseFolder, new_course
from lab_runner.models.disk_changes import DiskChanges
from lab_runner.models.scenario import Step
from lab_runner.planning.plan import make_plan
from lab_runner.proving.stage import Stage, quiet
from lab_runner.submission.hand_in import HandIn, Recorded, write_hand_in
from lab_runner.submission.invitation import Invitation, read_invitation
from lab_runner.submission.keys import SigningKey

#: What is right after the reboot of a replay though nobody saw it: the file is right, and was not
#: loaded. By scenario, the titles of wrong fixes.
MENDED_BY_A_REBOOT = {
    "internet-gone-since-the-renumbering": {"Correct the file and never load it"},
    "neighbours-out-of-reach": {"Correct the file and leave the machine as it runs"},
}


@dataclass(frozen=True)
class Way:
    """One thing that somebody does about a case.

    Attributes:
        right: Is the network whole after it, and after a reboot?
        saw_green: Did the last check before it was handed in say so?
        caught_by: The checks that are red when it is carried out again.
    """

    title: str
    steps: tuple[Step, ...]
    right: bool
    saw_green: bool
    caught_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Work:
    """What somebody did, and how it should be judged."""

    trainee: str
    assignment: str
    way: Way
    changes: Mapping[str, DiskChanges]


def ways(catalogue: Catalogue, scenario: str, seed: int) -> list[Way]:
    """Nothing at all, every repair, and every wrong one."""
    plan = make_plan(catalogue, scenario, seed)
    told = plan.scenario
    assert told is not None
    mended = MENDED_BY_A_REBOOT.get(scenario, set())
    every = [Way("Nothing", (), right=False, saw_green=False, caught_by=tuple(told.symptoms))]
    every += [Way(s.title, tuple(s.steps), right=True, saw_green=True) for s in told.solutions]
    allowed = set(open_nodes(plan))
    for fix in told.wrong_fixes:
        right = fix.title in mended
        caught_by = () if right else tuple(fix.caught_by)
        way = Way(fix.title, tuple(fix.steps), right, bool(fix.after_reboot), caught_by)
        every.append(way)
    return [way for way in every if {step.node for step in way.steps} <= allowed]


def work(
    client: DockerClient, catalogue: Catalogue, course: CourseFolder, trainee: str, case: Case
) -> Iterator[Work]:
    """Everything that can be done about somebody's variant of a case, one after the other."""
    seed = course.secrets.seed(trainee, case.id)
    plan = make_plan(catalogue, case.scenario, seed)
    attempt = f"t{secrets.token_hex(3)}"
    try:
        with running.deploy(client, plan, attempt, quiet) as lab:
            stage = Stage(lab)
            for way in ways(catalogue, case.scenario, seed):
                stage.break_it(seen=False)
                hand_over(lab, configuration=False, disks=open_nodes(plan))
                stage.apply(way.steps)
                yield Work(trainee, case.id, way, take(lab, open_nodes(plan)))
    finally:
        running.remove(client, attempt, quiet)


def invitation(course: CourseFolder, trainee: str) -> Invitation:
    """Somebody's, as it was written for them."""
    path = course.path / "invitations" / f"{trainee}.breakfix"
    return read_invitation(path.read_bytes())[0]


def handed_in(course: CourseFolder, done: Work, *, minute: int = 0, **changes: Any) -> bytes:
    """The file that `lab submit` would have written.

    Args:
        course: Whose invitations there are.
        done: What was done.
        minute: So many minutes after noon; of two files the later one counts.
        changes: Fields of the hand-in that are another's.
    """
    told = invitation(course, done.trainee)
    case = next(one for one in told.assignments if one.id == done.assignment)
    attempt = changes.get("attempt") or secrets.token_hex(3)
    now = datetime.datetime.now(datetime.UTC)
    fields: dict[str, Any] = {
        "course": told.course,
        "trainee": told.trainee,
        "assignment": case.id,
        "scenario": case.scenario,
        "seed": case.seed,
        "attempt": attempt,
        "submitted": now + datetime.timedelta(minutes=minute),
        "version": told.version,
        "events": record(attempt, done, course),
        "changes": {name: found.to_json() for name, found in done.changes.items()},
        "states": {},
    }
    body = HandIn.model_validate(fields | changes)
    return write_hand_in(body, SigningKey.from_pem(told.key))


def record(attempt: str, done: Work, course: CourseFolder) -> list[Recorded]:
    """What the kit would have written down: a start, and one check."""
    case = next(
        one for one in invitation(course, done.trainee).assignments if one.id == done.assignment
    )
    start = {"scenario": case.scenario, "seed": case.seed}
    check = {**start, "attempt": attempt, "passed": done.way.saw_green, "checks": []}
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store") as store:
        store.append(attempt, Kind.START, start)
        store.append(attempt, Kind.CHECK, check)
        return [Recorded.of(event) for event in store.events()]


def course_with(
    folder: Path, catalogue: Catalogue, cases: Mapping[str, str], people: int
) -> CourseFolder:
    """A course of so many people, who are all invited; cases are scenarios by assignment."""
    assignments = [{"id": name, "scenario": scenario} for name, scenario in cases.items()]
    roster = "".join(f"p{number:02},Person {number}\n" for number in range(1, people + 1))
    # JSON is YAML.
    text = json.dumps({"title": "A class", "assignments": assignments})
    new_course(folder, text, f"id,name\n{roster}")
    course = CourseFolder.open(folder, catalogue)
    for person in course.people():
        course.invite(person)
    return course
