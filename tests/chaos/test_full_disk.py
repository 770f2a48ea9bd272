"""The disk with a user's record, or with a lead's course, is full: said clearly, nothing lost."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from docker import DockerClient

from lab_runner.attempts.store import Event, Kind, Store
from lab_runner.catalogue import Catalogue
from lab_runner.engine.running import find, remove
from tests.chaos.cli import COURSE, SCENARIO, Done, User, refused, unbroken
from tests.chaos.conftest import Provoked
from tests.docker.conftest import quiet
from tests.unit.hand_ins import GREEN, handed_in, make_course, work_of

SIZE = 4 << 20
#: Enough to open the record, and not to write into it.
LITTLE = 36 << 10
FULL = r"No space left on device|disk is full|disk I/O error|unable to open database"
ANSWER = ("--node", "gw", "--layer", "network", "--component", "sysctl", "--cause", "forwards not")


@dataclass(frozen=True)
class Desk:
    """Somebody who is both trainee and lead, with all that they have on one small disk."""

    disk: Path
    user: User
    attempt: str

    def lab(self, *words: str) -> Done:
        return self.user.lab(
            *(word.format(disk=self.disk) for word in words), LAB_ATTEMPT=self.attempt
        )

    def kept(self) -> tuple[list[Event], dict[str, bytes]]:
        """What must never be lost: the record, and every other file."""
        files = [path for path in sorted(self.disk.rglob("*")) if path.is_file()]
        others = [path for path in files if ".sqlite3" not in path.name]
        return self.user.events(), {str(path): path.read_bytes() for path in others}

    def record_too(self, verb: str) -> int:
        """Room for the record's log, for what opens it."""
        return LITTLE if verb.startswith("record") else 0

    @contextlib.contextmanager
    def full(self, room: int = 0) -> Iterator[None]:
        """Nearly all of the disk is taken."""
        ballast = self.disk / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        os.truncate(ballast, ballast.stat().st_size - room)
        assert shutil.disk_usage(self.disk).free == room
        try:
            yield
        finally:
            ballast.unlink()


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("needs root: a small disk is mounted")
    folder = tmp_path_factory.mktemp("disk")
    words = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    subprocess.run(words, check=True, timeout=30)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=30)


@pytest.fixture(scope="module")
def desk(disk: Path, small: Catalogue, engine: DockerClient) -> Iterator[Desk]:
    """A course is begun, its assignment runs, something was done about it."""
    course = make_course(disk / "lead", small, COURSE)
    user = User(disk / "home")
    assert user.lab("join", str(disk / "lead/invitations/ada.breakfix")).returncode == 0
    started = user.lab("start", "first", "--json")
    assert started.returncode == 0, started.stderr
    _past(user)
    made = Desk(disk, user, json.loads(started.stdout)["attempt"])
    try:
        assert made.lab("exec", "gw", "--", "true").returncode == 0
        handed_in(course, work_of(course, "bob", GREEN), disk / "inbox", "bob")
        yield made
    finally:
        remove(engine, made.attempt, quiet)


def _past(user: User) -> None:
    """An attempt that is over, with much to tell."""
    with Store(user.home / "attempts.sqlite3") as store:
        facts = {"scenario": SCENARIO, "lab": "pair", "seed": 1, "recorded": True}
        store.append("old001", Kind.START, facts)
        for number in range(200):
            line = secrets.token_hex(200)  # nothing that packs well
            store.append("old001", Kind.COMMAND, {"line": line, "terminal": "", "n": number})
        store.append("old001", Kind.STOP)


@pytest.fixture
def unharmed(desk: Desk) -> Iterator[None]:
    """Whatever was there before is there after, and nothing that is half written."""
    events, files = desk.kept()
    yield
    after, others = desk.kept()
    assert after[: len(events)] == events
    assert {path: others.get(path) for path in files} == files
    assert not [path for path in others if path.endswith(".new")]
    unbroken(after)


