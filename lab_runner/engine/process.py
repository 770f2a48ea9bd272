"""Tells this process from every other one, and whether another still lives."""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path

#: Fields of /proc/<pid>/stat behind the name, which may hold blanks (proc_pid_stat(5)).
_BEHIND_THE_NAME, _START = ")", 19


@functools.cache
def this_process() -> str:
    """This process, on any machine and after any reboot.

    The kernel's boot, the namespace in which its number counts, that number, and when it
    began: numbers are given again. Empty where the kernel does not say (no Linux).
    """
    here, began = _here(), _began(os.getpid())
    return f"{here} {os.getpid()} {began}" if here and began else ""


def lives(process: str) -> bool | None:
    """Does a process still live?

    Args:
        process: What :func:`this_process` gave it.

    Returns:
        None if that cannot be told from here: another machine's, another namespace's.
    """
    here, _, rest = process.partition(" ")
    pid, _, began = rest.partition(" ")
    if not here or here != _here() or not pid.isdigit():
        return None
    return _began(int(pid)) == began


def _here() -> str:
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
    return ""


def _began(pid: int) -> str:
    """When a process began, in ticks since the boot; empty if there is none, or only its corpse."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    fields = stat.rpartition(_BEHIND_THE_NAME)[2].split()
    return "" if fields[0] in {"Z", "X"} else fields[_START]
