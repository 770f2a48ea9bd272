"""Which processes hold a file's lock, as far as the kernel says."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

#: SQLite locks its file, or, with a write-ahead log, the log's index beside it.
_BESIDE = ("", "-shm")
_LOCKS = Path("/proc/locks")
_LONGEST = 60


@dataclass(frozen=True)
class Holder:
    """A process, and the words that it was started with."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"Process {self.pid} ({self.command})" if self.command else f"Process {self.pid}"


def holders(path: Path) -> list[Holder]:
    """Who holds a lock for writing on a database, apart from this process.

    Empty where the kernel does not tell (no Linux), or where they are in another PID namespace.
    """
    files = {name for beside in _BESIDE if (name := _name(Path(f"{path}{beside}")))}
    found = {pid for pid, mode, file in _locks() if mode == "WRITE" and file in files}
    return [Holder(pid, _command(pid)) for pid in sorted(found - {os.getpid()})]


def _locks() -> list[tuple[int, str, str]]:
    """Of each lock: who, ``READ`` or ``WRITE``, and on what (proc_locks(5))."""
    try:
        lines = _LOCKS.read_text().splitlines()
    except OSError:
        return []
    # "1: POSIX  ADVISORY  WRITE 4711 fd:01:2359 120 120"; a waiting one has "->" before its class.
    rows = [line.split() for line in lines if "->" not in line]
    return [(int(row[4]), row[3], row[5]) for row in rows if int(row[4]) > 0]


def _name(path: Path) -> str:
    """How the kernel calls a file in that table: device and inode."""
    try:
        told = path.stat()
    except OSError:
        return ""
    return f"{os.major(told.st_dev):02x}:{os.minor(told.st_dev):02x}:{told.st_ino}"


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return ""
    return " ".join(shlex.join(word for word in words if word).split())[:_LONGEST]
