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
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TextIO, cast

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
        """Its terminal has another size; told by a signal handler."""

    def output(self, data: bytes) -> bytes:
        """Something came; what of it the user is to see."""

    def end(self, status: int | None) -> bytes:
        """It is over, with this status where anybody knows; what the user is still to see."""


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
    wire: socket.socket = getattr(stream, "_sock", None) or cast("socket.socket", stream)
    with contextlib.suppress(AttributeError):
        wire.settimeout(None)
    try:
        if interactive:
            with _raw(), _resized(client, created["Id"], told.resized):
                _copy(wire, told, framed=False)
        else:
            _copy(wire, told, framed=True)
    finally:
        stream.close()
    with mapped():
        return int(client.api.exec_inspect(created["Id"])["ExitCode"] or 0)


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


@contextlib.contextmanager
def _resized(
    client: DockerClient, exec_id: str, tell: Callable[[int, int], None]
) -> Iterator[None]:
    """Keep the size of the node's terminal that of the user's (SIGWINCH, signal(7))."""

    def resize(*words: Any) -> None:
        size = _size()
        if words:
            tell(size.columns, size.lines)
        with contextlib.suppress(Exception):  # cosmetic, and inside a signal handler
            client.api.exec_resize(exec_id, height=size.lines, width=size.columns)

    before = signal.signal(signal.SIGWINCH, resize)
    resize()
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


def _copy(wire: socket.socket, told: Listener, *, framed: bool) -> None:
    sources: list[Any] = [wire, sys.stdin]
    pending = b""
    while True:
        readable, _, _ = select.select(sources, [], [])
        if wire in readable:
            data = wire.recv(65536)
            if not data:
                return
            pending = _show(pending + data, told, framed=framed)
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


def _show(data: bytes, told: Listener, *, framed: bool) -> bytes:
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
