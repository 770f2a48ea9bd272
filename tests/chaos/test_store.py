"""A user's record is locked, damaged, unreadable: said clearly, and nothing else is harmed."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from docker import DockerClient

from lab_runner.attempts.store import PATIENCE_S, Kind
from lab_runner.catalogue import Catalogue
from lab_runner.engine import containers, images
from lab_runner.engine.running import find, remove
from tests.chaos.cli import COURSE, SCENARIO, User, refused, unbroken
from tests.chaos.conftest import Provoked
from tests.docker.conftest import quiet
from tests.unit.hand_ins import make_course

#: Root without the right to read what nobody may read: as everybody else.
AS_ANYBODY = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
#: A busy machine takes so much longer than a record is waited for.
BUSY_S = 60.0


@dataclass(frozen=True)
class Original:
    """Somebody with a seat in a course, a lab that runs, and a terminal that was kept."""

    user: User
    attempt: str

    def copy(self, folder: Path) -> User:
        """All that they have, to be ruined; the lab is the same."""
        shutil.copytree(self.user.home, folder / "home")
        return User(folder / "home")


@pytest.fixture(scope="module")
def original(
    tmp_path_factory: pytest.TempPathFactory, small: Catalogue, engine: DockerClient
) -> Iterator[Original]:
    folder = tmp_path_factory.mktemp("original")
    make_course(folder / "lead", small, COURSE)
    user = User(folder / "home")
    assert user.lab("join", str(folder / "lead/invitations/ada.breakfix")).returncode == 0
    assert user.lab("record", "on").returncode == 0
    started = user.lab("start", SCENARIO, "--seed", "7", "--json")
    assert started.returncode == 0, started.stderr
    made = Original(user, json.loads(started.stdout)["attempt"])
    try:
        assert user.lab("shell", "gw", LAB_ATTEMPT=made.attempt).returncode == 0
        yield made
    finally:
        remove(engine, made.attempt, quiet)


@pytest.fixture
def user(original: Original, tmp_path: Path) -> User:
    return original.copy(tmp_path)


@pytest.fixture
def shell_of_a_lab(engine: DockerClient) -> Iterator[str]:
    """A container with a lab's labels and nothing in it: enough to be taken away."""
    attempt = f"t{secrets.token_hex(3)}"
    tag = images.tags([images.Target.SWITCHBOARD])[images.Target.SWITCHBOARD]
    labels = {
        containers.LABEL: attempt,
        containers.LABEL_NODE: "gw",
        containers.LABEL_SCENARIO: SCENARIO,
        containers.LABEL_LAB: "pair",
    }
    engine.api.create_container(tag, ["true"], labels=labels)
    yield attempt
    remove(engine, attempt, quiet)


def up(engine: DockerClient) -> set[str]:
    return {lab.attempt for lab in find(engine)}


def row_of(stdout: str, attempt: str) -> dict[str, object]:
    (row,) = [row for row in json.loads(stdout) if row["attempt"] == attempt]
    return dict(row)


# --- damaged -----------------------------------------------------------------------

Damage = Callable[[Path], None]


def cut(length: float) -> Damage:
    """Cut off after so many bytes; after so much of it; so many bytes before its end."""

    def damage(path: Path) -> None:
        size = path.stat().st_size
        os.truncate(path, int(length if length >= 1 or length == 0 else size * length))

    return damage


def shortened(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def scrambled(path: Path) -> None:
    path.write_bytes(bytes(range(255, -1, -1)) * 64)


def scrambled_behind(path: Path) -> None:
    """The beginning is as it was."""
    data = path.read_bytes()
    path.write_bytes(data[:100] + b"\xa5" * (len(data) - 100))


def forbidden(path: Path) -> None:
    path.chmod(0)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "somebody's").touch()


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


