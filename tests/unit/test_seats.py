"""A trainee's courses: joined, found by name, and how their assignments stand."""

from __future__ import annotations

import datetime
import json
import stat
from pathlib import Path

import pytest

from lab_runner.attempts.store import Event, Kind
from lab_runner.attempts.tasks import Task
from lab_runner.catalogue import Catalogue
from lab_runner.cli.coursework import left
from lab_runner.errors import UnknownName, UsageError
from lab_runner.grading.course import CourseFolder, new_course
from lab_runner.submission.invitation import read_invitation, write_invitation
from lab_runner.submission.keys import SigningKey
from lab_runner.submission.rules import is_kept_back
from lab_runner.submission.seats import (
    Seat,
    find_assignment,
    find_seat,
    full_name,
    join,
    seats,
    short_names,
    unreadable,
)
from lab_runner.submission.standing import State, Work, require_open, works

OPENS = datetime.datetime(2026, 11, 23, 8, tzinfo=datetime.UTC)
CLOSES = datetime.datetime(2026, 11, 27, 17, tzinfo=datetime.UTC)
NOW = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)
COURSE = """\
title: {title}
opens: 2026-11-23T09:00+01:00
closes: 2026-11-27T18:00+01:00
assignments:
  - {{id: first, scenario: no-page-opens, minutes: 30}}
  - {{id: {second}, scenario: far-side-unreachable, hints: false}}
"""


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BREAKFIX_HOME", str(tmp_path / "home"))


def invitations(
    folder: Path, small: Catalogue, title: str = "Ramp-up", second: str = "second"
) -> list[Path]:
    new_course(folder, COURSE.format(title=title, second=second), "id,name\nada,Ada\nbob,Bob\n")
    course = CourseFolder.open(folder, small)
    return [course.invite(person) for person in course.people()]


@pytest.fixture
def ada(tmp_path: Path, small: Catalogue) -> Path:
    return invitations(tmp_path / "course", small)[0]


# --- joining ---------------------------------------------------------------------


def test_an_invitation_is_kept_for_its_owner_alone(ada: Path) -> None:
    joined = join(ada)
    assert joined.before is None
    (seat,) = seats()
    assert (seat.invitation.trainee, seat.invitation.title) == ("ada", "Ramp-up")
    file = seat.folder / "invitation.breakfix"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(seat.folder.stat().st_mode) == 0o700
    assert file.read_bytes() == ada.read_bytes()
    assert find_seat(seat.invitation.course) == seat
    assert seat.key.public == SigningKey.from_pem(seat.invitation.key).public


def test_a_newer_invitation_of_the_same_lead_replaces(ada: Path, small: Catalogue) -> None:
    join(ada)
    file = ada.parent.parent / "course.yml"
    file.write_text(file.read_text().replace("minutes: 30", "minutes: 45"))
    course = CourseFolder.open(file.parent, small)
    joined = join(course.invite(course.people()[0]))
    assert joined.before is not None
    assert joined.before.assignments[0].minutes == 30
    (seat,) = seats()
    assert seat.invitation.assignments[0].minutes == 45


def test_another_lead_cannot_take_a_course_over(ada: Path, tmp_path: Path) -> None:
    join(ada)
    invitation, lead = read_invitation(ada.read_bytes())
    forged = tmp_path / "forged"
    forged.write_bytes(write_invitation(invitation, SigningKey.new()))
    with pytest.raises(UsageError, match="signed by another lead"):
        join(forged)
    assert seats()[0].lead_key == lead


def test_somebody_elses_invitation_is_refused(tmp_path: Path, small: Catalogue) -> None:
    one, other = invitations(tmp_path / "course", small)
    join(one)
    with pytest.raises(UsageError, match="for bob, and ada has joined") as caught:
        join(other)
    assert "BREAKFIX_HOME" in caught.value.hint
    assert seats()[0].invitation.trainee == "ada"


