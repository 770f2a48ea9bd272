"""The record of attempts: several writers, damaged files, later versions; and what follows."""

from __future__ import annotations

import contextlib
import datetime
import functools
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from docker import DockerClient

from lab_runner.attempts import stopping
from lab_runner.attempts import store as store_module
from lab_runner.attempts.chain import broken_at
from lab_runner.attempts.finding import pick, reconcile
from lab_runner.attempts.history import end, records
from lab_runner.attempts.last_report import report_of
from lab_runner.attempts.store import SCHEMA, Kind, Store, data_folder
from lab_runner.engine.finding import Deployed
from lab_runner.errors import NoAttempt, StoreError, UsageError

WRITER = """
import sys
from pathlib import Path
from lab_runner.attempts.store import Kind, Store
with Store(Path(sys.argv[1])) as store:
    for number in range(50):
        store.append(sys.argv[2], Kind.CHECK, {"number": number})
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home/attempts.sqlite3"


def deployed(attempt: str, scenario: str = "some-trouble") -> Deployed:
    now = datetime.datetime.now(datetime.UTC)
    return Deployed(attempt, scenario, "branch", 1, now, {"gw": "running"})


def test_what_was_written_is_read(path: Path) -> None:
    with Store(path) as store:
        store.append("aaaaaa", Kind.START, {"scenario": "x", "lab": "y", "seed": 7})
    with Store(path) as store:
        (event,) = store.events("aaaaaa")
    assert event.kind is Kind.START
    assert event.payload["seed"] == 7
    assert event.time.tzinfo is not None


def test_events_are_filtered_by_attempt_and_kind(path: Path) -> None:
    with Store(path) as store:
        store.append("aaaaaa", Kind.START)
        store.append("bbbbbb", Kind.START)
        store.append("aaaaaa", Kind.HINT)
        assert len(store.events()) == 3
        assert [event.kind for event in store.events("aaaaaa")] == [Kind.START, Kind.HINT]
        assert len(store.events(kind=Kind.START)) == 2


def test_six_processes_write_at_once(path: Path) -> None:
    """The file does not exist yet: they also race for creating it."""
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), f"attempt{number}"])
        for number in range(6)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 6
    with Store(path) as store:
        assert len(store.events()) == 300


def test_events_of_an_attempt_are_a_chain(path: Path) -> None:
    with Store(path) as store:
        for number in range(5):
            store.append("aaaaaa", Kind.CHECK, {"number": number})
            store.append("bbbbbb", Kind.CHECK, {"number": number})
        events = store.events("aaaaaa")
    assert broken_at(events) is None
    assert broken_at([]) is None
    assert broken_at(events[1:]) == 0
    assert broken_at([*events[:2], *events[3:]]) == 2
    assert broken_at([events[1], events[0], *events[2:]]) == 0
    assert broken_at([*events[:3], replace(events[3], text='{"number":7}'), events[4]]) == 3
    assert broken_at([*events[:4], replace(events[4], written=events[3].written + "1")]) == 4
    assert broken_at([*events[:4], replace(events[4], attempt="bbbbbb")]) == 4
    assert broken_at([*events[:4], replace(events[4], kind=Kind.HINT)]) == 4


def test_a_chain_holds_with_six_writers(path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), "aaaaaa"]) for _ in range(6)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 6
    with Store(path) as store:
        events = store.events("aaaaaa")
    assert len(events) == 300
    assert broken_at(events) is None


def test_threads_of_one_process_write_a_chain_as_well(path: Path) -> None:
    with Store(path) as store, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.append("aaaaaa", Kind.CHECK, {"n": n}), range(80)))
        assert broken_at(store.events("aaaaaa")) is None


def test_interrupted_before_it_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(sqlite3.Connection):
        inserts = 0

        def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
            self.inserts += sql.startswith("INSERT")
            if sql == "COMMIT" and self.inserts == 1:
                raise KeyboardInterrupt
            return super().execute(sql, *rest)

    connect = functools.partial(sqlite3.connect, factory=Interrupted)
    monkeypatch.setattr(sqlite3, "connect", connect)
    with Store(path) as store:
        with pytest.raises(KeyboardInterrupt):
            store.append("aaaaaa", Kind.START)
        store.append("aaaaaa", Kind.STOP)
        assert [event.kind for event in store.events()] == [Kind.STOP]


def test_only_what_was_begun_ends(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "remove", lambda *_: None)
    client = cast("DockerClient", None)
    with Store(path) as store:
        stopping.stop(client, store, "aaaaaa", lambda *_: None)
        assert store.events() == []
        store.append("bbbbbb", Kind.START)
        stopping.stop(client, store, "bbbbbb", lambda *_: None)
        assert [event.kind for event in store.events()] == [Kind.START, Kind.STOP]


def test_what_an_earlier_version_wrote_is_kept(path: Path) -> None:
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE events (number INTEGER PRIMARY KEY, attempt TEXT NOT NULL,"
        " time TEXT NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL);"
        "CREATE INDEX events_by_attempt ON events (attempt, kind);"
        "INSERT INTO events VALUES"
        " (1, 'aaaaaa', '2026-11-01T10:00:00.000+00:00', 'start', '{\"seed\":7}');"
        "PRAGMA user_version = 1;"
    )
    connection.close()
    with Store(path) as store:
        store.append("aaaaaa", Kind.HINT)
        first, second = store.events("aaaaaa")
    assert (first.payload, first.link) == ({"seed": 7}, "")
    assert broken_at([second]) is None
    with Store(path) as store:
        assert len(store.events()) == 2


def test_damaged_file_says_what_to_do(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match="damaged") as caught, Store(path):
        pass
    assert f"mv {path}" in caught.value.hint


def test_damaged_page_says_what_to_do(path: Path) -> None:
    with Store(path) as store:
        for _ in range(200):
            store.append("aaaaaa", Kind.CHECK, {"text": "x" * 500})
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError), Store(path) as store:
        store.events()


def test_later_version_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="later version"), Store(path):
        pass
    assert path.read_bytes() == before


def test_locked_store_gives_up_in_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(path):
        pass
    holder = sqlite3.connect(path)
    holder.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(store_module, "PATIENCE_S", 0.2)
    try:
        with pytest.raises(StoreError, match="Another process"), Store(path) as store:
            store.append("aaaaaa", Kind.HINT)
    finally:
        holder.close()


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, no folder")
    with pytest.raises(StoreError) as caught, Store(tmp_path / "home/attempts.sqlite3"):
        pass
    assert "BREAKFIX_HOME" in caught.value.hint


def test_unopened_store_touches_nothing(path: Path) -> None:
    Store(path).close()
    assert not path.parent.exists()


def test_home_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BREAKFIX_HOME", str(tmp_path))
    assert data_folder() == tmp_path
    monkeypatch.delenv("BREAKFIX_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_folder().name == "breakfix"


def test_history_counts_and_knows_the_last_check(path: Path) -> None:
    report = {"attempt": "aaaaaa", "scenario": "s", "seed": 1, "passed": False, "checks": []}
    with Store(path) as store:
        store.append("aaaaaa", Kind.START, {"scenario": "s", "lab": "l", "seed": 1})
        store.append("aaaaaa", Kind.CHECK, report)
        store.append("aaaaaa", Kind.HINT)
        store.append("aaaaaa", Kind.CHECK, {**report, "passed": True, "lab": "l"})
        record = records(store.events())["aaaaaa"]
    assert (record.checks, record.hints, record.solved, record.ended) == (2, 1, True, "")
    told = report_of(record)
    assert told is not None
    assert told.attempt == "aaaaaa"


def test_a_reset_makes_the_last_check_old(path: Path) -> None:
    with Store(path) as store:
        store.append("aaaaaa", Kind.START, {"scenario": "s", "lab": "l", "seed": 1})
        store.append("aaaaaa", Kind.CHECK, {"passed": False})
        store.append("aaaaaa", Kind.RESET)
        record = records(store.events())["aaaaaa"]
    assert record.last_check is None
    assert record.checks == 1


def test_report_of_another_version_is_none(path: Path) -> None:
    with Store(path) as store:
        store.append("aaaaaa", Kind.CHECK, {"passed": False, "checks": [{"new": "form"}]})
        assert report_of(records(store.events())["aaaaaa"]) is None


def test_vanished_attempt_is_lost_and_told_once(path: Path) -> None:
    with Store(path) as store:
        store.append("aaaaaa", Kind.START, {"scenario": "s", "lab": "l", "seed": 1})
        (standing,) = reconcile(store, list)
        assert standing.state == "lost"
        assert reconcile(store, list) == []
        assert store.events("aaaaaa")[-1].kind is Kind.LOST


def test_two_that_find_it_lost_write_it_once(path: Path) -> None:
    with Store(path) as store, Store(path) as other, ThreadPoolExecutor(2) as pool:
        store.append("aaaaaa", Kind.START, {"scenario": "s", "lab": "l", "seed": 1})
        told = list(pool.map(lambda one: reconcile(one, list), (store, other)))
        assert sorted(map(len, told)) == [0, 1]
        assert [event.kind for event in store.events()] == [Kind.START, Kind.LOST]


def test_what_is_being_stopped_is_not_lost(path: Path) -> None:
    """The containers go first; that it was stopped is written after that."""
    with Store(path) as store, Store(path) as stopping:
        store.append("aaaaaa", Kind.START, {"scenario": "s", "lab": "l", "seed": 1})
        late = threading.Timer(0.3, end, (stopping, "aaaaaa", Kind.STOP))
        late.start()
        assert reconcile(store, list) == []
        late.join()
        assert [event.kind for event in store.events()] == [Kind.START, Kind.STOP]


def test_what_is_stopped_stays_so_whatever_was_still_at_work(path: Path) -> None:
    with Store(path) as store:
        store.append("aaaaaa", Kind.START, {"scenario": "s", "lab": "l", "seed": 1})
        assert end(store, "aaaaaa", Kind.STOP)
        store.append("aaaaaa", Kind.CHECK, {"passed": False})
        assert not end(store, "aaaaaa", Kind.STOP)
        assert not end(store, "aaaaaa", Kind.LOST)
        assert records(store.events())["aaaaaa"].ended == "stopped"
        assert reconcile(store, list) == []


def test_lost_twice_with_work_in_between_is_written_twice(path: Path) -> None:
    with Store(path) as store:
        store.append("aaaaaa", Kind.START)
        assert end(store, "aaaaaa", Kind.LOST)
        store.append("aaaaaa", Kind.CHECK, {"passed": False})
        assert end(store, "aaaaaa", Kind.LOST)


def test_what_is_read_alone_stays_so(path: Path) -> None:
    """As with hints: who asks at the same time gets the next one."""

    def count(store: Store) -> None:
        for _ in range(10):
            with store.alone():
                number = len(store.events("aaaaaa"))
                store.append("aaaaaa", Kind.HINT, {"number": number})

    with Store(path) as one, Store(path) as other, ThreadPoolExecutor(4) as pool:
        list(pool.map(count, (one, other, one, other)))
        events = one.events("aaaaaa")
    assert [event.payload["number"] for event in events] == list(range(40))
    assert broken_at(events) is None


def test_what_fails_alone_was_never_written(path: Path) -> None:
    with Store(path) as store:
        with contextlib.suppress(RuntimeError), store.alone():
            store.append("aaaaaa", Kind.HINT)
            raise RuntimeError
        assert store.events() == []
        store.append("aaaaaa", Kind.HINT)
        assert len(store.events()) == 1


HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print(flush=True)
sys.stdin.read()
"""


