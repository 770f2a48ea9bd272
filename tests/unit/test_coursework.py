"""The verbs of a trainee without an engine: what they show, refuse and ask."""

from __future__ import annotations

import datetime
import gc
import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from lab_runner.catalogue import Catalogue
from lab_runner.cli import complete
from lab_runner.cli.coursework import hints_told, require_yes, terms
from lab_runner.cli.main import app
from lab_runner.cli.submit import _path
from lab_runner.engine.finding import Deployed
from lab_runner.errors import UnknownName, UsageError
from lab_runner.grading.course import CourseFolder, new_course
from lab_runner.models.results import PartResult, Report
from lab_runner.planning.composite import is_scenario
from lab_runner.submission.beginning import lacking
from lab_runner.submission.invitation import read_invitation, write_invitation
from lab_runner.submission.rules import task_of
from lab_runner.submission.seats import Seat, join, seats
from lab_runner.submission.submitting import file_name

DATA = Path(__file__).parent.parent / "data"
COURSE = """\
title: "Ramp-up: \\e[31mNovember"
assignments:
  - {id: first, scenario: no-page-opens, minutes: 30}
  - {id: far-side-unreachable, scenario: far-side-unreachable, hints: false}
"""
#: What nobody is told of these assignments.
SECRETS = ("no-page-opens", "No page opens at the desk", "Alice cannot reach Carol")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("BREAKFIX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BREAKFIX_LABS", str(DATA / "labs"))
    monkeypatch.setenv("BREAKFIX_SCENARIOS", str(DATA / "scenarios"))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    monkeypatch.chdir(tmp_path)
    yield
    # The SDK leaves a socket open that could not be connected; it goes here, not in a later test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def invitation(tmp_path: Path, small: Catalogue) -> Path:
    new_course(tmp_path / "course", COURSE, "id,name\nada,Ada\n")
    course = CourseFolder.open(tmp_path / "course", small)
    return course.invite(course.people()[0])


@pytest.fixture
def seat(invitation: Path) -> Seat:
    return join(invitation).seat


def lab(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), prog_name="lab")


def test_join_shows_the_course_and_whose_it_is(invitation: Path) -> None:
    result = lab("join", str(invitation))
    assert result.exit_code == 0, result.output
    assert "Ramp-up: November" in result.stdout
    assert "\x1b" not in result.stdout
    assert "Ada (ada)" in result.stdout
    assert "2 assignments" in result.stdout
    assert not [secret for secret in SECRETS if secret in result.output]
    again = lab("join", str(invitation))
    assert "You had joined before. Nothing is different." in again.stdout


def test_join_json(invitation: Path) -> None:
    told = json.loads(lab("join", str(invitation), "--json").stdout)
    assert told["trainee"] == "ada"
    assert told["assignments"] == ["first", "far-side-unreachable"]
    assert told["replaced"] is False


def test_join_takes_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    result = lab("join", "x")
    assert result.exit_code == 2
    assert "no file of this kit" in result.stderr


def test_join_warns_of_what_this_kit_lacks(seat: Seat, tmp_path: Path) -> None:
    one = seat.invitation.assignments[0].model_copy(update={"scenario": "later-than-this"})
    newer = seat.invitation.model_copy(update={"assignments": [one], "version": "9.9"})
    lead = CourseFolder.open(
        tmp_path / "course", Catalogue((DATA / "labs",), (DATA / "scenarios",))
    )
    (tmp_path / "newer").write_bytes(write_invitation(newer, lead.secrets.lead))
    result = lab("join", "newer")
    assert result.exit_code == 0
    assert "nothing to start first with" in result.stderr
    assert "later-than-this" not in result.output
    assert "gone: far-side-unreachable" in result.stdout
    assert "changed: first" in result.stdout


def test_join_warns_of_another_version(seat: Seat, tmp_path: Path, small: Catalogue) -> None:
    newer = seat.invitation.model_copy(update={"version": "9.9"})
    lead = CourseFolder.open(tmp_path / "course", small)
    (tmp_path / "newer").write_bytes(write_invitation(newer, lead.secrets.lead))
    assert "made with version 9.9" in lab("join", "newer").stderr


def test_no_course_yet() -> None:
    result = lab("assignments")
    assert result.exit_code == 0
    assert "`lab join FILE`" in result.stdout
    assert json.loads(lab("assignments", "--json").stdout) == []


