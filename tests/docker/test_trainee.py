"""A trainee's whole way through the program: join, start, work, submit, on a real engine."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_runner.catalogue import Catalogue
from lab_runner.grading.accepting import case_of, remarks
from lab_runner.grading.course import CourseFolder, new_course
from lab_runner.submission.hand_in import HandIn, read_hand_in
from tests.docker.test_cli_attempt import DATA, run

COURSE = """\
title: Ramp-up
closes: 2099-01-01T00:00+00:00
assignments:
  - {id: first, scenario: no-page-opens, minutes: 600}
  - {id: second, scenario: far-side-unreachable, hints: false}
"""
#: What nobody is told of the first one: its scenario, its title, its seed.
SCENARIO, TITLE = "no-page-opens", "No page opens at the desk"
REPAIR = "echo 'net.ipv4.ip_forward = 1' > /etc/sysctl.d/50-router.conf"
NOW = "sysctl -qw net.ipv4.ip_forward=1"

Lab = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, small: Catalogue) -> CourseFolder:
    folder = tmp_path_factory.mktemp("lead") / "course"
    new_course(folder, COURSE, "id,name\nada,Ada Lovelace\nbob,Bob\n")
    opened = CourseFolder.open(folder, small)
    for person in opened.people():
        opened.invite(person)
    return opened


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trainee")


@pytest.fixture(scope="module")
def lab(home: Path, course: CourseFolder) -> Lab:
    plain = {k: v for k, v in os.environ.items() if k != "LAB_ATTEMPT"}
    environment = {
        **plain,
        "BREAKFIX_HOME": str(home),
        "BREAKFIX_LABS": str(DATA / "labs"),
        "BREAKFIX_SCENARIOS": str(DATA / "scenarios"),
    }
    return lambda *words, **more: run(environment, *words, **more)


@pytest.fixture(scope="module")
def started(lab: Lab, course: CourseFolder) -> Iterator[dict[str, Any]]:
    joined = lab("join", str(course.path / "invitations/ada.breakfix"))
    assert joined.returncode == 0, joined.stderr
    done = lab("start", "first", "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    yield answer
    lab("stop", answer["attempt"])


@pytest.fixture
def on(lab: Lab, started: dict[str, Any]) -> Lab:
    """With the attempt named, for others may run on the same engine."""
    return lambda *words: lab(*words, attempt=started["attempt"])


def unnamed(done: subprocess.CompletedProcess[str], course: CourseFolder) -> str:
    """What was said, which gives nothing away."""
    said = done.stdout + done.stderr
    seed = str(course.secrets.seed("ada", "first"))
    assert not [secret for secret in (SCENARIO, TITLE, seed) if secret in said], said
    return said


def submitted(path: Path) -> HandIn:
    return read_hand_in(path.read_bytes())[0]


def own_row(
    done: subprocess.CompletedProcess[str], started: dict[str, Any], course: CourseFolder
) -> str:
    """The line of a table that is about the attempt."""
    (row,) = [line for line in done.stdout.splitlines() if line.startswith(started["attempt"])]
    assert SCENARIO not in row
    assert str(course.secrets.seed("ada", "first")) not in row
    return row


# The tests of this module follow one attempt, in order.


def test_start_gives_nothing_away(started: dict[str, Any]) -> None:
    assert (started["assignment"], started["scenario"], started["seed"]) == ("first", "", None)
    assert "No page opens any more" in started["ticket"]
    assert started["recorded"]


def test_nothing_else_gives_it_away(on: Lab, started: dict[str, Any], course: CourseFolder) -> None:
    assert "first" in own_row(on("status"), started, course)
    rows = json.loads(on("status", "--json").stdout)
    (row,) = [row for row in rows if row["attempt"] == started["attempt"]]
    assert (row["assignment"], row["scenario"], row["seed"]) == ("first", "", None)
    assert "running" in unnamed(on("assignments"), course)
    checked = on("check", "--json")
    assert checked.returncode == 1
    unnamed(checked, course)
    for words in (("map",), ("record", "show")):
        unnamed(on(*words), course)


def test_it_runs_once(on: Lab, started: dict[str, Any], course: CourseFolder) -> None:
    again = on("start", "first")
    assert again.returncode == 2
    assert f"first runs already: attempt {started['attempt']}" in unnamed(again, course)
    assert on("start", "first", "--seed", "1").returncode == 2


def test_the_answer_is_kept_back(on: Lab, started: dict[str, Any], course: CourseFolder) -> None:
    for words in (("solve",), ("debrief",), ("debrief", "--spoil")):
        done = on(*words)
        assert done.returncode == 2, words
        assert "your lead sees" in unnamed(done, course)
    priced = on("hint")
    assert priced.returncode == 2
    assert "costs 5 points" in priced.stderr
    assert on("hint", "--yes").returncode == 0


def test_a_repair_in_memory_would_be_lost(
    on: Lab, started: dict[str, Any], course: CourseFolder, home: Path
) -> None:
    assert on("exec", "gw", "--", "bash", "-c", f"{NOW}; systemctl stop dnsmasq").returncode == 0
    assert on("exec", "gw", "--", "systemctl", "start", "dnsmasq").returncode == 0
    assert on("exec", "desk", "--", "systemctl", "start", "ssh").returncode == 0
    done = on("submit", "--dry-run", "-o", str(home))
    said = unnamed(done, course)
    assert done.returncode == 0
    assert "gw: a kernel setting, in memory only: nothing was changed on gw's disk" in said
    assert "net.ipv4.ip_forward = 1" in said
    assert "ssh.service" in said
    assert "dnsmasq" not in said
    assert "Nothing was written" in said
    assert not list(home.glob("*.breakfix"))


def test_handing_in_gives_a_receipt(
    on: Lab, started: dict[str, Any], course: CourseFolder, home: Path
) -> None:
    on("exec", "gw", "--", "bash", "-c", REPAIR)
    on("exec", "desk", "--", "systemctl", "stop", "ssh")
    done = on("submit", "-o", str(home))
    said = unnamed(done, course)
    assert done.returncode == 0, said
    assert "Would be lost" not in said
    path = home / "ramp-up-ada-first.breakfix"
    work, key = read_hand_in(path.read_bytes())
    case = case_of(work, key, course)
    assert case.id == "first"
    # The kit's own words for what is odd: nothing is.
    assert remarks(work, case, course, work.submitted) == []
    changed = {entry.path for entry in work.changes["gw"].entries}
    assert changed == {"etc/sysctl.d/50-router.conf"}
    assert "net.ipv4.ip_forward = 1" in work.states["gw"]["settings"]
    assert work.attempt == started["attempt"]


def test_handing_in_again_replaces_and_tells_of_it(
    on: Lab, started: dict[str, Any], course: CourseFolder, home: Path
) -> None:
    before = submitted(home / "ramp-up-ada-first.breakfix")
    done = on("submit", "first", "--json", "-o", str(home))
    assert done.returncode == 0, done.stderr
    told = json.loads(unnamed(done, course))
    assert (told["passed"], told["late"], told["lost"]) == (True, False, [])
    after = submitted(Path(told["file"]))
    assert len(after.events) > len(before.events)
    (event,) = [event for event in after.events if event.kind == "submit"]
    assert json.loads(event.text)["passed"] is True
    (row, _) = json.loads(on("assignments", "--json").stdout)
    assert (row["state"], row["times_submitted"], row["hints"]) == ("running", 2, 1)


def test_no_other_file_is_written_over(on: Lab, started: dict[str, Any], home: Path) -> None:
    (home / "thesis").write_text("mine")
    done = on("submit", "-o", str(home / "thesis"))
    assert done.returncode == 2
    assert (home / "thesis").read_text() == "mine"


def test_a_reset_lab_is_still_the_assignment(
    on: Lab, started: dict[str, Any], course: CourseFolder, home: Path
) -> None:
    assert on("reset").returncode == 0
    assert "first" in own_row(on("status"), started, course)
    done = on("submit", "-o", str(home))
    assert done.returncode == 1
    assert "changed files: none" in unnamed(done, course)


def test_stopped_it_keeps_its_name_and_cannot_be_handed_in(
    on: Lab, started: dict[str, Any], course: CourseFolder
) -> None:
    assert "first" in unnamed(on("stop"), course)
    rows = json.loads(on("status", "--all", "--json").stdout)
    (row,) = [row for row in rows if row["attempt"] == started["attempt"]]
    assert SCENARIO not in json.dumps(row)
    done = on("submit", "first")
    assert done.returncode == 2
    assert "Nothing of first runs" in unnamed(done, course)
    (row, _) = json.loads(on("assignments", "--json").stdout)
    assert row["state"] == "submitted"
    assert on("debrief").returncode == 2
    told = on("debrief", "--spoil", "--yes")
    assert told.returncode == 0
    assert TITLE in told.stdout
