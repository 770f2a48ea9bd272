"""What is kept of the work on an attempt, without a lab."""

from __future__ import annotations

import datetime
import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_runner.attempts import keeping, recording
from lab_runner.attempts.casts import CastWriter, frames
from lab_runner.attempts.chain import broken_at
from lab_runner.attempts.history import records
from lab_runner.attempts.session import Session, noted
from lab_runner.attempts.store import Kind, Store
from lab_runner.errors import NoAttempt, StoreError, UsageError

ATTEMPT = "a1b2c3"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BREAKFIX_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with Store(home / "attempts.sqlite3") as opened:
        yield opened


def started(store: Store, attempt: str = ATTEMPT, **facts: Any) -> None:
    told = {"scenario": "x", "lab": "pair", "seed": 1} | facts
    store.append(attempt, Kind.START, recording.at_start(told))


def payloads(store: Store, kind: Kind) -> list[dict[str, Any]]:
    return [event.payload for event in store.events(ATTEMPT, kind)]


class Shell:
    """A shell that tells of its commands, as the engine hands its words on."""

    def __init__(self, store: Store) -> None:
        self.session = Session(store, ATTEMPT, "gw", ["bash", "-l"])
        self.session.begin((80, 24))
        self.key = self.session.environment["PS0"].split(";")[2]

    def begins(self, line: str) -> bytes:
        return self.session.output(f"\x1b]133;C;{self.key};  7  {line}\x07".encode())

    def ends(self, status: int) -> bytes:
        return self.session.output(f"\x1b]133;D;{self.key};{status}\x07# ".encode())


# --- a terminal ------------------------------------------------------------------