@pytest.mark.parametrize("content", [b"", b"nothing", b"\x1f\x8b\x08"])
def test_what_is_no_invitation_is_told_with_its_name(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=str(file)) as caught:
        join(file)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    assert seats() == []


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        join(tmp_path / "none")


def test_a_kept_invitation_that_is_damaged_is_named(ada: Path) -> None:
    seat = join(ada).seat
    (seat.folder / "invitation.breakfix").write_bytes(ada.read_bytes()[:-9])
    (problem,) = unreadable()
    assert "invitation.breakfix: It is cut off" in str(problem)
    assert "lab join" in problem.hint
    with pytest.raises(UsageError, match="cut off"):
        find_assignment("first")
    with pytest.raises(UsageError, match="cut off"):
        find_seat(seat.invitation.course)


def test_a_damaged_seat_takes_no_other_one_away_and_is_taken_again(
    ada: Path, tmp_path: Path, small: Catalogue
) -> None:
    damaged = join(ada).seat
    (damaged.folder / "invitation.breakfix").write_bytes(b"nothing of ours")
    other = join(invitations(tmp_path / "other", small, "Other", "third")[0]).seat
    assert seats() == [other]
    assert find_seat(other.invitation.course) == other
    assert find_assignment("third")[0] == other
    assert join(ada).before is None
    assert (len(seats()), unreadable()) == (2, [])


def test_a_seat_that_is_a_link_to_itself_is_named_and_taken_again(ada: Path) -> None:
    file = join(ada).seat.folder / "invitation.breakfix"
    file.unlink()
    file.symlink_to(file)
    (problem,) = unreadable()
    assert "Too many levels of symbolic links" in str(problem)
    join(ada)
    assert (len(seats()), unreadable(), file.is_symlink()) == (1, [], False)


