"""A lead's afternoon, through the program ``lab``: a course, its hand-ins, their marks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from lab_runner.catalogue import Catalogue
from lab_runner.engine.running import find
from lab_runner.errors import DiskFull, EngineError, NodeNotReady
from lab_runner.grading import replaying
from lab_runner.grading.course import CourseFolder
from lab_runner.grading.grade import Grading
from lab_runner.grading.replay import Replay
from lab_runner.grading.replaying import Outcome, ReplayJob
from tests.docker.test_cli_attempt import environment, run
from tests.unit.hand_ins import (
    COURSE,
    GREEN,
    RIGHT,
    ROSTER,
    handed_in,
    report_of,
    work_of,
    written,
)

__all__ = ["environment"]


@pytest.fixture(scope="module")
def course(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory, small: Catalogue
) -> CourseFolder:
    """From the command line; everybody is invited."""
    folder = tmp_path_factory.mktemp("lead") / "course"
    done = run(environment, "course", "new", str(folder), "--scenario", "no-page-opens")
    assert done.returncode == 0, done.stderr
    (folder / "course.yml").write_text(COURSE)
    (folder / "roster.csv").write_text(ROSTER)
    done = run(environment, "course", "invite", str(folder))
    assert done.returncode == 0, done.stderr
    assert "Send these 4 files" in done.stdout
    return CourseFolder.open(folder, small)


def by_file(stdout: str) -> dict[str, dict[str, Any]]:
    return {mark["file"].removesuffix(".breakfix"): mark for mark in json.loads(stdout)["marks"]}


def test_an_afternoon(
    environment: dict[str, str], course: CourseFolder, tmp_path: Path, engine: DockerClient
) -> None:
    inbox = tmp_path / "inbox"
    honest = handed_in(course, work_of(course, "ada", GREEN, changes=written(RIGHT)), inbox, "ada")
    handed_in(course, work_of(course, "bob", GREEN), inbox, "bob")
    (inbox / "cut.breakfix").write_bytes(honest.read_bytes()[:-9])
    where = ["--course", str(course.path)]
    done = run(environment, "grade", str(inbox), *where, "--json", "--jobs", "2")
    assert done.returncode == 2, done.stderr
    marks = by_file(done.stdout)
    assert {name: mark["standing"] for name, mark in marks.items()} == {
        **dict.fromkeys(("ada", "bob"), "graded"),
        "cut": "refused",
    }
    assert (marks["ada"]["points"], marks["ada"]["flags"]) == (80, [])
    assert marks["bob"]["points"] == 0
    assert {f["kind"] for f in marks["bob"]["flags"]} == {"unconfirmed claim", "lived in memory"}
    assert "cut off" in marks["cut"]["problem"]
    assert not [lab for lab in find(engine) if lab.proof and lab.lab == "mini"]

    again = run(environment, "grade", str(inbox), *where, "--json")
    assert by_file(again.stdout)["ada"] == marks["ada"]
    given = run(environment, "course", "mark", "bob", "first", "40", "--comment", "seen", *where)
    assert "0 → 40 of 100" in given.stdout
    table = run(environment, "grade", *where).stdout
    assert "40*" in table
    assert "⚑ unconfirmed claim: their last check was green" in table
    assert "Nothing from: ada (second)" in table


# --- what a job does where an engine fails: without one ------------------------------


@pytest.fixture
def job(course: CourseFolder, small: Catalogue, tmp_path: Path) -> ReplayJob:
    grading = Grading(course, small)
    path = handed_in(course, work_of(course, "ada", minutes=1), tmp_path)
    return grading.job(grading.sort([path], again=True).pending[0])


class Replays:
    """Stands for the engine: gives what it was told to give, one after the other."""

    def __init__(self, job: ReplayJob, *ends: Exception | str | None) -> None:
        self.job, self.ends = job, list(ends)

    def __call__(self, *_: object) -> Replay:
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return Replay(report_of(self.job.plan, errors=(end,) if end else ()), 1.0)


def outcome(
    monkeypatch: pytest.MonkeyPatch, job: ReplayJob, client: Any, *ends: Exception | str | None
) -> tuple[Outcome, Replays]:
    replays = Replays(job, *ends)
    monkeypatch.setattr(replaying, "replay", replays)
    return job.run(client, lambda _: None), replays


def test_what_may_be_the_engines_doing_is_tried_once_more(
    monkeypatch: pytest.MonkeyPatch, job: ReplayJob
) -> None:
    for first in (EngineError("x"), NodeNotReady("y"), "desk-opens-the-page"):
        found, _ = outcome(monkeypatch, job, None, first, None)
        assert found.report is not None
        assert found.report.passed
    with pytest.raises(EngineError, match="second"):
        outcome(monkeypatch, job, None, EngineError("first"), EngineError("second"))
    with pytest.raises(DiskFull):
        outcome(monkeypatch, replace(job), None, DiskFull())
    found, _ = outcome(monkeypatch, job, None, *["desk-opens-the-page"] * 2)
    assert found.report is not None
    assert found.report.errors
