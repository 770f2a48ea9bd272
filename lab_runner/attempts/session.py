"""One terminal on a machine while somebody sits there: kept as it happens."""

from __future__ import annotations

import contextlib
import datetime
import secrets
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from lab_runner.attempts import marks, recording
from lab_runner.attempts.casts import CastWriter
from lab_runner.attempts.store import Kind, Store
from lab_runner.engine.running import ExecResult, RunningLab
from lab_runner.errors import StoreError

#: The size of a terminal where there is none.
_NO_TERMINAL = (80, 24)
#: The program that tells where its commands begin and end.
_SHELL = "bash"


@dataclass
class _Command:
    line: str
    began: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))
    since: float = field(default_factory=time.monotonic)


class Session:
    """What the engine tells of a terminal, written down; nothing that fails here ends a shell.

    Attributes:
        problem: Why not all of it is kept; empty while all is well.
    """

    def __init__(
        self,
        store: Store,
        attempt: str,
        node: str,
        argv: Sequence[str],
        *,
        keep_piped: bool = False,
    ) -> None:
        self.problem = ""
        self._keep_piped = keep_piped
        self._store, self._attempt, self._node = store, attempt, node
        self._line = shlex.join(argv)
        self._cast: CastWriter | None = None
        self._name = ""
        self._terminal = False
        self._command: _Command | None = None
        self._marked = PurePosixPath(argv[0]).name == _SHELL
        key = secrets.token_hex(8)
        self._environment = marks.environment(key) if self._marked else {}
        self._marks = marks.Marks(key, self._began, self._ended)

    @property
    def environment(self) -> Mapping[str, str]:
        """What the program is given so that it tells of its commands."""
        return self._environment if self._terminal else {}

    def begin(self, size: tuple[int, int] | None) -> None:
        """It starts, in a terminal of so many columns and lines, or without one."""
        self._terminal = size is not None
        if not (self._terminal and self._marked):
            self._command = _Command(self._line)
        if self._terminal or self._keep_piped:
            with self.calmly():
                self._cast = self._opened(*(size or _NO_TERMINAL))

    def resized(self, width: int, height: int) -> None:
        """The terminal has another size."""
        if self._cast is not None:
            with self.calmly():
                self._cast.resized(width, height)

    def output(self, data: bytes) -> bytes:
        """Something came; what of it is to be shown."""
        shown = self._marks.feed(data) if self.environment else data
        self._keep(shown)
        return shown

    def end(self, status: int | None) -> bytes:
        """It is over, as far as anybody knows with this status; what is still to be shown."""
        rest = self._marks.rest()
        self._keep(rest)
        if self._command is not None:
            self._tell(status)
        self._close()
        return rest

    def _opened(self, width: int, height: int) -> CastWriter:
        path = recording.next_terminal(self._attempt, self._node)
        self._name = path.name
        return CastWriter(path, width=width, height=height, title=self._node)

    def _keep(self, shown: bytes) -> None:
        if self._cast is None:
            return
        with self.calmly():
            # Without a terminal nobody puts the carriage back.
            self._cast.output(shown if self._terminal else shown.replace(b"\n", b"\r\n"))

    def _began(self, line: str) -> None:
        with self.calmly():
            if not recording.is_recorded(self._store, self._attempt):
                self._close()  # somebody said `lab record off` meanwhile
                return
        if self._command is not None:
            self._tell(None)  # its end was told by nobody: the prompt is somebody else's now
        self._command = _Command(line)
        if self._cast is not None:
            with self.calmly():
                self._cast.mark(line[: recording.LINE_LIMIT])

    def _ended(self, status: int) -> None:
        if self._command is not None:
            self._tell(status)

    def _tell(self, status: int | None) -> None:
        assert self._command is not None
        one, self._command = self._command, None
        told = recording.command(
            self._name if self._cast else "",
            one.line,
            one.began,
            time.monotonic() - one.since,
            status,
            node=self._node,
        )
        with self.calmly():
            self._store.append(self._attempt, Kind.COMMAND, told)

    def _close(self) -> None:
        """Told of before it is given up: nobody else may take it for one that was left."""
        cast, self._cast = self._cast, None
        if cast is not None:
            with self.calmly():
                cast.finish()
                path = recording.folder(self._attempt) / self._name
                recording.tell_of(self._store, self._attempt, path)
            with self.calmly():
                cast.close()

    @contextlib.contextmanager
    def calmly(self) -> Iterator[None]:
        """What fails in here ends nobody's work: a full disk, a record that is locked."""
        try:
            yield
        except StoreError as exc:
            self.problem = self.problem or str(exc)
        except OSError as exc:
            self.problem = self.problem or f"{exc.strerror}."


def interactive(
    store: Store, lab: RunningLab, node: str, argv: Sequence[str], *, keep_piped: bool = False
) -> tuple[int, str]:
    """Run a program with the user's terminal attached; recorded where the attempt is.

    Args:
        store: The record.
        lab: The lab.
        node: Where.
        argv: The program.
        keep_piped: Keep what it shows also where that goes to no terminal.

    Returns:
        Its exit status, and why not all of it was kept.
    """
    if not recording.is_recorded(store, lab.attempt):
        return lab.interactive(node, argv), ""
    session = Session(store, lab.attempt, node, argv, keep_piped=keep_piped)
    with session.calmly():
        recording.settle(store, lab.attempt)
    return lab.interactive(node, argv, session), session.problem


def executed(
    store: Store, lab: RunningLab, node: str, argv: Sequence[str], *, timeout_s: float
) -> tuple[ExecResult, str]:
    """Run one program on a node; recorded where the attempt is.

    Returns:
        How it ended, and why that was not kept.

    Raises:
        ExecFailed: It did not end in time, or the node is off.
    """
    session = Session(store, lab.attempt, node, argv)
    if recording.is_recorded(store, lab.attempt):
        session.begin(None)
    status: int | None = None
    try:
        # What somebody asks to see they see whole.
        done = lab.execute(node, argv, timeout_s=timeout_s, keep=sys.maxsize)
        status = done.exit_status
    finally:
        session.end(status)
    return done, session.problem


@contextlib.contextmanager
def noted(store: Store, attempt: str, argv: Sequence[str]) -> Iterator[Session]:
    """Something that is done to a lab and on no machine: kept as a command, where it is recorded.

    Yields:
        A session whose ``problem`` says afterwards why it was not kept.
    """
    session = Session(store, attempt, "", argv)
    if recording.is_recorded(store, attempt):
        session.begin(None)
    status: int | None = None
    try:
        yield session
        status = 0
    finally:
        session.end(status)
