"""The clock is set back or forward while somebody works: no time is made up, and a lead is told."""

from __future__ import annotations

import json
import re
import shutil
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from docker import DockerClient

from lab_runner.catalogue import Catalogue
from lab_runner.engine.running import remove
from lab_runner.grading.accepting import Oddity
from lab_runner.grading.course import CourseFolder
from tests.chaos.cli import SCENARIO, Done, User, unbroken
from tests.chaos.conftest import Provoked
from tests.docker.conftest import quiet
from tests.unit.hand_ins import make_course

COURSE = f"""\
title: Ramp-up
assignments:
  - {{id: first, scenario: {SCENARIO}, minutes: 60}}
"""
ROOT = Path(__file__).parents[2]
#: How far the clock is off, as libfaketime reads it, and what a lead is told of that.
SHIFTS: Mapping[str, set[str]] = {
    "-4h": {Oddity.CLOCK},
    "-3y": {Oddity.CLOCK},
    "+4h": {Oddity.CLOCK, Oddity.OUT_OF_TIME},
    "+3y": {Oddity.CLOCK, Oddity.OUT_OF_TIME},
}
#: libfaketime 0.9.10 refuses clock_nanosleep(2) until a point of the clock that it leaves alone.
SLEEP = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""
#: "-3 min", "-0.5 s", "-1 d": no time that anything takes.
NEGATIVE = re.compile(r"(?<![\w.-])-\d+(?:\.\d+)? ?(?:ms|s|min|h|d)\b|-\d+ days")


def library() -> str:
    """What makes programs believe another time; Debian's package libfaketime."""
    places = (ROOT / ".breakfix/servers/usr/lib", Path(sysconfig.get_path("stdlib")).parent)
    for place in (*places, Path("/usr/lib")):
        for found in place.glob("**/faketime/libfaketimeMT.so.1"):
            return str(found)
    pytest.skip("libfaketime is not there: scripts/test unpacks it where packages can be had")


@dataclass
class Late:
    """Somebody with an assignment that runs, begun at the right time."""

    user: User
    attempt: str
    course: CourseFolder
    #: What was handed in, by the clock that it was done under.
    written: dict[str, Path] = field(default_factory=dict)


@pytest.fixture(scope="module")
def late(
    tmp_path_factory: pytest.TempPathFactory, small: Catalogue, engine: DockerClient
) -> Iterator[Late]:
    library()
    folder = tmp_path_factory.mktemp("late")
    course = make_course(folder / "lead", small, COURSE)
    user = User(folder / "home")
    assert user.lab("join", str(folder / "lead/invitations/ada.breakfix")).returncode == 0
    started = user.lab("start", "first", "--json")
    assert started.returncode == 0, started.stderr
    made = Late(user, json.loads(started.stdout)["attempt"], course)
    try:
        yield made
    finally:
        remove(engine, made.attempt, quiet)


@pytest.mark.parametrize("shift", SHIFTS)
def test_work_under_another_clock(
    late: Late, shift: str, tmp_path: Path, provoked: Provoked
) -> None:
    shutil.copytree(late.user.home, tmp_path / "home")
    user = User(tmp_path / "home")

    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(SLEEP)

    def lab(*words: str) -> Done:
        done = user.lab(
            *words,
            LAB_ATTEMPT=late.attempt,
            LD_PRELOAD=library(),
            FAKETIME=shift,
            FAKETIME_DONT_FAKE_MONOTONIC="1",  # as a clock that was set: the other one goes on
            PYTHONPATH=str(tmp_path / "site"),
        )
        assert not NEGATIVE.search(done.stdout + done.stderr), done
        return done

    assert lab("check").returncode == 1
    for words in (("hint", "--yes"), ("assignments",), ("status",), ("progress",)):
        assert lab(*words).returncode == 0, words
    assert lab("record", "show", late.attempt).returncode == 0
    done = lab("submit", "--output", str(tmp_path / "first.breakfix"), "--json")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["late"] is (Oddity.OUT_OF_TIME in SHIFTS[shift])
    unbroken(user.events())
    late.written[shift] = tmp_path / "first.breakfix"
    provoked(f"clock set by {shift} between start and hand-in")


def test_a_lead_is_told(late: Late, tmp_path: Path, provoked: Provoked) -> None:
    """All of it was graded as if it were right; what is odd stands beside it."""
    if not late.written:
        pytest.skip("nothing was handed in by the tests before")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for shift, path in late.written.items():
        shutil.copy(path, inbox / f"{shift}.breakfix")
    lead = User(tmp_path / "lead-home")
    course = str(late.course.path)
    graded = lead.lab("grade", str(inbox), "--course", course, "--json", "--jobs", "2")
    assert graded.returncode == 0, graded.stderr
    marks = {
        one["file"].removesuffix(".breakfix"): one for one in json.loads(graded.stdout)["marks"]
    }
    clocks = {Oddity.CLOCK.value, Oddity.OUT_OF_TIME.value}
    for shift, mark in marks.items():
        assert mark["standing"] == "graded", mark
        told = {flag["kind"] for flag in mark["flags"]} & clocks
        assert told == {kind.value for kind in map(Oddity, SHIFTS[shift])}, (shift, mark["flags"])
        assert not NEGATIVE.search(json.dumps(mark["credits"])), mark
    assert set(marks) == set(late.written)
    book = lead.lab("gradebook", course, "--json")
    assert book.returncode == 0, book.stderr
    (ada,) = [one for one in json.loads(book.stdout)["trainees"] if one["id"] == "ada"]
    minutes = ada["assignments"]["first"]["minutes"]
    assert minutes is None or minutes >= 0
    page = tmp_path / "gradebook.html"
    assert lead.lab("gradebook", course, "--html", str(page)).returncode == 0
    assert page.stat().st_size
    provoked("hand-ins by wrong clocks, graded")
