"""Makes hand-ins without any hand: every repair that a scenario knows, right and wrong.

One lab serves all work on one variant: what an earlier repair has changed is built again.
"""

from __future__ import annotations

import datetime
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker import DockerClient

from lab_runner.attempts.access import open_nodes
from lab_runner.attempts.chain import BEGINNING, link
from lab_runner.attempts.store import Kind
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

#: All attempts are called so: nothing depends on it.
ATTEMPT = "a1b2c3"
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
    """What somebody did, and how it should be judged.

    Attributes:
        began: When the network was handed to them.
    """

    trainee: str
    assignment: str
    way: Way
    changes: Mapping[str, DiskChanges]
    began: datetime.datetime

    @property
    def written(self) -> bool:
        """Is there anything of it on a disk?"""
        return any(one.entries or one.folders for one in self.changes.values())


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
    client: DockerClient,
    catalogue: Catalogue,
    course: CourseFolder,
    trainee: str,
    case: Case,
    *,
    every: int = 1,
) -> Iterator[Work]:
    """What can be done about somebody's variant of a case, one after the other.

    Args:
        client: The engine.
        catalogue: The scenarios.
        course: The course.
        trainee: Whose variant.
        case: The assignment.
        every: Only every so manieth thing.
    """
    seed = course.secrets.seed(trainee, case.id)
    plan = make_plan(catalogue, case.scenario, seed)
    attempt = f"t{secrets.token_hex(3)}"
    try:
        with running.deploy(client, plan, attempt, quiet) as lab:
            stage = Stage(lab)
            for way in ways(catalogue, case.scenario, seed)[::every]:
                stage.break_it(seen=False)
                hand_over(lab, configuration=False, disks=open_nodes(plan))
                began = datetime.datetime.now(datetime.UTC)
                stage.apply(way.steps)
                # Whoever writes by hand leaves a time that no archive would.
                files = [(step.node, step.write) for step in way.steps if step.write]
                stage.apply(Step(node=node, run=f"touch '{path}'") for node, path in files)
                yield Work(trainee, case.id, way, take(lab, open_nodes(plan)), began)
    finally:
        running.remove(client, attempt, quiet)


def invitation(course: CourseFolder, trainee: str) -> Invitation:
    """Somebody's, as it was written for them."""
    path = course.path / "invitations" / f"{trainee}.breakfix"
    return read_invitation(path.read_bytes())[0]


def handed_in(course: CourseFolder, done: Work, **changes: Any) -> bytes:
    """The file that `lab submit` would have written; of two the later one counts.

    Args:
        course: Whose invitations there are.
        done: What was done.
        changes: Fields of the hand-in that are another's.
    """
    told = invitation(course, done.trainee)
    case = next(one for one in told.assignments if one.id == done.assignment)
    fields: dict[str, Any] = {
        "course": told.course,
        "trainee": told.trainee,
        "assignment": case.id,
        "scenario": case.scenario,
        "seed": case.seed,
        "attempt": ATTEMPT,
        "submitted": datetime.datetime.now(datetime.UTC),
        "version": told.version,
        "events": record(done, course),
        "changes": {name: found.to_json() for name, found in done.changes.items()},
        "states": {},
    }
    body = HandIn.model_validate(fields | changes)
    return write_hand_in(body, SigningKey.from_pem(told.key))


def record(done: Work, course: CourseFolder) -> list[Recorded]:
    """What the kit would have written down: a start, and one check."""
    told = invitation(course, done.trainee)
    case = next(one for one in told.assignments if one.id == done.assignment)
    start = {"scenario": case.scenario, "seed": case.seed}
    check = {**start, "attempt": ATTEMPT, "passed": done.way.saw_green, "checks": []}
    events: list[Recorded] = []
    moments = (done.began, datetime.datetime.now(datetime.UTC))
    for kind, payload, moment in zip(
        (Kind.START, Kind.CHECK), (start, check), moments, strict=True
    ):
        text, written = json.dumps(payload), moment.isoformat()
        place = link(events[-1].link if events else BEGINNING, ATTEMPT, written, kind, text)
        event = Recorded(attempt=ATTEMPT, written=written, kind=kind, text=text, link=place)
        events.append(event)
    return events


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
