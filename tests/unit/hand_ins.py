"""Hand-ins as trainees of a small course would make them, and replays as they would come out."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab_runner.attempts.chain import BEGINNING, link
from lab_runner.attempts.store import Kind
from lab_runner.catalogue import Catalogue
from lab_runner.grading.course import Case, CourseFolder, new_course
from lab_runner.models.disk_changes import DiskChanges, Entry
from lab_runner.models.results import CheckResult, PartResult, Report, Status
from lab_runner.planning.plan import Plan
from lab_runner.submission.hand_in import HandIn, Recorded, write_hand_in
from lab_runner.submission.invitation import read_invitation
from lab_runner.submission.keys import SigningKey

BEGAN = datetime.datetime(2026, 11, 24, 10, tzinfo=datetime.UTC)
COURSE = """\
title: Ramp-up
passing: 60
rubric: {hint: 5}
assignments:
  - {id: first, scenario: no-page-opens}
  - {id: second, scenario: far-side-unreachable, hints: false}
"""
ROSTER = "id,name\nada,Ada\nbob,Bob\neve,Eve\nmax,Max\n"
ROUTER = "etc/sysctl.d/50-router.conf"
Told = tuple[Kind, Mapping[str, Any]]


def make_course(path: Path, catalogue: Catalogue, text: str = COURSE) -> CourseFolder:
    """A course in which everybody is invited."""
    new_course(path, text, ROSTER)
    course = CourseFolder.open(path, catalogue)
    for person in course.people():
        course.invite(person)
    return course


def chained(start: Mapping[str, Any], *told: Told) -> list[Recorded]:
    """The record of an attempt, an event a minute."""
    events: list[Recorded] = []
    for number, (kind, payload) in enumerate([(Kind.START, start), *told]):
        written = (BEGAN + datetime.timedelta(minutes=number)).isoformat()
        text = json.dumps(payload)
        place = link(events[-1].link if events else BEGINNING, "a1b2c3", written, kind, text)
        events.append(Recorded(attempt="a1b2c3", written=written, kind=kind, text=text, link=place))
    return events


def command(node: str, line: str) -> Told:
    return Kind.COMMAND, {"node": node, "terminal": "1", "line": line, "status": 0}


def answer(node: str, layer: str, component: str, cause: str) -> Told:
    words = {"node": node, "layer": layer, "component": component, "cause": cause}
    return Kind.DIAGNOSIS, {"answer": words, "points": 100, "solved": False}


GREEN: Told = (Kind.CHECK, {"passed": True, "checks": []})


def written(
    text: str, *, node: str = "gw", path: str = ROUTER, mtime: float = 5.0
) -> dict[str, DiskChanges]:
    """One file on one disk."""
    entry = Entry(path, "file", 0o644, 0, 0, mtime, text.encode())
    return {node: DiskChanges((entry,))}


RIGHT = "net.ipv4.ip_forward = 1\n"


def work_of(
    course: CourseFolder,
    trainee: str,
    *told: Told,
    changes: Mapping[str, DiskChanges] | None = None,
    assignment: str = "first",
    minutes: int = 20,
    **fields: Any,
) -> HandIn:
    """Somebody's work; an honest one, but for what is named."""
    case = next(case for case in course.course.assignments if case.id == assignment)
    seed = fields.pop("seed", course.secrets.seed(trainee, assignment))
    start = {"scenario": case.scenario, "seed": seed}
    return HandIn.model_validate(
        {
            "course": course.secrets.course,
            "trainee": trainee,
            "assignment": assignment,
            "scenario": case.scenario,
            "seed": seed,
            "attempt": "a1b2c3",
            "submitted": BEGAN + datetime.timedelta(minutes=minutes),
            "version": "0.1.0",
            "events": chained(start, *told),
            "changes": {node: one.to_json() for node, one in (changes or {}).items()},
            "states": {},
        }
        | fields
    )


def key_of(course: CourseFolder, trainee: str) -> SigningKey:
    data = (course.path / "invitations" / f"{trainee}.breakfix").read_bytes()
    return SigningKey.from_pem(read_invitation(data)[0].key)


def handed_in(course: CourseFolder, work: HandIn, folder: Path, name: str = "") -> Path:
    """The file, signed by whose it is."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name or work.trainee + '-' + work.assignment}.breakfix"
    path.write_bytes(write_hand_in(work, key_of(course, work.trainee)))
    return path


def case_named(course: CourseFolder, name: str) -> Case:
    return next(case for case in course.course.assignments if case.id == name)


def report_of(plan: Plan, *red: str, errors: tuple[str, ...] = ()) -> Report:
    """A replay in which all is green but for what is named."""
    rows = []
    for check in plan.checks:
        bad = Status.FAILED if check.id in red else Status.PASSED
        status = Status.ERROR if check.id in errors else bad
        role = plan.role(check.id)
        rows.append(
            CheckResult(id=check.id, title=check.id, role=role, status=status, rationale="seen")
        )
    parts = [
        PartResult(scenario=name, title=name, passed=not set(part.symptoms) & set(red))
        for name, part in plan.parts.items()
    ]
    return Report(
        attempt="f00",
        scenario=plan.scenario_id or "",
        seed=plan.seed,
        checks=rows,
        parts=parts if plan.composite else [],
    )
