"""A whole course with five trainees, from ``lab course new`` to the report in a browser.

Everybody uses the program alone, each with a home of their own: one is honest, one repairs
the wrong thing, one repairs in memory alone, one copies, and one writes the record anew.
"""

from __future__ import annotations

import concurrent.futures
import csv
import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab_runner.grading.accepting import Oddity
from lab_runner.grading.marks import FlagKind
from tests.browser.browsing import DESKTOP, PHONE, Browser, chromium, lacking
from tests.conftest import DATA
from tests.docker.test_cli_attempt import run
from tests.docker.test_recording import sitting

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

PEOPLE = {
    "ada": "Ada Brandt",
    "bob": "Bob Okafor",
    "cem": "Cem Yildiz",
    "dan": "Dan Copyhold",
    "eve": "Eve <b>Mallory</b>",
}
FILE = "/etc/sysctl.d/50-router.conf"
#: What Ada wrote, in words of her own.
REPAIR = "# Somebody must have tidied up on Tuesday, and taken this away\nnet.ipv4.ip_forward = 1\n"
LOAD = f"sysctl -qp {FILE}"

Lab = Callable[..., subprocess.CompletedProcess[str]]


class Trainee:
    """Somebody with a machine of their own."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.home = name, folder / name
        self.home.mkdir()
        self.environment = environment(self.home / "data")
        self.attempt = ""

    def lab(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return run(self.environment, *words, attempt=self.attempt, stdin=stdin)

    def begin(self, invitation: Path) -> None:
        joined = self.lab("join", str(invitation))
        assert joined.returncode == 0, joined.stderr
        started = self.lab("start", "case-1", "--json")
        assert started.returncode == 0, started.stderr
        self.attempt = json.loads(started.stdout)["attempt"]
        self.environment["LAB_ATTEMPT"] = self.attempt

    def on(self, node: str, script: str) -> None:
        done = self.lab("exec", node, "--", "sh", "-c", script)
        assert done.returncode == 0, done.stderr

    def writes(self, text: str) -> None:
        done = self.lab("exec", "-i", "gw", "--", "tee", FILE, stdin=text)
        assert done.returncode == 0, done.stderr
        self.on("gw", LOAD)

    def hands_in(self, inbox: Path) -> subprocess.CompletedProcess[str]:
        done = self.lab("submit", "-o", f"{inbox}/")
        assert "Handed in" in done.stdout, done.stdout + done.stderr
        return done

    def goes(self) -> None:
        self.lab("stop", self.attempt)


def environment(home: Path) -> dict[str, str]:
    plain = {k: v for k, v in os.environ.items() if k != "LAB_ATTEMPT"}
    folders = {"BREAKFIX_LABS": DATA / "labs", "BREAKFIX_SCENARIOS": DATA / "scenarios"}
    own = {"BREAKFIX_HOME": str(home), **{key: str(value) for key, value in folders.items()}}
    return {**plain, **own}


# --- what each does -------------------------------------------------------------------


def ada(one: Trainee, inbox: Path) -> None:
    """Looks, repairs in a terminal, reboots, answers, hands in."""
    with sitting(one.environment, "shell", "gw") as seat:
        seat.read(b"# ")
        for line in ("sysctl net.ipv4.ip_forward\r", f"cat {FILE}\r", "ip route\r"):
            seat.types(line)
        lines = "".join(f"echo '{line}' >> {FILE}.new\r" for line in REPAIR.splitlines())
        for line in lines.splitlines():
            seat.types(f"{line}\r")
        seat.types(f"mv {FILE}.new {FILE}; {LOAD}\r")
        os.write(seat.main, b"exit\r")
        assert seat.ends() == 0
    checked = one.lab("check", "--reboot")
    assert checked.returncode == 0, checked.stdout
    answer = ("--node", "gw", "--layer", "network", "--component", "ip_forward")
    assert one.lab("diagnose", *answer, "--cause", "it does not forward").returncode == 0
    assert one.hands_in(inbox).returncode == 0


def bob(one: Trainee, inbox: Path) -> None:
    """Writes the server's address into a hosts file."""
    one.on("desk", "echo '192.0.2.80 www.mini.test' >> /etc/hosts")
    assert one.hands_in(inbox).returncode == 1


def cem(one: Trainee, inbox: Path) -> None:
    """Repairs what runs, and nothing that lasts."""
    one.on("gw", "sysctl -qw net.ipv4.ip_forward=1")
    told = one.hands_in(inbox)
    assert told.returncode == 0
    assert "Would be lost" in told.stdout
    assert "net.ipv4.ip_forward = 1" in told.stdout


def dan(one: Trainee, inbox: Path) -> None:
    """Takes what Ada sent round."""
    one.writes(REPAIR)
    assert one.hands_in(inbox).returncode == 0


def eve(one: Trainee, inbox: Path) -> None:
    """Does nothing, and lets the record say otherwise."""
    assert one.lab("check").returncode == 1
    with sqlite3.connect(one.home / "data/attempts.sqlite3") as store:
        store.execute(
            "UPDATE events SET payload = replace(payload, '\"passed\":false', '\"passed\":true')"
            " WHERE kind = 'check'"
        )
    store.close()
    one.hands_in(inbox)


