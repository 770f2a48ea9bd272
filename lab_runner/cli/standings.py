"""A course on the terminal: what it is made of, and how everybody stands."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console

from lab_runner.cli.screen import out, table, text
from lab_runner.grading.ledger import Ledger
from lab_runner.grading.marks import Mark, Standing
from lab_runner.grading.rubric import Cost
from lab_runner.submission.keys import key_name

if TYPE_CHECKING:
    from lab_runner.grading.course import Course, CourseFolder


def show_course(course: CourseFolder) -> None:
    """Title, times, assignments, rubric, people."""
    console = out()
    told = course.course
    console.print(text(told.title, "bold"), text(f"course {course.secrets.course}", "quiet"))
    console.print(text(_times(told)))
    console.print(text(f"your key: {key_name(course.secrets.lead.public)}", "quiet"))
    console.print()
    _show_assignments(console, told)
    _show_rubric(console, told)
    _show_people(console, course)


def course_json(course: CourseFolder) -> dict[str, Any]:
    """The same for a program; without anything secret."""
    ledger = Ledger(course.path)
    current = ledger.current()
    return {
        "id": course.secrets.course,
        "key": key_name(course.secrets.lead.public),
        **course.course.model_dump(mode="json"),
        "people": [
            {
                "id": person.id,
                "name": person.name,
                "invited": person.id in course.public_keys(),
                "points": {
                    case.id: mark.points
                    for case in course.course.assignments
                    if (mark := current.get((person.id, case.id)))
                },
            }
            for person in course.people()
        ],
    }


def points_cell(mark: Mark | None) -> tuple[str, str]:
    """What stands for a mark in a table, and its style."""
    if mark is None:
        return "·", "quiet"
    star = "*" if mark.overrides else ""
    if mark.points is not None:
        return f"{mark.points:g}{star}", "passed" if mark.points == 100 else ""
    return (
        ("not graded", "error") if mark.standing is Standing.NOT_GRADED else ("refused", "failed")
    )


def _times(course: Course) -> str:
    opens = _time(course.opens) if course.opens else "at once"
    closes = _time(course.closes) if course.closes else "never"
    return f"opens {opens}, closes {closes}; passed from {course.passing:g} of 100 points"


def _time(when: datetime.datetime) -> str:
    return when.astimezone().strftime("%Y-%m-%d %H:%M %Z")


def _show_assignments(console: Console, course: Course) -> None:
    shown = table("assignment", "scenario", "trainees read", "weight", "minutes", "hints")
    for number, case in enumerate(course.assignments, 1):
        shown.add_row(
            text(case.id, "name"),
            text(case.scenario),
            text(case.title or f"Case {number}"),
            text(f"{case.weight:g}"),
            text(case.minutes or "·"),
            text("yes" if case.hints else "no"),
        )
    console.print(shown)
    console.print()


def _show_rubric(console: Console, course: Course) -> None:
    worth = [f"{name} {points:g}" for name, points in course.rubric.worth().items()]
    console.print(text("Of 100 points: " + ", ".join(worth)))
    costs = [f"{name} {course.rubric.cost(name):g}" for name in Cost if course.rubric.cost(name)]
    console.print(text("Off: " + (", ".join(costs) or "nothing")))
    console.print()


def _show_people(console: Console, course: CourseFolder) -> None:
    ledger = Ledger(course.path)
    current, keys = ledger.current(), course.public_keys()
    cases = [case.id for case in course.course.assignments]
    shown = table("trainee", "name", "invited", *cases)
    for person in course.people():
        cells = [points_cell(current.get((person.id, case))) for case in cases]
        invited = text("yes", "passed") if person.id in keys else text("not yet", "skipped")
        row = (text(word, style) for word, style in cells)
        shown.add_row(text(person.id, "name"), text(person.name), invited, *row)
    console.print(shown)
    if any(mark.overrides for mark in current.values()):
        console.print(text("* given by a person, in place of the replay", "quiet"))
