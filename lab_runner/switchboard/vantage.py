"""A node as a probe sees it: its network namespace, its disk, the cables around it."""

from __future__ import annotations

import ctypes
import os
import socket
import stat
from dataclasses import dataclass, field

_SYS_OPENAT2 = 437  # the same number on every architecture (unistd.h)
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_IN_ROOT = 0x10
_libc = ctypes.CDLL(None, use_errno=True)

#: No file of a node's is read further than this.
READ_LIMIT = 64 * 1024


class _OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def root_of(pid: int) -> int:
    """An ``O_PATH`` descriptor of the root directory of a node, by its PID 1."""
    return os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY)


@dataclass(frozen=True)
class NodeFiles:
    """A node's disk, read without ever leaving it: links and ``..`` end at the node's root.

    Attributes:
        root: An ``O_PATH`` descriptor of the node's root directory.
    """

    root: int

    def open(self, path: str, flags: int = os.O_RDONLY, *, links: bool = True) -> int:
        """Open ``path`` inside the node (openat2(2), ``RESOLVE_IN_ROOT``).

        Never blocks on a FIFO or a terminal that lies in the place of a file.

        Args:
            path: From the node's root.
            flags: As for open(2).
            links: May the way lead through symbolic links?

        Raises:
            OSError: As open(2) does; ``ELOOP`` and ``EXDEV`` for a farm of links.
        """
        # openat2(2) refuses O_PATH, which opens nothing, with flags about reading.
        calm = 0 if flags & os.O_PATH else os.O_NONBLOCK | os.O_NOCTTY
        how = _OpenHow(
            flags | os.O_CLOEXEC | calm,
            0,
            _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS | (0 if links else _RESOLVE_NO_SYMLINKS),
        )
        fd: int = _libc.syscall(
            _SYS_OPENAT2, self.root, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how)
        )
        if fd < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
        return fd

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes | None:
        """At most ``limit`` bytes of a regular file; None if there is none to be read."""
        try:
            fd = self.open(path)
        except OSError:
            return None
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return None
            return _read(fd, limit)
        except OSError:
            return None
        finally:
            os.close(fd)

    def text(self, path: str, limit: int = READ_LIMIT) -> str:
        """Like :meth:`read`, decoded; an absent file is empty."""
        return (self.read(path, limit) or b"").decode("utf-8", "replace")


@dataclass(frozen=True)
class Vantage:
    """Where a question is asked from. The process is already in the node's network namespace.

    Attributes:
        node: The node's name.
        pid: The node's PID 1, in the switchboard's PID namespace.
        files: The node's disk.
        taps: Raw sockets that were opened on the switchboard's side of cables and
            segments before the namespace was joined, by what they listen on.
    """

    node: str
    pid: int
    files: NodeFiles
    taps: dict[str, socket.socket] = field(default_factory=dict)


def _read(fd: int, limit: int) -> bytes:
    data = b""
    while len(data) < limit:
        piece = os.read(fd, limit - len(data))
        if not piece:
            break
        data += piece
    return data