DAMAGES: dict[str, Damage] = {
    "cut off after 0 bytes": cut(0),
    "cut off after 1 byte": cut(1),
    "cut off after 60 bytes": cut(60),
    "cut off after a page": cut(4096),
    "cut off in the middle": cut(0.5),
    "a byte short": shortened,
    "garbage": scrambled,
    "garbage behind its beginning": scrambled_behind,
    "not readable": forbidden,
    "a folder in its place": folder,
    "a link to itself": loop,
}
#: Less is enough for small files.
SOME = {name: DAMAGES[name] for name in DAMAGES if "page" not in name and "60" not in name}
#: What SQLite takes for a record that was not begun yet: nothing is in it that could be saved.
NEW = {"cut off after 0 bytes", "cut off after 1 byte"}
#: What it reads all the same, where nothing stood in what is gone.
HARMLESS = {"a byte short"}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record(
    user: User, original: Original, damage: str, tmp_path: Path, provoked: Provoked
) -> None:
    path = user.home / "attempts.sqlite3"
    DAMAGES[damage](path)
    before = path.read_bytes() if path.is_file() and damage not in NEW else b""
    told = user.lab("status", "--json", through=AS_ANYBODY)
    assert told.returncode == 0
    assert row_of(told.stdout, original.attempt)["state"] == "running"
    shown = user.lab("record", "show", through=AS_ANYBODY)
    if damage in NEW:
        assert shown.returncode == 0
    elif damage in HARMLESS and shown.returncode == 0:
        assert user.events() == original.user.events()
    else:
        refused(shown, rf"{path}")
        assert f"{path}" in told.stderr, "status says it, too"
        # It may still be mended by somebody: nothing was written over it.
        assert not before or path.read_bytes() == before
    provoked(f"record: {damage}")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_keeps_no_lab_running(
    user: User, damage: str, shell_of_a_lab: str, engine: DockerClient, provoked: Provoked
) -> None:
    DAMAGES[damage](user.home / "attempts.sqlite3")
    done = user.lab("stop", shell_of_a_lab, through=AS_ANYBODY)
    assert done.returncode == 0, done.stderr
    assert shell_of_a_lab not in up(engine)
    assert damage in NEW | HARMLESS or "attempts.sqlite3" in done.stderr
    provoked(f"stop with a record: {damage}")


@pytest.mark.parametrize("damage", SOME)
def test_a_damaged_seat(user: User, damage: str, provoked: Provoked) -> None:
    before = user.events()
    (path,) = user.home.glob("courses/*/invitation.breakfix")
    SOME[damage](path)
    told = user.lab("assignments", through=AS_ANYBODY)
    assert told.returncode == 0
    start = user.lab("start", "first", through=AS_ANYBODY)
    assert start.returncode == 2
    for done in (told, start):
        assert str(path) in done.stderr
        assert "lab join" in done.stderr
    assert user.events() == before
    provoked(f"seat: {damage}")


@pytest.mark.parametrize("damage", SOME)
def test_a_damaged_terminal(
    user: User, original: Original, damage: str, tmp_path: Path, provoked: Provoked
) -> None:
    before = user.events()
    path = user.home / "records" / original.attempt / "1-gw.cast"
    SOME[damage](path)
    shown = user.lab("record", "show", "--json", through=AS_ANYBODY)
    assert shown.returncode == 0, shown.stderr
    played = user.lab("replay", original.attempt, "--speed", "100", through=AS_ANYBODY)
    assert played.returncode == 0 or str(path) in played.stderr, played
    out = tmp_path / "out.zip"
    exported = user.lab("record", "export", "--all", "--to", str(out), through=AS_ANYBODY)
    if exported.returncode:
        refused(exported, str(path))
        assert not out.exists()
    assert user.events() == before
    provoked(f"terminal: {damage}")


