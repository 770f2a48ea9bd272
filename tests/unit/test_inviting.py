"""Invitations: what is new in them, and for whom; and a course as it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_runner.catalogue import Catalogue
from lab_runner.errors import DefinitionError, UnknownName, UsageError
from lab_runner.grading.beginning import begin
from lab_runner.grading.course import CourseFolder
from lab_runner.grading.inviting import Invited, State, gone, invite
from lab_runner.grading.rubric import Rubric
from lab_runner.submission.invitation import read_invitation
from tests.unit.hand_ins import COURSE, ROSTER, make_course


@pytest.fixture
def course(tmp_path: Path, small: Catalogue) -> CourseFolder:
    return make_course(tmp_path / "course", small)


def after(
    course: CourseFolder, small: Catalogue, text: str = COURSE, roster: str = ROSTER
) -> dict[str, Invited]:
    """Everybody's invitation after the lead changed something."""
    (course.path / "course.yml").write_text(text)
    (course.path / "roster.csv").write_text(roster)
    again = CourseFolder.open(course.path, small)
    return {one.person.id: one for one in invite(again, [])}


def test_nothing_new(course: CourseFolder, small: Catalogue) -> None:
    before = {path: path.read_bytes() for path in (course.path / "invitations").iterdir()}
    assert {one.state for one in after(course, small).values()} == {State.UNCHANGED}
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("title: Ramp-up", "title: Other", ("title: Other",)),
        ("passing: 60", "opens: 2026-11-23T09:00Z", ("opens 2026-11-23 09:00:00+00:00",)),
        ("no-page-opens}", "no-page-opens, minutes: 30}", ("first: minutes",)),
        ("no-page-opens}", "far-side-unreachable}", ("first: another scenario",)),
        ("hints: false", "title: Two", ("second: title, hints",)),
        ("id: second", "id: third", ("new: third", "gone: second")),
        ("hint: 5", "hint: 7", ("first: what a hint costs", "second: what a hint costs")),
    ],
)
def test_what_is_new_is_told(
    course: CourseFolder, small: Catalogue, right: str, wrong: str, told: tuple[str, ...]
) -> None:
    found = after(course, small, COURSE.replace(right, wrong))
    assert {one.state for one in found.values()} == {State.CHANGED}
    assert sorted(found["ada"].changes) == sorted(told)


def test_weights_and_passing_are_the_leads_alone(course: CourseFolder, small: Catalogue) -> None:
    text = COURSE.replace("passing: 60", "passing: 70").replace("{hint: 5}", "{repair: 50}")
    assert {one.state for one in after(course, small, text).values()} == {State.UNCHANGED}


def test_who_is_new_and_who_is_gone(course: CourseFolder, small: Catalogue) -> None:
    roster = ROSTER.replace("max,Max\n", "kim,Kim\n").replace("bob,Bob", "bob,Robert")
    found = after(course, small, roster=roster)
    assert {name: one.state for name, one in found.items()} == {
        "ada": State.UNCHANGED,
        "bob": State.CHANGED,
        "eve": State.UNCHANGED,
        "kim": State.NEW,
    }
    assert found["bob"].changes == ("their name: Robert",)
    assert gone(CourseFolder.open(course.path, small)) == ["max"]


def test_only_some(course: CourseFolder) -> None:
    assert [one.person.id for one in invite(course, ["eve"])] == ["eve"]
    with pytest.raises(UnknownName, match="'evee' is unknown"):
        invite(course, ["evee"])


def test_hints_have_their_price_in_the_invitation(course: CourseFolder) -> None:
    invitation = read_invitation((course.path / "invitations/ada.breakfix").read_bytes())[0]
    assert [one.hint_cost for one in invitation.assignments] == [5, 5]


# --- a course as it begins -----------------------------------------------------------


def test_a_new_course_is_valid_and_says_the_defaults(tmp_path: Path, shipped: Catalogue) -> None:
    begin(tmp_path / "new", shipped, None)
    course = CourseFolder.open(tmp_path / "new", shipped)
    assert course.course.rubric == Rubric()
    assert len(course.people()) == 1
    assert [one.state for one in invite(course, [])] == [State.NEW]


def test_a_course_begins_with_what_is_named(tmp_path: Path, small: Catalogue) -> None:
    begin(tmp_path / "new", small, "far-side-unreachable")
    course = CourseFolder.open(tmp_path / "new", small)
    assert [case.scenario for case in course.course.assignments] == ["far-side-unreachable"]
    with pytest.raises(UnknownName, match="Did you mean 'no-page-opens'"):
        begin(tmp_path / "other", small, "no-page-open")
    assert not (tmp_path / "other").exists()
    with pytest.raises(UsageError, match="already"):
        begin(tmp_path / "new", small, None)


@pytest.mark.parametrize(
    ("rubric", "message"),
    [
        ("{repair: 0}", "repair has to weigh something"),
        ("{repiar: 1}", "Did you mean 'repair'"),
        ("{hint: 200}", "rubric"),
    ],
)
def test_a_faulty_rubric_is_told_with_its_line(
    course: CourseFolder, small: Catalogue, rubric: str, message: str
) -> None:
    (course.path / "course.yml").write_text(COURSE.replace("{hint: 5}", rubric))
    with pytest.raises(DefinitionError, match=r"course\.yml:3") as caught:
        CourseFolder.open(course.path, small)
    assert message in str(caught.value)
