"""Finds the nodes of a lab among all processes of the engine's host."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from lab_runner.switchboard.protocol import NODE_VARIABLE

#: A PID that is younger than this may still be the engine's own program, not the node's yet.
_YOUNG_S = 3.0


class Lookout:
    """Looks for PID 1s that carry a node's token; each is found once.

    Most processes of a host are its own, and most others are in a namespace whose PID 1
    is known: of these no more is read than the name of their namespace.
    """

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._names = {f"{NODE_VARIABLE}={token}".encode(): name for name, token in tokens.items()}
        self._own = _namespace("self")
        #: Processes that were looked at, and among them inits that nobody knows yet.
        self._seen: set[str] = set()
        self._inits: dict[str, float] = {}
        #: The PID 1 of each namespace; a namespace's name is used again only after its end.
        self._ruled: dict[str, str] = {}
        #: Those of them that are nodes.
        self._ours: set[str] = set()

    def forget(self) -> None:
        """Look at every process again: numbers may have been used again meanwhile.

        Nodes that have appeared are found once more.
        """
        self._seen = set()
        self._ruled = {space: pid for space, pid in self._ruled.items() if _namespace(pid) == space}
        self._ours &= set(self._ruled.values())
        self._inits |= dict.fromkeys(self._ours, time.monotonic())

    def look(self) -> dict[str, int]:
        """The nodes that have appeared since the last look, with their PID 1."""
        pids = {entry for entry in os.listdir("/proc") if entry.isdigit()}
        for pid in pids - self._seen:
            # Whatever is no container's init now will never be one; most processes end here.
            if self._is_new_init(pid, pids):
                self._inits[pid] = time.monotonic()
        self._seen = pids
        found = {name: int(pid) for pid in list(self._inits) if (name := self._name(pid))}
        for number in map(str, found.values()):
            del self._inits[number]
            self._ours.add(number)
        return found

    def _is_new_init(self, pid: str, alive: set[str]) -> bool:
        space = _namespace(pid)
        if space in {self._own, ""} or self._ruled.get(space) in alive:
            return False
        if not _is_init(pid):
            return False
        self._ruled[space] = pid
        return True

    def _name(self, pid: str) -> str | None:
        """Whose init it is; it may still be the engine's own program, and be a node's later."""
        name = self._names.get(_node_variable(pid))
        old = time.monotonic() - self._inits[pid] > _YOUNG_S
        if name is None and (pid not in self._seen or (old and not _is_engines(pid))):
            del self._inits[pid]
        return name


def _namespace(pid: str) -> str:
    """The name of a process's PID namespace; empty if the process is gone."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def _node_variable(pid: str) -> bytes:
    """The variable that names a node, from a process's first environment; empty if it has none."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""
    prefix = f"{NODE_VARIABLE}=".encode()
    return next((item for item in environment.split(b"\0") if item.startswith(prefix)), b"")


def _is_init(pid: str) -> bool:
    """Is it PID 1 of a namespace directly below ours? A learner's own process never is."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
    return len(numbers) == 2 and numbers[1] == "1"


def _is_engines(pid: str) -> bool:
    """Is it still the engine's own program, which on a busy machine may take its time?"""
    try:
        return Path(f"/proc/{pid}/comm").read_text().startswith(("runc", "crun", "youki"))
    except OSError:
        return False


def waits_for_power(pid: int) -> bool:
    """Is the node still where its PID 1 waits for the cables?"""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() != "systemd"
    except OSError:
        return False
