"""``lab gradebook``: a real course folder on the terminal, as JSON, and in its two files."""

from __future__ import annotations

import csv
import datetime
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lab_runner.catalogue import Catalogue
from lab_runner.cli.gradebook import CSV, HTML, keep
from lab_runner.cli.main import app
from lab_runner.grading.course import CourseFolder
from lab_runner.grading.ledger import Ledger
from lab_runner.grading.marks import Credit, Mark, Standing
from lab_runner.planning.plan import make_plan
from tests.conftest import DATA
from tests.unit.hand_ins import GREEN, RIGHT, handed_in, make_course, report_of, work_of, written

NOW = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)


def lab(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), prog_name="lab")


@pytest.fixture
def course(tmp_path: Path, small: Catalogue, monkeypatch: pytest.MonkeyPatch) -> CourseFolder:
    """Ada's work was replayed, and somebody sent what is nobody's."""
    monkeypatch.setenv("BREAKFIX_LABS", str(DATA / "labs"))
    monkeypatch.setenv("BREAKFIX_SCENARIOS", str(DATA / "scenarios"))
    made = make_course(tmp_path / "course", small)
    work = work_of(made, "ada", GREEN, changes=written(RIGHT))
    ledger = Ledger(made.path)
    digest = ledger.keep(handed_in(made, work, tmp_path / "inbox").read_bytes())
    mark = Mark(
        hand_in=digest,
        file="ada-first.breakfix",
        trainee="ada",
        assignment="first",
        scenario=work.scenario,
        seed=work.seed,
        submitted=work.submitted,
        graded=NOW,
        standing=Standing.GRADED,
        credits=[Credit(criterion="repair", points=70, of=100, why="it is mended")],
        report=report_of(make_plan(small, work.scenario, work.seed)),
        version="0.1.0",
    )
    ledger.put(mark)
    refused = {"standing": Standing.REFUSED, "hand_in": "f" * 64, "trainee": "", "report": None}
    ledger.put(mark.model_copy(update=refused | {"problem": "It is \x1b[31mcut off."}))
    return made


def test_it_is_shown(course: CourseFolder) -> None:
    found = lab("gradebook", str(course.path))
    assert found.exit_code == 0
    shown = found.stdout
    ada = next(line for line in shown.splitlines() if line.startswith("ada"))
    assert ada.split()[:4] == ["ada", "Ada", "70", "✓"]
    assert "35" in ada  # of two assignments
    assert "not passed" in ada
    assert "It is cut off." in shown


def test_a_program_reads_it(course: CourseFolder) -> None:
    found = lab("gradebook", str(course.path), "--json")
    assert found.exit_code == 0
    told = json.loads(found.stdout)
    assert told["trainees"][0]["assignments"]["first"]["minutes"] == 20
    assert told["assignments"]["first"]["solved"] == 1
    assert [one["file"] for one in told["refused"]] == ["ada-first.breakfix"]


def test_its_files_are_written_where_one_says(course: CourseFolder, tmp_path: Path) -> None:
    page, marks = tmp_path / "report.html", tmp_path / "marks.csv"
    words = ("--html", str(page), "--csv", str(marks))
    assert lab("gradebook", str(course.path), *words).exit_code == 0
    assert "Check: all 0 green" in page.read_text()
    rows = list(csv.DictReader(marks.read_text("utf-8-sig").splitlines()))
    assert [row["first points"] for row in rows] == ["70", "", "", ""]
    nowhere = lab("gradebook", str(course.path), "--html", str(tmp_path / "no" / "x"))
    assert nowhere.exit_code == 2
    assert "cannot be written" in nowhere.stderr


def test_grading_keeps_both_in_the_course(course: CourseFolder) -> None:
    assert [path.name for path in keep(course)] == [CSV, HTML]
    assert all((course.path / name).stat().st_size for name in (CSV, HTML))


def test_without_a_course_there_is_none(tmp_path: Path) -> None:
    found = lab("gradebook", str(tmp_path))
    assert found.exit_code == 2
    assert "There is no course" in found.stderr
