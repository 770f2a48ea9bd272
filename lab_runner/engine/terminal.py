"""A program on a node with the user's own terminal attached."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import termios
import tty
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self, TextIO, cast

from lab_runner.engine.attached import is_refusal, refusal
from lab_runner.engine.docker import mapped

if TYPE_CHECKING:
    from docker import DockerClient


class Listener(Protocol):
    """Somebody who is told of all that a program shows."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What the program is given beside its own; asked for after :meth:`begin`."""

    def begin(self, size: tuple[int, int] | None) -> None:
        """It starts: columns and lines of its terminal, or None without one."""

    def resized(self, width: int, height: int) -> None:
        """Its terminal has another size."""

    def output(self, data: bytes) -> bytes:
        """Something came; what of it the user is to see."""

    def end(self, status: int | None) -> bytes:
        """It is over, with this status where anybody knows; what the user is still to see."""


class _Started:
    """Passes on what a program shows; what the engine says in its place is kept back."""

    def __init__(self, told: Listener) -> None:
        self._told = told
        self._heard = False
        self._refusal = b""

    def output(self, data: bytes) -> bytes:
        """Something came; what of it the user is to see."""
        if self._refusal or (not self._heard and is_refusal(data)):
            self._refusal += data
            return b""
        self._heard = True
        return self._told.output(data)

    def end(self, status: int) -> bytes:
        """It has ended; what of it the user is still to see.

        Raises:
            EngineError: It could not even be started.
        """
        if not self._refusal:
            return b""
        if status:
            raise refusal(self._refusal)
        return self._told.output(self._refusal)


class Nobody:
    """Nobody listens."""

    environment: Mapping[str, str] = {}

    def begin(self, size: tuple[int, int] | None) -> None:
        """Nothing to do."""

    def resized(self, width: int, height: int) -> None:
        """Nothing to do."""

    def output(self, data: bytes) -> bytes:
        """All of it."""
        return data

    def end(self, status: int | None) -> bytes:  # noqa: ARG002 - the protocol's signature
        """Nothing."""
        return b""


def run(
    client: DockerClient, container: str, argv: Sequence[str], listener: Listener | None = None
) -> int:
    """Run ``argv`` in a container, in a terminal where the user has one.

    Returns:
        Its exit status.
    """
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    told = listener or Nobody()
    status: int | None = None
    told.begin(_size() if interactive else None)
    try:
        status = _run(client, container, argv, told, interactive=interactive)
    finally:
        _write(sys.stdout, told.end(status))
    return status


def _run(
    client: DockerClient, container: str, argv: Sequence[str], told: Listener, *, interactive: bool
) -> int:
    environment = {"TERM": os.environ.get("TERM", "xterm"), **told.environment}
    with mapped():
        created = client.api.exec_create(
            container,
            list(argv),
            stdin=True,
            tty=interactive,
            environment=environment,
            workdir="/root",
        )
        stream = client.api.exec_start(created["Id"], socket=True, tty=interactive)
    started = _Started(told)
    wire: socket.socket = getattr(stream, "_sock", None) or cast("socket.socket", stream)
    with contextlib.suppress(AttributeError):
        wire.settimeout(None)
    try:
        if interactive:
            with _raw(), _Window(client, created["Id"], told) as window:
                _copy(wire, started, window)
        else:
            _copy(wire, started)
    finally:
        stream.close()
    with mapped():
        status = int(client.api.exec_inspect(created["Id"])["ExitCode"] or 0)
    _write(sys.stdout, started.end(status))
    return status


def _size() -> os.terminal_size:
    # Not by COLUMNS and LINES, which stay what they are when a window is resized.
    return os.get_terminal_size(sys.stdout.fileno())


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


class _Window:
    """Keeps the size of the node's terminal that of the user's (SIGWINCH, signal(7)).

    The handler only wakes whoever copies, by a pipe: what it would ask the engine could meet
    itself in the middle of a word to the same engine.
    """

    def __init__(self, client: DockerClient, exec_id: str, told: Listener) -> None:
        self._client, self._exec, self._told = client, exec_id, told

    def __enter__(self) -> Self:
        self._pipe = os.pipe()
        for end in self._pipe:
            os.set_blocking(end, False)
        self._before = signal.signal(signal.SIGWINCH, self._changed)
        self._resize(_size())
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGWINCH, self._before)
        for end in self._pipe:
            os.close(end)

    def fileno(self) -> int:
        """Readable when the size has changed."""
        return self._pipe[0]

    def follow(self) -> None:
        """Tell the program of the new size."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._pipe[0], 4096)
        size = _size()
        self._told.resized(size.columns, size.lines)
        self._resize(size)

    def _changed(self, *_: object) -> None:
        with contextlib.suppress(BlockingIOError):  # it is full: there is enough to wake anybody
            os.write(self._pipe[1], b"w")

    def _resize(self, size: os.terminal_size) -> None:
        with contextlib.suppress(Exception):  # a program that has just ended has no size
            self._client.api.exec_resize(self._exec, height=size.lines, width=size.columns)


def _copy(wire: socket.socket, told: _Started, window: _Window | None = None) -> None:
    """Pass on what is typed and what is shown: in pieces with a header, unless in a window."""
    sources: list[Any] = [wire, sys.stdin, *([window] if window else [])]
    pending = b""
    while True:
        readable, _, _ = select.select(sources, [], [])
        if window is not None and window in readable:
            window.follow()
        if wire in readable:
            data = wire.recv(65536)
            if not data:
                return
            pending = _show(pending + data, told, framed=window is None)
        if sys.stdin in readable and not _forward(wire):
            sources.remove(sys.stdin)


def _forward(wire: socket.socket) -> bool:
    """Pass on what was typed; False at its end."""
    typed = os.read(sys.stdin.fileno(), 4096)
    if typed:
        wire.sendall(typed)
        return True
    with contextlib.suppress(OSError):
        wire.shutdown(socket.SHUT_WR)
    return False


def _show(data: bytes, told: _Started, *, framed: bool) -> bytes:
    """Write what came; return what is not whole yet."""
    if not framed:
        _write(sys.stdout, told.output(data))
        return b""
    while len(data) >= 8 and len(data) >= 8 + (length := int.from_bytes(data[4:8], "big")):
        target = sys.stderr if data[0] == 2 else sys.stdout  # 2 is standard error
        _write(target, told.output(data[8 : 8 + length]))
        data = data[8 + length :]
    return data


def _write(target: TextIO, data: bytes) -> None:
    """All of it: a pipe may take less at once."""
    while data:
        data = data[os.write(target.fileno(), data) :]
