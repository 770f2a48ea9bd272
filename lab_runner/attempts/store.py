"""The record of attempts: an append-only list of events in SQLite.

What runs is the engine's to say; what happened is said here. Several processes
write at once: the journal is a write-ahead log, and a writer waits its turn. The events of
an attempt are a chain.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from lab_runner.attempts.chain import BEGINNING, link
from lab_runner.attempts.refusals import damaged, refused
from lab_runner.errors import StoreError

#: Raised when a table changes; a store of a later version is left alone.
SCHEMA = 2
#: How long a writer waits for another one.
PATIENCE_S = 10.0

_TABLES = """
CREATE TABLE IF NOT EXISTS events (
    number  INTEGER PRIMARY KEY,
    attempt TEXT NOT NULL,
    time    TEXT NOT NULL,
    kind    TEXT NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_attempt ON events (attempt, kind);
"""
#: What each version of the tables adds to the one before.
_ADDED = {2: "ALTER TABLE events ADD COLUMN link TEXT NOT NULL DEFAULT '';"}


class Kind(StrEnum):
    """What can happen to an attempt."""

    START = "start"
    CHECK = "check"
    HINT = "hint"
    DIAGNOSIS = "diagnosis"
    SOLVE = "solve"
    RESET = "reset"
    REBOOT = "reboot"
    DEBRIEF = "debrief"
    STOP = "stop"
    #: Its containers are gone, and it was not this kit that removed them.
    LOST = "lost"
    #: One command, typed in a shell or given to ``lab exec``: ``node``, ``terminal`` (the name of
    #: its cast, or empty), ``line``, ``began``, ``seconds``, ``status``.
    COMMAND = "command"
    #: A terminal that was closed: ``node``, ``terminal``, ``began``, ``seconds``, ``bytes``,
    #: ``sha256`` of its cast, which is thereby a part of the chain.
    TERMINAL = "terminal"
    #: What differs from the state handed over, after a check: ``files`` and ``network``, by node.
    STATE = "state"
    #: Recording was switched on or off: ``on``.
    RECORD = "record"
    #: The work was handed in: ``assignment``, ``sha256`` of the file, ``passed``.
    SUBMIT = "submit"


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        written: The time, as it was written.
        text: The payload's JSON, as it was written.
        link: Its place in the attempt's chain; empty where an earlier version wrote it.
    """

    attempt: str
    written: str
    kind: Kind
    text: str
    link: str = ""

    @property
    def time(self) -> datetime.datetime:
        """When it was."""
        return datetime.datetime.fromisoformat(self.written)

    @cached_property
    def payload(self) -> dict[str, Any]:
        """All that is told of it."""
        told: dict[str, Any] = json.loads(self.text)
        return told


def data_folder() -> Path:
    """Where the record lies: ``BREAKFIX_HOME``, else the user's data directory."""
    if home := os.environ.get("BREAKFIX_HOME"):
        return Path(home)
    import platformdirs  # noqa: PLC0415 - not needed where the variable is set

    return Path(platformdirs.user_data_dir("breakfix"))


class Store:
    """Events in one file."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or data_folder() / "attempts.sqlite3"
        self._turn = threading.RLock()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Open the record now rather than when it is first used; create it where there is none.

        Raises:
            StoreError: It cannot be read or written, or a later version made it.
        """
        _ = self._connection

    def close(self) -> None:
        """Let go of the file."""
        if "_connection" in vars(self):
            self._connection.close()
            del self._connection

    @cached_property
    def _connection(self) -> sqlite3.Connection:
        with self._mapped():
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            connection = sqlite3.connect(
                self.path, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False
            )
        try:
            with self._mapped():
                self._prepare(connection)
        except StoreError:
            connection.close()
            raise
        return connection

    def append(self, attempt: str, kind: Kind, payload: Mapping[str, Any] | None = None) -> None:
        """Write down that something happened now.

        Raises:
            StoreError: It could not be written.
        """
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        text = json.dumps(payload or {}, separators=(",", ":"))
        with self.alone(), self._mapped():
            connection = self._connection
            last = connection.execute(
                "SELECT link FROM events WHERE attempt = ? ORDER BY number DESC LIMIT 1", (attempt,)
            ).fetchone()
            place = link(last[0] if last else BEGINNING, attempt, now, kind.value, text)
            connection.execute(
                "INSERT INTO events (attempt, time, kind, payload, link) VALUES (?, ?, ?, ?, ?)",
                (attempt, now, kind.value, text, place),
            )

    def events(self, attempt: str | None = None, kind: Kind | None = None) -> list[Event]:
        """What happened, oldest first; of one attempt, of one kind, where asked for.

        Raises:
            StoreError: It could not be read.
        """
        with self._mapped():
            rows = self._connection.execute(
                "SELECT attempt, time, kind, payload, link FROM events"
                " WHERE (?1 IS NULL OR attempt = ?1) AND (?2 IS NULL OR kind = ?2)"
                " ORDER BY number",
                (attempt, kind.value if kind else None),
            ).fetchall()
            return [_event(*row) for row in rows]

    def forget(self, attempt: str) -> None:
        """Take everything about an attempt out of the file, also where it was written first.

        Raises:
            StoreError: It could not be.
        """
        with self._mapped():
            self._connection.execute("PRAGMA secure_delete = ON")
            with self.alone():
                self._connection.execute("DELETE FROM events WHERE attempt = ?", (attempt,))
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else writes as long as this lasts: what is read in it stays so until it is over.

        What is written in it is written as a whole, or not at all.

        Raises:
            StoreError: It could not be written.
        """
        connection = self._connection
        with self._turn:
            if connection.in_transaction:  # in another one's
                yield
                return
            try:
                with self._mapped():
                    connection.execute("BEGIN IMMEDIATE")
                yield
                with self._mapped():
                    connection.execute("COMMIT")
            except BaseException:
                connection.rollback()  # nothing to do where a full disk has done it already
                raise

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            raise StoreError(
                f"{self.path} was written by a later version of this program "
                f"(schema {version}; this one knows {SCHEMA}).",
                hint="Use that version, or set BREAKFIX_HOME to another folder.",
            )
        _use_write_ahead_log(connection)
        if version < SCHEMA:
            self._migrate(connection)

    def _migrate(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        # Another process may have done it while this one waited for its turn.
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        steps = [_TABLES] if version == 0 else []
        steps += [sql for number, sql in _ADDED.items() if number > version]
        for statement in filter(str.strip, "".join(steps).split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
        connection.execute("COMMIT")

    @contextlib.contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as exc:
            raise refused(exc, self.path, PATIENCE_S) from exc
        except (sqlite3.DatabaseError, ValueError) as exc:
            raise damaged(exc, self.path) from exc
        except OSError as exc:
            raise refused(exc, self.path, PATIENCE_S) from exc


def _event(attempt: str, written: str, kind: str, text: str, place: str) -> Event:
    event = Event(attempt, written, Kind(kind), text, place)
    _ = event.time, event.payload  # what cannot be read is found here
    return event


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # Changing the journal's mode does not wait for other writers as everything else does.
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
