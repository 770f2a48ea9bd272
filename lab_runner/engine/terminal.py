"""A program on a node with the user's own terminal attached."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from lab_runner.engine.docker import mapped

if TYPE_CHECKING:
    from docker import DockerClient


def run(client: DockerClient, container: str, argv: Sequence[str]) -> int:
    """Run ``argv`` in a container, in a terminal where the user has one.

    Returns:
        Its exit status.
    """
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    environment = {"TERM": os.environ.get("TERM", "xterm")}
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
            with _raw(), _resized(client, created["Id"]):
                _copy(wire, framed=False)
        else:
            _copy(wire, framed=True)
    finally:
        stream.close()
    with mapped():
        return int(client.api.exec_inspect(created["Id"])["ExitCode"] or 0)


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _resized(client: DockerClient, exec_id: str) -> Iterator[None]:
    """Keep the size of the node's terminal that of the user's (SIGWINCH, signal(7))."""

    def resize(*_: Any) -> None:
        size = shutil.get_terminal_size()
        with contextlib.suppress(Exception):  # cosmetic, and inside a signal handler
            client.api.exec_resize(exec_id, height=size.lines, width=size.columns)

    before = signal.signal(signal.SIGWINCH, resize)
    resize()
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


def _copy(wire: socket.socket, *, framed: bool) -> None:
    sources: list[Any] = [wire, sys.stdin]
    pending = b""
    while True:
        readable, _, _ = select.select(sources, [], [])
        if wire in readable:
            data = wire.recv(65536)
            if not data:
                return
            pending = _show(pending + data, framed=framed)
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


def _show(data: bytes, *, framed: bool) -> bytes:
    """Write what came; return what is not whole yet."""
    if not framed:
        os.write(sys.stdout.fileno(), data)
        return b""
    while len(data) >= 8 and len(data) >= 8 + (length := int.from_bytes(data[4:8], "big")):
        target = sys.stderr if data[0] == 2 else sys.stdout  # 2 is standard error
        os.write(target.fileno(), data[8 : 8 + length])
        data = data[8 + length :]
    return data
