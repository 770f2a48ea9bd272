"""The streams of a program in a container: standard input, output and error over one socket."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from lab_runner.errors import EngineError

if TYPE_CHECKING:
    from docker import DockerClient

#: Kinds of frames (Docker Engine API, "Stream format" of attach).
STDOUT, STDERR = 1, 2
_NOT_STARTED = b"OCI runtime exec failed: "


class Attached:
    """What the SDK returns for ``exec_start(socket=True)``, read frame by frame."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._deadline: float | None = None
        self._socket: socket.socket = getattr(stream, "_sock", None) or cast(
            "socket.socket", stream
        )
        with contextlib.suppress(AttributeError):
            self._socket.settimeout(None)

    def send(self, data: bytes) -> None:
        """Write to the program's standard input."""
        self._socket.sendall(data)

    def frames(self, deadline_s: float | None = None) -> Iterator[tuple[int, bytes]]:
        """Pieces of the program's output with their kind, until it ends.

        Raises:
            TimeoutError: It did not end in time.
        """
        self._deadline = None if deadline_s is None else time.monotonic() + deadline_s
        while True:
            header = self._exactly(8)
            if header is None:
                return
            kind, length = struct.unpack(">BxxxL", header)
            payload = self._exactly(length)
            if payload is None:
                return
            yield kind, payload

    def _exactly(self, length: int) -> bytes | None:
        data = b""
        while len(data) < length:
            if self._deadline is not None:
                self._socket.settimeout(max(0.01, self._deadline - time.monotonic()))
            piece = self._socket.recv(length - len(data))
            if not piece:
                return None
            data += piece
        return data

    def hang_up(self) -> None:
        """End the conversation; whoever reads meets its end."""
        with contextlib.suppress(OSError, AttributeError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket back, which closing the SDK's stream does not do."""
        with contextlib.suppress(OSError, ValueError):
            self._socket.close()
        with contextlib.suppress(OSError, ValueError):
            self._stream.close()


def is_refusal(said: bytes) -> bool:
    """Does an engine say, in a program's own place, that it could not start it?"""
    return said.startswith(_NOT_STARTED)


def refusal(said: bytes) -> EngineError:
    """The same as an error."""
    return EngineError(
        said.decode("utf-8", "replace").strip(),
        hint="A machine that is just starting or going off runs nothing for a moment: try again. "
        "`lab reset` brings one back that stays so.",
    )


def start(
    client: DockerClient,
    container: str,
    argv: Sequence[str],
    *,
    stdin: bool = False,
    stderr: bool = True,
) -> tuple[str, Attached]:
    """Start a program in a container, without a terminal; its exec's id and its streams."""
    created = client.api.exec_create(container, list(argv), stdin=stdin, stderr=stderr)
    return str(created["Id"]), Attached(client.api.exec_start(created["Id"], socket=True))
