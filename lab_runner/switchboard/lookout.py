"""Finds the nodes of a lab among all processes of the engine's host."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from lab_runner.switchboard.protocol import NODE_VARIABLE

#: A PID that is younger than this may still be the engine's own program, not the node's yet.
_YOUNG_S = 3.0


#: A process's number, and that of its folder in /proc, which no process after it gets.
_Process = tuple[str, int]


class Lookout:
    """Looks for PID 1s that carry a node's token; each is found once.

    Most processes of a host are its own, and most others are in a namespace whose PID 1
    is known: of these no more is read than the name of their namespace. Kernels use the numbers
    of processes and the names of namespaces again, at any time.
    """

    def __init__(self, tokens: Mapping[str, str], proc: Path = Path("/proc")) -> None:
        self._names = {f"{NODE_VARIABLE}={token}".encode(): name for name, token in tokens.items()}
        self._proc = proc
        self._own = self._namespace("self")
        #: Processes that were looked at, and among them inits that nobody knows yet.
        self._seen: set[_Process] = set()
        self._inits: dict[_Process, float] = {}
        #: The PID 1 of each namespace.
        self._ruled: dict[str, _Process] = {}
        #: Those of them that are nodes.
        self._ours: set[_Process] = set()

    def forget(self) -> None:
        """Nodes that have appeared and are still there are found once more."""
        self._inits |= dict.fromkeys(self._ours & self._alive(), time.monotonic())
        self._ours.clear()

    def look(self) -> dict[str, int]:
        """The nodes that have appeared since the last look, with their PID 1."""
        alive = self._alive()
        self._ruled = {space: init for space, init in self._ruled.items() if init in alive}
        for process in alive - self._seen:
            # Whatever is no container's init now will never be one; most processes end here.
            if self._is_new_init(process):
                self._inits[process] = time.monotonic()
        self._seen = alive
        found = {init: name for init in list(self._inits) if (name := self._name(init))}
        for init in found:
            del self._inits[init]
            self._ours.add(init)
        return {name: int(pid) for (pid, _), name in found.items()}

    def _alive(self) -> set[_Process]:
        with os.scandir(self._proc) as entries:
            return {(entry.name, entry.inode()) for entry in entries if entry.name.isdigit()}

    def _is_new_init(self, process: _Process) -> bool:
        space = self._namespace(process[0])
        if space in {self._own, ""} or space in self._ruled:
            return False
        if not self._is_init(process[0]):
            return False
        self._ruled[space] = process
        return True

    def _name(self, init: _Process) -> str | None:
        """Whose init it is; it may still be the engine's own program, and be a node's later."""
        name = self._names.get(self._node_variable(init[0]))
        old = time.monotonic() - self._inits[init] > _YOUNG_S
        if name is None and (init not in self._seen or (old and not self._is_engines(init[0]))):
            del self._inits[init]
        return name

    def _namespace(self, pid: str) -> str:
        """The name of a process's PID namespace; empty if the process is gone."""
        try:
            return os.readlink(self._proc / pid / "ns/pid")
        except OSError:
            return ""

    def _node_variable(self, pid: str) -> bytes:
        """What names a node, from a process's first environment; empty if it is no node's."""
        try:
            environment = (self._proc / pid / "environ").read_bytes()
        except OSError:
            return b""
        prefix = f"{NODE_VARIABLE}=".encode()
        return next((item for item in environment.split(b"\0") if item.startswith(prefix)), b"")

    def _is_init(self, pid: str) -> bool:
        """Is it PID 1 of a namespace directly below ours? A learner's own process never is."""
        try:
            status = (self._proc / pid / "status").read_text()
        except OSError:
            return False
        told = next(line for line in status.splitlines() if line.startswith("NSpid:"))
        _word, *numbers = told.split()
        return len(numbers) == 2 and numbers[1] == "1"

    def _is_engines(self, pid: str) -> bool:
        """Is it still the engine's own program, which on a busy machine may take its time?"""
        try:
            return (self._proc / pid / "comm").read_text().startswith(("runc", "crun", "youki"))
        except OSError:
            return False


def waits_for_power(pid: int) -> bool:
    """Is the node still where its PID 1 waits for the cables?"""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() != "systemd"
    except OSError:
        return False
