"""Frames from the switchboard's taps: raw sockets opened before the namespace was joined."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator

from lab_runner.errors import ProbeError
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.vantage import Vantage

_FRAME = 65535


def taps_of(at: Vantage, place: str) -> list[socket.socket]:
    """The taps on a segment or cable; for a bare node name, on all its cables.

    Raises:
        ProbeError: The server opened none.
    """
    found = [tap for name, tap in at.taps.items() if name == place or name.startswith(f"{place}:")]
    if not found:
        raise ProbeError(f"no tap was opened on {place}")
    return found


def frames(taps: list[socket.socket], deadline: Deadline) -> Iterator[bytes]:
    """Each frame as it comes, until the deadline."""
    with selectors.DefaultSelector() as selector:
        for index, tap in enumerate(taps):
            selector.register(tap, selectors.EVENT_READ, index)
        while deadline.left:
            for key, _ in selector.select(deadline.left):
                if frame := next_frame(taps[key.data]):
                    yield frame


def next_frame(tap: socket.socket) -> bytes | None:
    """A frame that is waiting, if there is one.

    Raises:
        ProbeError: The interface under the tap is gone or down.
    """
    try:
        return tap.recv(_FRAME, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError as exc:
        raise ProbeError(f"the tap cannot be read: {exc.strerror}") from exc