def test_commands_and_what_was_shown_are_kept(store: Store) -> None:
    started(store)
    shell = Shell(store)
    assert shell.begins("ip route") == b""
    assert shell.session.output(b"default\r\n") == b"default\r\n"
    assert shell.ends(0) == b"# "
    shell.begins("exit 3")
    assert shell.session.end(3) == b""
    told = payloads(store, Kind.COMMAND)
    assert [(one["line"], one["status"]) for one in told] == [("ip route", 0), ("exit 3", 3)]
    assert {one["terminal"] for one in told} == {"1-gw.cast"}
    began = datetime.datetime.fromisoformat(told[0]["began"])
    assert abs((datetime.datetime.now(datetime.UTC) - began).total_seconds()) < 60
    (path,) = recording.terminals(ATTEMPT)
    kept = [(frame.kind, frame.text) for frame in frames(path.read_text())]
    assert kept == [("m", "ip route"), ("o", "default\r\n"), ("o", "# "), ("m", "exit 3")]
    (terminal,) = payloads(store, Kind.TERMINAL)
    assert terminal["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert broken_at(store.events(ATTEMPT)) is None


def test_where_nobody_tells_the_end_of_a_command_it_is_not_made_up(store: Store) -> None:
    started(store)
    shell = Shell(store)
    shell.begins("PROMPT_COMMAND=")
    shell.begins("true")
    shell.session.end(None)
    told = payloads(store, Kind.COMMAND)
    assert [one["status"] for one in told] == [None, None]


def test_each_new_size_is_kept(store: Store) -> None:
    started(store)
    shell = Shell(store)
    shell.session.resized(100, 30)
    shell.session.resized(120, 40)
    shell.session.output(b"x")
    shell.session.end(0)
    text = recording.terminals(ATTEMPT)[0].read_text()
    assert [frame.text for frame in frames(text)] == ["100x30", "120x40", "x"]


def test_a_program_that_is_no_shell_is_given_nothing(store: Store) -> None:
    session = Session(store, ATTEMPT, "gw", ["vi", "/etc/hosts"])
    session.begin((80, 24))
    assert session.environment == {}
    assert session.output(b"\x1b]133;A\x07") == b"\x1b]133;A\x07"
    session.end(0)
    assert payloads(store, Kind.COMMAND)[0]["line"] == "vi /etc/hosts"


def test_a_full_disk_ends_nobodys_work(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    started(store)
    shell = Shell(store)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(CastWriter, "output", full)
    assert shell.session.output(b"x") == b"x"
    shell.session.end(0)
    assert shell.session.problem == "No space left on device."


def test_a_record_that_cannot_be_written_ends_nobodys_work(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(store)
    shell = Shell(store)

    def locked(*_: object) -> None:
        raise StoreError("it is locked")

    monkeypatch.setattr(Store, "append", locked)
    shell.begins("true")
    assert shell.ends(0) == b"# "
    shell.session.end(0)
    assert shell.session.problem == "it is locked"


def test_what_is_done_on_no_machine_is_kept_too(store: Store) -> None:
    started(store)
    with noted(store, ATTEMPT, ["lab", "capture", "lan", "udp port 53"]):
        pass
    with pytest.raises(UsageError), noted(store, ATTEMPT, ["lab", "capture", "wan"]):
        raise UsageError("no")
    told = payloads(store, Kind.COMMAND)
    assert [(one["line"], one["node"], one["status"]) for one in told] == [
        ("lab capture lan 'udp port 53'", "", 0),
        ("lab capture wan", "", None),
    ]


def test_two_terminals_have_two_names(store: Store) -> None:
    started(store)
    one, other = Shell(store), Shell(store)
    for shell in (one, other):
        shell.session.end(0)
    assert [path.name for path in recording.terminals(ATTEMPT)] == ["1-gw.cast", "2-gw.cast"]
    assert recording.node_of("12-a-b.cast") == "a-b"
    assert recording.node_of("../x") == ""


# --- on and off ------------------------------------------------------------------


def test_practice_is_recorded_unless_somebody_said_no(store: Store) -> None:
    started(store)
    assert recording.is_recorded(store, ATTEMPT)
    assert recording.switch(store, [ATTEMPT], on=False) == []
    assert not recording.is_recorded(store, ATTEMPT)
    started(store, "b")
    assert not recording.is_recorded(store, "b")
    recording.switch(store, [ATTEMPT, "b"], on=True)
    assert recording.is_recorded(store, ATTEMPT)
    assert recording.is_recorded(store, "b")
    assert [one["on"] for one in payloads(store, Kind.RECORD)] == [False, True]


def test_a_course_is_recorded_whatever_is_said(store: Store) -> None:
    recording.switch(store, [], on=False)
    started(store, course="net-1", assignment="one")
    assert recording.switch(store, [ATTEMPT], on=False) == [ATTEMPT]
    assert recording.is_recorded(store, ATTEMPT)
    assert payloads(store, Kind.RECORD) == []


def test_what_nobody_was_told_of_is_not_recorded(store: Store) -> None:
    assert not recording.is_recorded(store, ATTEMPT)
    store.append(ATTEMPT, Kind.START, {"scenario": "x"})  # an earlier version's
    assert not recording.is_recorded(store, ATTEMPT)


def test_off_counts_for_a_shell_that_is_open(store: Store) -> None:
    started(store)
    shell = Shell(store)
    shell.session.output(b"seen")
    recording.switch(store, [ATTEMPT], on=False)
    shell.begins("secret")
    shell.session.output(b"unseen")
    shell.ends(0)
    shell.session.end(0)
    assert payloads(store, Kind.COMMAND) == []
    text = recording.terminals(ATTEMPT)[0].read_text()
    assert "seen" in text
    assert "secret" not in text
    assert "unseen" not in text
    assert len(payloads(store, Kind.TERMINAL)) == 1


@pytest.mark.parametrize("content", [b"", b"of", b"\xff\xfe\x00", b"OFF"])
def test_of_a_setting_that_is_damaged_nothing_is_recorded(home: Path, content: bytes) -> None:
    """Whoever has that file once said something, and perhaps that nothing is to be kept."""
    assert recording.is_wanted()
    (home / "recording").write_bytes(content)
    assert not recording.is_wanted()


def test_a_damaged_setting_is_mended_by_saying_it_again(home: Path, store: Store) -> None:
    (home / "recording").write_bytes(b"\xff")
    recording.switch(store, [], on=True)
    assert recording.is_wanted()


def test_a_setting_that_cannot_be_written_is_told(home: Path, store: Store) -> None:
    (home / "recording").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        recording.switch(store, [], on=False)


# --- what was left behind ---------------------------------------------------------


def left_behind(cut: int | None = None) -> Path:
    path = recording.next_terminal(ATTEMPT, "gw")
    writer = CastWriter(path, width=80, height=24)
    writer.mark("sleep 100")
    writer.output(b"x")
    writer.close()  # and nobody told of it
    if cut is not None:
        path.write_bytes(path.read_bytes()[:cut])
    return path


def test_a_terminal_that_was_left_is_told_of_once(store: Store) -> None:
    started(store)
    path = left_behind()
    recording.settle(store, ATTEMPT)
    recording.settle(store, ATTEMPT)
    (told,) = payloads(store, Kind.TERMINAL)
    assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    (command,) = payloads(store, Kind.COMMAND)
    assert (command["line"], command["status"], command["seconds"]) == ("sleep 100", None, None)


@pytest.mark.parametrize("cut", [0, 10, 100])
def test_also_one_that_is_not_whole(store: Store, cut: int) -> None:
    started(store)
    left_behind(cut)
    recording.settle(store, ATTEMPT)
    (told,) = payloads(store, Kind.TERMINAL)
    assert told["bytes"] == cut


def test_a_terminal_that_is_open_is_left_alone(store: Store) -> None:
    started(store)
    shell = Shell(store)
    recording.settle(store, ATTEMPT)
    assert payloads(store, Kind.TERMINAL) == []
    shell.session.end(0)
    assert len(payloads(store, Kind.TERMINAL)) == 1


# --- what is kept, altogether ---------------------------------------------------


def test_all_that_is_kept_is_shown_exported_and_deleted(home: Path, store: Store) -> None:
    started(store)
    path = left_behind()
    store.append(ATTEMPT, Kind.STOP)
    started(store, "b2")
    (one,) = keeping.kept(store, "a1")
    assert one.record.ended == "stopped"
    assert one.terminals == [path]
    assert one.counts[Kind.START] == 1
    assert one.bytes > path.stat().st_size
    keeping.export(store, [ATTEMPT], home / "out.zip")
    keeping.export(store, [ATTEMPT], home / "out")
    with zipfile.ZipFile(home / "out.zip") as file:
        told = json.loads(file.read(f"{ATTEMPT}/events.json"))
        assert file.read(f"{ATTEMPT}/{path.name}") == path.read_bytes()
    assert told == json.loads((home / "out" / ATTEMPT / "events.json").read_text())
    assert [event["kind"] for event in told] == ["start", "stop", "command", "terminal"]
    # What is told of a terminal after the end does not make the attempt go on.
    assert records(store.events())[ATTEMPT].ended == "stopped"
    with pytest.raises(UsageError, match="there already"):
        keeping.export(store, [ATTEMPT], home / "out")
    keeping.delete(store, [ATTEMPT])
    assert [one.record.attempt for one in keeping.kept(store)] == ["b2"]
    assert not path.exists()


def test_only_what_is_there_can_be_meant(store: Store) -> None:
    started(store, "aa1")
    started(store, "aa2")
    with pytest.raises(NoAttempt, match="'zz'"):
        keeping.the_one(store, "zz")
    with pytest.raises(UsageError, match="aa1, aa2"):
        keeping.the_one(store, "aa")


def test_an_export_that_cannot_be_written_is_told(home: Path, store: Store) -> None:
    started(store)
    (home / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        keeping.export(store, [ATTEMPT], home / "file" / "out")


def test_nothing_is_left_of_an_export_that_fails(home: Path, store: Store, tmp_path: Path) -> None:
    started(store)
    (recording.folder(ATTEMPT) / "1-gw.cast").mkdir(parents=True)  # a cast that cannot be copied
    store.append(ATTEMPT, Kind.TERMINAL, {"terminal": "1-gw.cast"})
    with pytest.raises(StoreError, match=r"1-gw\.cast"):
        keeping.export(store, [ATTEMPT], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_scenario_that_is_not_told_has_no_name(store: Store) -> None:
    started(store, drill=True)
    assert records(store.events())[ATTEMPT].title == "a drill"
    store.append(ATTEMPT, Kind.SOLVE)
    assert records(store.events())[ATTEMPT].title == "x"
    started(store, "c", course="net-1", assignment="one")
    assert records(store.events())["c"].title == "net-1/one"