def test_who_holds_the_record_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "PATIENCE_S", 0.2)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with (
        Store(path) as store,
        subprocess.Popen([sys.executable, "-c", HOLD, str(path)], **pipes) as holder,
    ):
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StoreError, match=rf"Process {holder.pid} \(.*python.* has held") as e:
            store.append("aaaaaa", Kind.HINT)
        assert f"ps {holder.pid}" in e.value.hint
        holder.communicate()
        store.append("aaaaaa", Kind.HINT)
        assert len(store.events()) == 1


def test_attempt_that_comes_back_was_not_lost(path: Path) -> None:
    with Store(path) as store:
        store.append("aaaaaa", Kind.START, {"scenario": "s", "lab": "l", "seed": 1})
        reconcile(store, list)
        (standing,) = reconcile(store, lambda: [deployed("aaaaaa")])
    assert standing.state == "running"


def test_lab_without_record_is_shown(path: Path) -> None:
    with Store(path) as store:
        (standing,) = reconcile(store, lambda: [deployed("cccccc")])
    assert standing.record is None
    assert standing.state == "running"


def test_pick_takes_the_only_one() -> None:
    assert pick([deployed("aaaaaa")], None).attempt == "aaaaaa"


def test_pick_by_first_letters() -> None:
    assert pick([deployed("aaaaaa"), deployed("abbbbb")], "ab").attempt == "abbbbb"


def test_a_proof_is_meant_only_where_it_is_named() -> None:
    proof = replace(deployed("abbbbb"), proof=True)
    assert pick([deployed("aaaaaa"), proof], None).attempt == "aaaaaa"
    assert pick([deployed("aaaaaa"), proof], "ab") is proof
    with pytest.raises(NoAttempt):
        pick([proof], None)


def test_pick_lists_several() -> None:
    with pytest.raises(UsageError, match=r"aaaaaa .*abbbbb") as caught:
        pick([deployed("aaaaaa"), deployed("abbbbb")], None)
    assert "LAB_ATTEMPT" in caught.value.hint


def test_pick_among_none() -> None:
    with pytest.raises(NoAttempt) as caught:
        pick([], None)
    assert "lab start" in caught.value.hint


def test_pick_of_an_unknown_one_tells_what_runs() -> None:
    with pytest.raises(NoAttempt) as caught:
        pick([deployed("aaaaaa")], "ffffff")
    assert "aaaaaa" in caught.value.hint