WAYS = {"ada": ada, "bob": bob, "cem": cem, "dan": dan, "eve": eve}


# --- the course ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whole")


@pytest.fixture(scope="module")
def lead(folder: Path) -> Lab:
    own = environment(folder / "lead")
    return lambda *words: run(own, *words)


@pytest.fixture(scope="module")
def course(folder: Path, lead: Lab) -> Path:
    path = folder / "november"
    done = lead("course", "new", str(path), "--scenario", "no-page-opens")
    assert done.returncode == 0, done.stderr
    rows = "".join(f"{key},{name},Team {key[0].upper()}\n" for key, name in PEOPLE.items())
    (path / "roster.csv").write_text(f"id,name,team\n{rows}")
    done = lead("course", "invite", str(path))
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def inbox(folder: Path, course: Path) -> Path:
    """All have worked, two at a time, and sent their files."""
    inbox = folder / "inbox"
    inbox.mkdir()
    people = {name: Trainee(name, folder) for name in PEOPLE}

    def works(name: str) -> None:
        one = people[name]
        try:
            one.begin(course / f"invitations/{name}.breakfix")
            WAYS[name](one, inbox)
        finally:
            one.goes()

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(works, name) for name in PEOPLE]:
            done.result()
    (adas,) = inbox.glob("*-ada-*")
    changed = bytearray(adas.read_bytes())
    changed[len(changed) // 2] ^= 1
    (inbox / "eve-once-more.breakfix").write_bytes(changed)
    return inbox


@pytest.fixture(scope="module")
def graded(lead: Lab, course: Path, inbox: Path) -> dict[str, Any]:
    done = lead("grade", str(inbox), "--course", str(course), "--jobs", "3", "--json")
    assert done.returncode == 2, done.stderr  # one file was refused
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def marks(graded: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {mark["trainee"] or "nobody": mark for mark in graded["marks"]}


def kinds(mark: dict[str, Any]) -> set[str]:
    return {flag["kind"] for flag in mark["flags"]}


def test_the_honest_one_has_the_full_mark(marks: dict[str, dict[str, Any]]) -> None:
    assert marks["ada"]["points"] == 100
    assert marks["ada"]["claimed"] is True
    assert kinds(marks["ada"]) == {FlagKind.COPIED}  # by somebody: both are named
    assert [flag["whose"] for flag in marks["ada"]["flags"]] == ["dan"]


def test_a_wrong_repair_has_nothing_for_it(marks: dict[str, dict[str, Any]]) -> None:
    assert marks["bob"]["points"] == 0
    assert marks["bob"]["claimed"] is False
    assert kinds(marks["bob"]) == set()


def test_what_lived_in_memory_is_not_there(marks: dict[str, dict[str, Any]]) -> None:
    assert marks["cem"]["claimed"] is True
    assert marks["cem"]["points"] < 60
    assert kinds(marks["cem"]) == {FlagKind.UNCONFIRMED, FlagKind.MEMORY_ONLY}


def test_a_copy_is_named_with_whose_it_is(marks: dict[str, dict[str, Any]]) -> None:
    flags = [flag for flag in marks["dan"]["flags"] if flag["kind"] == FlagKind.COPIED]
    assert [flag["whose"] for flag in flags] == ["ada"]


def test_a_record_that_was_written_anew_is_told(marks: dict[str, dict[str, Any]]) -> None:
    assert marks["eve"]["points"] == 0
    assert Oddity.TAMPERED in kinds(marks["eve"])


def test_a_changed_file_is_nobodys(marks: dict[str, dict[str, Any]]) -> None:
    assert marks["nobody"]["standing"] == "refused"
    assert marks["nobody"]["file"] == "eve-once-more.breakfix"
    assert marks["nobody"]["problem"]


def test_grading_again_changes_nothing(
    lead: Lab, course: Path, inbox: Path, graded: dict[str, Any]
) -> None:
    done = lead("grade", str(inbox), "--course", str(course), "--json")
    assert json.loads(done.stdout)["marks"] == graded["marks"]


def test_the_spreadsheet_keeps_the_rosters_columns(course: Path, graded: dict[str, Any]) -> None:
    with (course / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["team"] for row in rows] == [f"Team {name[0].upper()}" for name in PEOPLE]


@pytest.mark.skipif(bool(lacking()), reason=lacking())
def test_the_report_tells_all_of_it(course: Path, graded: dict[str, Any], tmp_path: Path) -> None:
    with chromium(tmp_path) as driver:
        browser = Browser(driver, course / "gradebook.html")
        browser.go("class")
        browser.picture("course-class", DESKTOP)
        text = browser.ask("document.body.innerText")
        assert "Eve <b>Mallory</b>" in text
        assert all(name in text for name in PEOPLE.values())
        browser.go("t1")
        browser.picture("course-ada", DESKTOP)
        shown = browser.ask("document.querySelector('.page.shown').innerText")
        assert "sysctl net.ipv4.ip_forward" in shown
        browser.picture("course-ada-phone", PHONE)
        assert browser.ask("document.documentElement.scrollWidth") <= PHONE
        assert browser.complaints() == []
