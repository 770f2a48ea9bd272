"""What is kept of an attempt: terminals, commands, states. Through the program ``lab``."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import zipfile
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from lab_runner.attempts.casts import frames
from lab_runner.attempts.chain import broken_at
from lab_runner.attempts.store import Event, Kind, Store
from tests.docker.test_cli_attempt import LAB, run, start

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

DATA = Path(__file__).parent.parent / "data"
#: Where the prompt ends.
PROMPT = b"\x1b[0m# "
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def environment(home: Path) -> dict[str, str]:
    plain = {k: v for k, v in os.environ.items() if k != "LAB_ATTEMPT"}
    folders = {"BREAKFIX_LABS": DATA / "labs", "BREAKFIX_SCENARIOS": DATA / "scenarios"}
    return {**plain, "BREAKFIX_HOME": str(home), **{k: str(v) for k, v in folders.items()}}


@pytest.fixture(scope="module")
def attempt(environment: dict[str, str]) -> Iterator[str]:
    answer = start(environment)
    assert answer["recorded"] is True
    environment["LAB_ATTEMPT"] = answer["attempt"]  # others may run beside it
    yield answer["attempt"]
    run(environment, "stop", answer["attempt"])


class Seat:
    """Somebody at a terminal in which ``lab shell`` runs."""

    def __init__(self, environment: dict[str, str], *words: str) -> None:
        self.shown = b""
        self.main, other = pty.openpty()
        ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            [*LAB, *words],
            stdin=other,
            stdout=other,
            stderr=other,
            env={**environment, "TERM": "xterm"},
            start_new_session=True,
            preexec_fn=lambda: ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        os.close(other)

    def read(self, until: bytes, *, since: int = 0) -> bytes:
        """What is shown up to a word."""
        deadline = time.monotonic() + PATIENCE_S
        while until not in self.shown[since:]:
            assert time.monotonic() < deadline, (until, self.shown[since:])
            if select.select([self.main], [], [], 0.2)[0]:
                try:
                    self.shown += os.read(self.main, 65536)
                except OSError:
                    break
        return self.shown[since:]

    def types(self, line: str, until: bytes = b"", *, then: bytes = PROMPT) -> None:
        """Type, and wait for a word and then for the next prompt."""
        at = len(self.shown)
        os.write(self.main, line.encode())
        self.read(until, since=at)
        self.read(then, since=self.shown.index(until, at) + len(until))

    def resize(self, width: int, height: int) -> None:
        ioctl(self.main, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def ends(self) -> int:
        self.read(b"\0never")
        return self.process.wait(PATIENCE_S)


@contextlib.contextmanager
def sitting(environment: dict[str, str], *words: str) -> Iterator[Seat]:
    seat = Seat(environment, *words)
    try:
        yield seat
    finally:
        seat.process.kill()
        seat.process.wait()
        os.close(seat.main)


def events(home: Path, attempt: str, kind: Kind | None = None) -> list[Event]:
    with Store(home / "attempts.sqlite3") as store:
        return store.events(attempt, kind)


def commands(home: Path, attempt: str, terminal: str) -> list[tuple[str, Any]]:
    told = [event.payload for event in events(home, attempt, Kind.COMMAND)]
    return [(one["line"], one["status"]) for one in told if one["terminal"] == terminal]


# The tests of this module follow one attempt, in order.


def test_a_session_in_a_terminal_is_kept_and_nothing_of_that_shows(
    environment: dict[str, str], home: Path, attempt: str
) -> None:
    with sitting(environment, "shell", "alice") as seat:
        seat.read(PROMPT)
        seat.types("env; echo en''ded\n", b"ended")
        seat.types("(exit 7)\n", b"\n")
        seat.types("less /etc/passwd\n", b"root:x:0", then=b"")
        # less(1) loses a key that is there at the same moment as the signal (SIGWINCH).
        at = len(seat.shown)
        seat.resize(100, 30)
        seat.read(b"root:x:0", since=at)
        seat.types("q")
        seat.types("script -qc bash /dev/null\n", b"\n")
        seat.types("echo inn''er\n", b"inner")
        seat.types("exit\n", b"exit\r\n")
        seat.types("exit 3\n", b"logout", then=b"")
        assert seat.ends() == 3
    assert b"]133;" not in seat.shown
    assert b"PROMPT_COMMAND=" not in seat.shown
    assert b"PS0=" not in seat.shown
    path = home / "records" / attempt / "1-alice.cast"
    assert commands(home, attempt, path.name) == [
        ("env; echo en''ded", 0),
        ("(exit 7)", 7),
        ("less /etc/passwd", 0),
        ("script -qc bash /dev/null", 0),
        ("exit 3", 3),
    ]
    kept = list(frames(path.read_text()))
    shown = "".join(frame.text for frame in kept if frame.kind == "o")
    assert "ended" in shown
    assert "inner" in shown
    assert "]133;" not in shown
    assert "100x30" in [frame.text for frame in kept if frame.kind == "r"]
    (told,) = events(home, attempt, Kind.TERMINAL)
    assert told.payload["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (told.payload["node"], told.payload["bytes"]) == ("alice", path.stat().st_size)


def test_a_script_from_a_pipe_is_kept(
    environment: dict[str, str], home: Path, attempt: str
) -> None:
    done = run(environment, "shell", "alice", stdin="echo out; echo err >&2; exit 4\n")
    assert (done.returncode, done.stdout, done.stderr) == (4, "out\n", "err\n")
    assert commands(home, attempt, "2-alice.cast") == [("bash -l", 4)]
    text = (home / "records" / attempt / "2-alice.cast").read_text()
    assert {"out\r\n", "err\r\n"} <= {frame.text for frame in frames(text)}


def test_a_command_is_kept(environment: dict[str, str], home: Path, attempt: str) -> None:
    assert run(environment, "exec", "gw", "--", "sh", "-c", "exit 5").returncode == 5
    done = run(environment, "exec", "-i", "gw", "--", "cat", stdin="as it is\n")
    assert (done.returncode, done.stdout) == (0, "as it is\n")
    assert commands(home, attempt, "") == [("sh -c 'exit 5'", 5), ("cat", 0)]
    told = events(home, attempt, Kind.COMMAND)[-1].payload
    assert told["node"] == "gw"
    assert told["seconds"] > 0


def test_a_session_that_was_killed_is_told_of_by_whoever_comes_next(
    environment: dict[str, str], home: Path, attempt: str
) -> None:
    with sitting(environment, "shell", "alice") as seat:
        seat.read(PROMPT)
        seat.types("echo be''fore; sleep 100\n", b"before", then=b"")
        seat.process.send_signal(signal.SIGKILL)
        seat.process.wait(PATIENCE_S)
    name = "3-alice.cast"
    assert commands(home, attempt, name) == []
    run(environment, "shell", "alice", stdin="true\n")
    assert commands(home, attempt, name) == [("echo be''fore; sleep 100", None)]
    path = home / "records" / attempt / name
    assert "before" in "".join(frame.text for frame in frames(path.read_text()))
    digests = {
        e.payload["terminal"]: e.payload["sha256"] for e in events(home, attempt, Kind.TERMINAL)
    }
    assert digests[name] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_each_check_notes_what_differs(
    environment: dict[str, str], home: Path, attempt: str
) -> None:
    script = (
        "echo x > /etc/new; echo >> /etc/hosts; rm /etc/motd; ip route add 198.18.0.0/15 dev lo"
    )
    run(environment, "exec", "gw", "--", "sh", "-c", script)
    assert run(environment, "check").returncode == 1
    (state,) = events(home, attempt, Kind.STATE)
    assert state.payload["files"]["gw"] == [
        ["added", "etc/new"],
        ["changed", "etc/hosts"],
        ["removed", "etc/motd"],
    ]
    routes = state.payload["network"]["gw"]["routes"]
    assert routes == {"added": ["198.18.0.0/15 dev lo scope link"], "removed": []}
    assert "alice" not in state.payload["network"]


def test_what_is_switched_off_is_not_kept(
    environment: dict[str, str], home: Path, attempt: str
) -> None:
    with sitting(environment, "shell", "alice") as seat:
        seat.read(PROMPT)
        assert "not recorded any more" in run(environment, "record", "off").stdout
        before = len(events(home, attempt))
        seat.types("echo un''seen\n", b"unseen")
        run(environment, "exec", "gw", "--", "true")
        run(environment, "check")
        seat.types("exit\n", b"logout", then=b"")
        seat.ends()
    after = [event.kind for event in events(home, attempt)[before:]]
    assert sorted(after) == [Kind.CHECK, Kind.TERMINAL]
    assert "unseen" not in (home / "records" / attempt / "5-alice.cast").read_text()
    run(environment, "record", "on")
    run(environment, "exec", "gw", "--", "true")
    assert events(home, attempt)[-1].kind is Kind.COMMAND
    assert json.loads(run(environment, "record", "show", "--json").stdout)["on"] is True


def test_a_machine_on_which_nothing_can_be_started(
    environment: dict[str, str], home: Path, attempt: str, engine: DockerClient
) -> None:
    """What the engine says in a program's place is an error of ours, and no program's output."""
    machine = engine.containers.get(f"breakfix-{attempt}-gw")
    assert machine.exec_run(["mv", "/usr/bin/env", "/usr/bin/env.off"]).exit_code == 0
    try:
        for words in (("shell", "gw"), ("exec", "gw", "true"), ("exec", "-i", "gw", "cat")):
            done = run(environment, *words, stdin="")
            assert (done.returncode, done.stdout) == (3, ""), done
            assert re.search(r"OCI runtime exec failed: .*env.*not found", done.stderr), done
            assert "→" in done.stderr, done
            assert "bug" not in done.stderr
        with sitting(environment, "shell", "gw") as seat:
            seat.read(b"gw does not run anything")
            assert seat.ends() == 3
        assert not seat.shown.startswith(b"OCI")
    finally:
        assert machine.exec_run(["mv", "/usr/bin/env.off", "/usr/bin/env"]).exit_code == 0


def test_the_record_is_one_chain(home: Path, attempt: str) -> None:
    assert broken_at(events(home, attempt)) is None


def test_what_still_goes_on_is_not_deleted(environment: dict[str, str], attempt: str) -> None:
    done = run(environment, "record", "delete", attempt, "--yes")
    assert done.returncode == 2
    assert "still runs" in done.stderr


def test_what_is_over_is_exported_and_deleted(
    environment: dict[str, str], home: Path, attempt: str, tmp_path: Path
) -> None:
    assert run(environment, "stop", attempt).returncode == 0
    rows = json.loads(run(environment, "status", "--all", "--json").stdout)
    assert [row["state"] for row in rows if row["attempt"] == attempt] == ["stopped"]
    target = tmp_path / "work.zip"
    done = run(environment, "record", "export", attempt, "--to", str(target))
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(target) as file:
        names = set(file.namelist())
        told = json.loads(file.read(f"{attempt}/events.json"))
    assert {f"{attempt}/events.json", f"{attempt}/1-alice.cast"} <= names
    assert told[0]["kind"] == "start"
    refused = run(environment, "record", "delete", attempt)
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    assert run(environment, "record", "delete", attempt, "--yes").returncode == 0
    assert events(home, attempt) == []
    assert not (home / "records" / attempt).exists()
    for file in home.rglob("*"):
        assert not file.is_file() or attempt.encode() not in file.read_bytes(), file