@pytest.mark.parametrize("damage", [name for name in SOME if "behind" not in name])
def test_a_damaged_setting(user: User, damage: str, provoked: Provoked) -> None:
    """What was said of recording is not known any more: nothing is recorded that may not be."""
    path = user.home / "recording"
    SOME[damage](path)
    shown = user.lab("record", "show", "--json", through=AS_ANYBODY)
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["on"] is False
    done = user.lab("record", "on", through=AS_ANYBODY)
    if done.returncode:
        refused(done, str(path))
    else:
        assert path.read_text() == "on\n"
    provoked(f"setting: {damage}")


# --- locked ------------------------------------------------------------------------

_HOLD = """
import sqlite3, sys
path, exclusive = sys.argv[1:]
held = sqlite3.connect(path, isolation_level=None)
if exclusive == "True":
    held.execute("PRAGMA locking_mode = EXCLUSIVE")
held.execute("BEGIN IMMEDIATE")
if exclusive == "True":
    held.execute("PRAGMA user_version = 2")
print(flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def held(user: User, *, exclusive: bool) -> Iterator[subprocess.Popen[bytes]]:
    """Another process writes, and does not come to an end; if so wanted, no other even reads."""
    words = [sys.executable, "-c", _HOLD, str(user.home / "attempts.sqlite3"), str(exclusive)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.communicate()


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < 2 * PATIENCE_S + BUSY_S


@pytest.mark.parametrize("exclusive", [False, True], ids=["written", "kept from all"])
@pytest.mark.parametrize(
    "words",
    [
        ("hint",),
        ("check",),
        ("diagnose", "--node=gw", "--layer=network", "--component=sysctl", "--cause=forwards"),
        ("record", "off"),
    ],
    ids=lambda words: words[0],
)
def test_a_locked_record(
    user: User, original: Original, words: tuple[str, ...], exclusive: bool, provoked: Provoked
) -> None:
    before = user.events()
    with held(user, exclusive=exclusive) as process, in_time():
        done = user.lab(*words, LAB_ATTEMPT=original.attempt)
        refused(done, rf"Process {process.pid} \(.*python.* has held .*attempts\.sqlite3 for 10 s")
        assert f"ps {process.pid}" in done.stderr
    assert user.events() == before
    provoked("record locked by another process")


@pytest.mark.parametrize("exclusive", [False, True], ids=["written", "kept from all"])
def test_a_locked_record_keeps_no_lab_running(
    user: User, exclusive: bool, shell_of_a_lab: str, engine: DockerClient, provoked: Provoked
) -> None:
    with held(user, exclusive=exclusive) as process, in_time():
        told = user.lab("status", "--json")
        assert told.returncode == 0
        assert row_of(told.stdout, shell_of_a_lab)["state"] == "impaired"
        done = user.lab("stop", shell_of_a_lab)
        assert done.returncode == 0
        assert f"Process {process.pid}" in done.stderr
    assert shell_of_a_lab not in up(engine)
    provoked("stop with a record locked by another process")


def test_a_record_that_is_free_again_in_time(
    user: User, original: Original, provoked: Provoked
) -> None:
    with held(user, exclusive=False) as process:
        words = [*("bash", "-c", 'sleep 3; kill "$0"'), str(process.pid)]
        with subprocess.Popen(words):
            done = user.lab("hint", LAB_ATTEMPT=original.attempt)
    assert done.returncode == 0, done.stderr
    assert [event.kind for event in user.events(original.attempt)][-1] is Kind.HINT
    unbroken(user.events())
    provoked("record locked for a while")


def test_everything_is_taken_away_with_a_damaged_record(
    user: User, original: Original, engine: DockerClient, provoked: Provoked
) -> None:
    """The last of this module: its lab is gone after it."""
    scrambled(user.home / "attempts.sqlite3")
    # What others have on this engine is not ours to take away.
    alone = up(engine) == {original.attempt}
    done = user.lab("stop", "--all" if alone else original.attempt)
    assert done.returncode == 0
    assert "damaged" in done.stderr
    assert original.attempt not in up(engine)
    provoked("stop --all with a damaged record" if alone else "stop with a damaged record")