def test_assignments_without_an_engine(seat: Seat) -> None:
    result = lab("assignments")
    assert result.exit_code == 0, result.output
    assert "Case 1" in result.stdout
    assert f"{seat.invitation.course[:4]}/far-side-unreachable" in result.stdout
    assert not [secret for secret in SECRETS if secret in result.output]
    rows = json.loads(lab("assignments", "--json").stdout)
    assert [(row["assignment"], row["state"], row["late"]) for row in rows] == [
        ("first", "open", False),
        ("far-side-unreachable", "open", False),
    ]
    assert {"seed", "scenario"}.isdisjoint(rows[0])


def test_assignments_are_completed(seat: Seat) -> None:
    assert list(complete.assignments("fi")) == [("first", "Case 1")]
    # The other one's id is a scenario's as well, so the course's first digits are before it.
    course = seat.invitation.course[:4]
    assert list(complete.assignments(course)) == [(f"{course}/far-side-unreachable", "Case 2")]
    assert [name for name, _ in complete.startable("far")] == ["far-side-unreachable"]
    assert [name for name, _ in complete.startable("fir")] == ["first"]


def test_what_is_a_scenario(small: Catalogue, seat: Seat) -> None:
    assert is_scenario(small, "no-page-opens+far-side-unreachable")
    assert not is_scenario(small, "first")
    assert lacking(small, seat) == []
    assert len(lacking(Catalogue((), ()), seat)) == 2


# --- rules ------------------------------------------------------------------------


def deployed(assignment: str) -> Deployed:
    facts = ("a1", "no-page-opens", "mini", 7)
    now = datetime.datetime.now(datetime.UTC)
    return Deployed(*facts, now, {}, assignment=assignment)


def test_a_labs_assignment_is_its_name(seat: Seat) -> None:
    course = seat.invitation.course
    one = deployed(f"{course}/first")
    assert one.name == "first"
    assert one.is_unnamed(solved=True)
    task = task_of(one)
    assert task is not None
    assert task[1].id == "first"
    assert task_of(deployed("")) is None
    with pytest.raises(UnknownName, match="has no assignment 'third' any more"):
        task_of(deployed(f"{course}/third"))
    with pytest.raises(UnknownName, match="no seat"):
        task_of(deployed("0123456789abcdef/first"))


def test_a_report_without_its_name() -> None:
    part = PartResult(scenario="secret", title="Secret", passed=True)
    report = Report(attempt="a", scenario="secret+b", seed=7, checks=[], parts=[part])
    told = json.dumps(report.unnamed(seed=False).to_json())
    assert "ecret" not in told
    assert json.loads(told)["seed"] == 0
    assert report.unnamed(seed=True).seed == 7


def test_what_costs_something_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    require_yes("This", "it costs", yes=True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    with pytest.raises(UsageError, match=r"This: it costs\.") as caught:
        require_yes("This", "it costs", yes=False)
    assert "--yes" in caught.value.hint
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", lambda *_words, **_options: False)
    with pytest.raises(UsageError, match="Nothing was done"):
        require_yes("This", "it costs", yes=False)
    monkeypatch.setattr(typer, "confirm", lambda *_words, **_options: True)
    require_yes("This", "it costs", yes=False)


def test_terms_are_told_in_words(seat: Seat) -> None:
    first, second = seat.invitation.assignments
    assert hints_told(second) == "none"
    free = first.model_copy(update={"hint_cost": 0.0})
    assert "Hints cost nothing" in terms(seat, free, None)
    assert "Each hint costs 5 points of 100" in terms(seat, first, None)
    assert "There are no hints" in terms(seat, second, None)
    costly = first.model_copy(update={"hint_cost": 2.5})
    assert "Each hint costs 2.5 points of 100" in terms(seat, costly, None)


# --- the file ----------------------------------------------------------------------


def named(seat: Seat) -> str:
    return file_name(seat, seat.invitation.assignments[0])


def to(seat: Seat, output: Path) -> Path:
    return _path(seat, seat.invitation.assignments[0], output)


def test_the_file_is_named_by_course_trainee_and_assignment(seat: Seat, tmp_path: Path) -> None:
    assert named(seat) == "ramp-up-31mnovember-ada-first.breakfix"
    assert to(seat, tmp_path) == tmp_path / named(seat)
    assert to(seat, Path("mine")) == Path("mine")


def test_no_other_file_is_written_over(seat: Seat, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("a year's work")
    with pytest.raises(UsageError, match="something else"):
        to(seat, Path("thesis.txt"))
    with pytest.raises(UsageError, match="there is no folder"):
        to(seat, Path("none/x"))


def test_an_invitation_is_read_as_the_lead_wrote_it(invitation: Path, seat: Seat) -> None:
    assert read_invitation(invitation.read_bytes())[0] == seats()[0].invitation