def test_where_nothing_can_be_written(
    ada: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("BREAKFIX_HOME", str(tmp_path / "taken"))
    with pytest.raises(UsageError, match="cannot be written"):
        join(ada)


# --- names ------------------------------------------------------------------------


def test_an_assignment_is_found_by_its_id(ada: Path) -> None:
    seat = join(ada).seat
    assert find_assignment("second") == (seat, seat.invitation.assignments[1])
    assert find_assignment(full_name(seat, seat.invitation.assignments[0]))[1].id == "first"
    assert find_assignment(f"{seat.invitation.course}/first")[1].id == "first"


def test_an_unknown_one_suggests_the_nearest(ada: Path) -> None:
    join(ada)
    with pytest.raises(UnknownName, match="Did you mean 'first'"):
        find_assignment("frist")
    with pytest.raises(UnknownName, match="no course whose id begins with 'zzzz'"):
        find_assignment("zzzz/first")


def test_what_is_in_two_courses_needs_the_longer_name(
    ada: Path, tmp_path: Path, small: Catalogue
) -> None:
    one = join(ada).seat
    other = join(invitations(tmp_path / "more", small, "Another", "third")[0]).seat
    assert [seat.invitation.title for seat in seats()] == ["Another", "Ramp-up"]
    with pytest.raises(UsageError, match="in several courses") as caught:
        find_assignment("first")
    assert full_name(one, one.invitation.assignments[0]) in str(caught.value)
    assert find_assignment("third")[0] == other
    names = short_names(seats(), ["second"])
    assert names[one.invitation.course, "first"] == full_name(one, one.invitation.assignments[0])
    assert names[one.invitation.course, "second"].endswith("/second")
    assert names[other.invitation.course, "third"] == "third"


def test_a_seat_that_is_gone() -> None:
    with pytest.raises(UnknownName, match="no seat in the course 0123"):
        find_seat("0123456789abcdef")
    assert is_kept_back("0123456789abcdef", NOW)


# --- how it stands ----------------------------------------------------------------


def event(attempt: str, kind: Kind, minutes: float, **facts: object) -> Event:
    when = NOW + datetime.timedelta(minutes=minutes)
    return Event(attempt, when.isoformat(), kind, json.dumps(facts))


def start(seat: Seat, attempt: str, minutes: float, name: str = "first") -> Event:
    return event(attempt, Kind.START, minutes, **Task(seat.invitation.course, name).facts())


def standing(seat: Seat, *events: Event, running: list[str] | None = None) -> Work:
    return works([seat], events, running or [])[0]


def after(minutes: float) -> datetime.datetime:
    return NOW + datetime.timedelta(minutes=minutes)


def test_states_follow_one_another(ada: Path) -> None:
    seat = join(ada).seat
    fresh = standing(seat)
    assert fresh.state(OPENS - datetime.timedelta(seconds=1)) is State.NOT_YET
    assert fresh.state(OPENS) is State.OPEN
    assert fresh.state(CLOSES) is State.CLOSED
    assert fresh.until == CLOSES
    assert not fresh.is_late(CLOSES)
    begun = start(seat, "a1", 0)
    assert standing(seat, begun, running=["a1"]).state(NOW) is State.RUNNING
    assert standing(seat, begun).state(NOW) is State.BEGUN
    submit = event("a1", Kind.SUBMIT, 20)
    done = standing(seat, begun, submit)
    assert (done.state(NOW), done.submitted) == (State.SUBMITTED, (after(20),))


def test_minutes_run_from_the_first_start(ada: Path) -> None:
    seat = join(ada).seat
    again = standing(seat, start(seat, "a1", 0), event("a1", Kind.STOP, 5), start(seat, "a2", 20))
    assert again.until == after(30)
    assert [record.attempt for record in again.attempts] == ["a1", "a2"]
    assert not again.is_late(after(29))
    assert again.is_late(after(30))


def test_a_hand_in_is_late_by_its_own_time(ada: Path) -> None:
    seat = join(ada).seat
    begun = start(seat, "a1", 0)
    assert not standing(seat, begun, event("a1", Kind.SUBMIT, 29)).is_late(after(300))
    assert standing(seat, begun, event("a1", Kind.SUBMIT, 31)).is_late(after(300))


def test_without_an_engine_the_record_says_what_runs(ada: Path) -> None:
    seat = join(ada).seat
    first, _ = works([seat], [start(seat, "a1", 0)], None)
    assert first.running == "a1"
    ended, _ = works([seat], [start(seat, "a1", 0), event("a1", Kind.STOP, 1)], None)
    assert ended.running is None


def test_practice_and_other_assignments_do_not_count(ada: Path) -> None:
    seat = join(ada).seat
    practice = event("p1", Kind.START, 0, scenario="no-page-opens")
    first, second = works([seat], [practice, start(seat, "a1", 0, "second")], ["p1", "a1"])
    assert first.attempts == ()
    assert second.running == "a1"


def test_work_begins_only_while_the_course_is_open(ada: Path) -> None:
    invitation = join(ada).seat.invitation
    require_open(invitation, NOW)
    with pytest.raises(UsageError, match="Ramp-up opens Mon 23 Nov 2026"):
        require_open(invitation, OPENS - datetime.timedelta(days=1))
    with pytest.raises(UsageError, match="Ramp-up closed Fri 27 Nov 2026"):
        require_open(invitation, CLOSES)


def test_the_answer_is_kept_back_until_the_course_closes(ada: Path) -> None:
    course = join(ada).seat.invitation.course
    assert is_kept_back(course, NOW)
    assert not is_kept_back(course, CLOSES)


def test_a_start_says_that_it_is_not_the_first() -> None:
    assert Task("c", "first").facts() == {"course": "c", "assignment": "first"}
    again = Task("c", "first", 2, NOW, hints=3, answered=True).facts()
    assert (again["earlier"], again["first_began"]) == (2, NOW.isoformat())
    assert (again["earlier_hints"], again["earlier_answer"]) == (3, True)


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(-1, "over"), (0, "0 min"), (59, "59 min"), (80, "1 h 20 min"), (3000, "2 d 2 h")],
)
def test_time_left(minutes: int, said: str) -> None:
    assert left(after(minutes), NOW) == said
    assert left(None, NOW) == ""
