"""A trainee's whole way through the program ``lab``: join, start, work, submit, on a real engine."""

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


def unnamed(done: subprocess.CompletedProcess[str], course: CourseFolder) -> str:
    """What was said, which gives nothing away."""
    said = done.stdout + done.stderr
    seed = str(course.secrets.seed("ada", "first"))
    assert not [secret for secret in (SCENARIO, TITLE, seed) if secret in said], said
    return said


def submitted(path: Path) -> HandIn:
    return read_hand_in(path.read_bytes())[0]


# The tests of this module follow one attempt, in order.


def test_start_gives_nothing_away(started: dict[str, Any]) -> None:
    assert (started["assignment"], started["scenario"], started["seed"]) == ("first", "", None)
    assert "No page opens any more" in started["ticket"]
    assert started["recorded"]


def test_nothing_else_gives_it_away(
    lab: Lab, started: dict[str, Any], course: CourseFolder
) -> None:
    assert "first" in unnamed(lab("status"), course)
    (row,) = json.loads(unnamed(lab("status", "--json"), course))
    assert (row["assignment"], row["attempt"]) == ("first", started["attempt"])
    assert "running" in unnamed(lab("assignments"), course)
    assert lab("check", "--json").returncode == 1
    for words in (("check",), ("check", "--json"), ("map",), ("record", "show")):
        unnamed(lab(*words), course)


def test_it_runs_once(lab: Lab, started: dict[str, Any], course: CourseFolder) -> None:
    again = lab("start", "first")
    assert again.returncode == 2
    assert f"first runs already: attempt {started['attempt']}" in unnamed(again, course)
    assert lab("start", "first", "--seed", "1").returncode == 2


def test_the_answer_is_kept_back(lab: Lab, started: dict[str, Any], course: CourseFolder) -> None:
    for words in (("solve",), ("debrief",), ("debrief", "--spoil")):
        done = lab(*words)
        assert done.returncode == 2, words
        assert "your lead sees" in unnamed(done, course)
    assert lab("hint").returncode == 0


def test_a_repair_in_memory_would_be_lost(
    lab: Lab, started: dict[str, Any], course: CourseFolder, home: Path
) -> None:
    assert lab("exec", "gw", "--", "bash", "-c", f"{NOW}; systemctl stop dnsmasq").returncode == 0
    assert lab("exec", "gw", "--", "systemctl", "start", "dnsmasq").returncode == 0
    assert lab("exec", "desk", "--", "systemctl", "start", "ssh").returncode == 0
    done = lab("submit", "--dry-run", "-o", str(home))
    said = unnamed(done, course)
    assert done.returncode == 0
    assert "gw: a kernel setting, in memory only: nothing was changed on gw's disk" in said
    assert "net.ipv4.ip_forward = 1" in said
    assert "ssh.service" in said
    assert "dnsmasq" not in said
    assert "Nothing was written" in said
    assert not list(home.glob("*.breakfix"))


def test_handing_in_gives_a_receipt(
    lab: Lab, started: dict[str, Any], course: CourseFolder, home: Path
) -> None:
    lab("exec", "gw", "--", "bash", "-c", REPAIR)
    lab("exec", "desk", "--", "systemctl", "stop", "ssh")
    done = lab("submit", "-o", str(home))
    said = unnamed(done, course)
    assert done.returncode == 0, said
    assert "Would be lost" not in said
    path = home / "ramp-up-ada-first.breakfix"
    work, key = read_hand_in(path.read_bytes())
    case = case_of(work, key, course)
    assert case.id == "first"
    # The kit's own words for what is odd: nothing is.
    assert remarks(work, case, course) == []
    changed = {entry.path for entry in work.changes["gw"].entries}
    assert changed == {"etc/sysctl.d/50-router.conf"}
    assert "net.ipv4.ip_forward = 1" in work.states["gw"]["settings"]
    assert work.attempt == started["attempt"]


def test_handing_in_again_replaces_and_tells_of_it(
    lab: Lab, started: dict[str, Any], course: CourseFolder, home: Path
) -> None:
    before = submitted(home / "ramp-up-ada-first.breakfix")
    done = lab("submit", "first", "--json", "-o", str(home))
    assert done.returncode == 0, done.stderr
    told = json.loads(unnamed(done, course))
    assert (told["passed"], told["late"], told["lost"]) == (True, False, [])
    after = submitted(Path(told["file"]))
    assert len(after.events) > len(before.events)
    (event,) = [event for event in after.events if event.kind == "submit"]
    assert json.loads(event.text)["passed"] is True
    (row, _) = json.loads(lab("assignments", "--json").stdout)
    assert (row["state"], row["times_submitted"], row["hints"]) == ("running", 2, 1)


def test_no_other_file_is_written_over(lab: Lab, started: dict[str, Any], home: Path) -> None:
    (home / "thesis").write_text("mine")
    done = lab("submit", "-o", str(home / "thesis"))
    assert done.returncode == 2
    assert (home / "thesis").read_text() == "mine"


def test_a_reset_lab_is_still_the_assignment(
    lab: Lab, started: dict[str, Any], course: CourseFolder, home: Path
) -> None:
    assert lab("reset").returncode == 0
    assert "first" in unnamed(lab("status"), course)
    done = lab("submit", "-o", str(home))
    assert done.returncode == 1
    assert "changed files: none" in unnamed(done, course)


def test_stopped_it_keeps_its_name_and_cannot_be_handed_in(
    lab: Lab, started: dict[str, Any], course: CourseFolder
) -> None:
    assert "first" in unnamed(lab("stop"), course)
    unnamed(lab("status", "--all", "--json"), course)
    done = lab("submit", "first")
    assert done.returncode == 2
    assert "Nothing of first runs" in unnamed(done, course)
    (row, _) = json.loads(lab("assignments", "--json").stdout)
    assert row["state"] == "submitted"
    assert lab("debrief").returncode == 2
    told = lab("debrief", "--spoil", "--yes")
    assert told.returncode == 0
    assert TITLE in told.stdout