#: Each verb that writes, as words on the command line.
TRAINEE = {
    "start": ("start", SCENARIO),
    "check": ("check",),
    "hint": ("hint", "--yes"),
    "diagnose": ("diagnose", *ANSWER),
    "reboot": ("reboot", "alice"),
    "reset": ("reset",),
    "debrief": ("debrief", "--attempt", "old001", "--spoil", "--yes"),
    "submit": ("submit", "--output", "{disk}/first.breakfix"),
}
EITHER = {
    "record off": ("record", "off"),
    "record export": ("record", "export", "old", "--to", "{disk}/work.zip"),
    "join": ("join", "{disk}/lead/invitations/ada.breakfix"),
    "map": ("map", "--svg", "{disk}/map.svg"),
    "check --pcap": ("check", "--pcap", "{disk}/pcap"),
    "course new": ("course", "new", "{disk}/another"),
    "course invite": ("course", "invite", "{disk}/lead"),
    "grade": ("grade", "{disk}/inbox", "--course", "{disk}/lead"),
    "gradebook --html": ("gradebook", "{disk}/lead", "--html", "{disk}/gradebook.html"),
    "gradebook --csv": ("gradebook", "{disk}/lead", "--csv", "{disk}/gradebook.csv"),
}
#: What is written in small pieces: some of it finds room where little is left.
PIECES = ("course new", "record export", "gradebook --html")


@pytest.mark.parametrize("verb", [*TRAINEE, *EITHER])
def test_no_room(desk: Desk, unharmed: None, verb: str, provoked: Provoked) -> None:
    before = set(desk.disk.iterdir())
    with desk.full():
        refused(desk.lab(*(TRAINEE | EITHER)[verb]), FULL)
    assert set(desk.disk.iterdir()) == before
    provoked(f"full disk: {verb}")


@pytest.mark.parametrize("verb", TRAINEE)
def test_room_to_open_the_record_alone(
    desk: Desk, unharmed: None, verb: str, engine: DockerClient, provoked: Provoked
) -> None:
    """It is found out when the work is done, and cannot be written down."""
    before = desk.user.events()
    with desk.full(LITTLE):
        refused(desk.lab(*TRAINEE[verb]), FULL)
    assert desk.user.events() == before
    assert [lab for lab in find(engine) if lab.attempt == desk.attempt]
    provoked(f"disk full meanwhile: {verb}")


@pytest.mark.parametrize("verb", PIECES)
def test_room_for_a_piece(desk: Desk, unharmed: None, verb: str, provoked: Provoked) -> None:
    before = set(desk.disk.iterdir())
    with desk.full(desk.record_too(verb) + 8192):
        refused(desk.lab(*EITHER[verb]), FULL)
    left = set(desk.disk.iterdir()) - before
    assert [path for path in left if not path.is_dir() or any(path.iterdir())] == []
    provoked(f"disk full in the middle: {verb}")


def test_commands_go_on_and_say_that_they_are_not_recorded(
    desk: Desk, unharmed: None, provoked: Provoked
) -> None:
    with desk.full(LITTLE):
        done = desk.lab("exec", "gw", "--", "echo", "still here")
    assert (done.returncode, done.stdout) == (0, "still here\n")
    assert "disk is full" in done.stderr
    provoked("disk full meanwhile: exec")


def test_everything_goes_on_when_there_is_room(desk: Desk, unharmed: None) -> None:
    for verb, ends in {"hint": 0, "check": 1, "submit": 1, "record export": 0}.items():
        done = desk.lab(*(TRAINEE | EITHER)[verb])
        assert done.returncode == ends, (verb, done)
    for verb in ("course new", "course invite", "gradebook --html", "gradebook --csv"):
        done = desk.lab(*EITHER[verb])
        assert done.returncode == 0, (verb, done)
    graded = desk.lab(*EITHER["grade"], "--json")
    assert graded.returncode == 0, graded
    (mark,) = json.loads(graded.stdout)["marks"]
    assert mark["standing"] == "graded"


def test_no_lab_is_kept_running(desk: Desk, engine: DockerClient, provoked: Provoked) -> None:
    """The last of this module: its lab is gone after it."""
    with desk.full():
        done = desk.lab("stop")
    assert done.returncode == 0, done.stderr
    assert "disk is full" in done.stderr
    assert not [lab for lab in find(engine) if lab.attempt == desk.attempt]
    provoked("full disk: stop")
