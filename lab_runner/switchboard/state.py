"""What a switchboard knows of its nodes, and what of it outlives a restart."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: These outlive a restart of the switchboard: link faults, which nodes wait for a disk, when each
#: got its disk, and how the nodes were when they were handed over.
LINKS = Path("/state/links.json")
WAITING = Path("/state/waiting.json")
LAID = Path("/state/laid.json")
#: For each node its folders, and what its kernel was told.
FOLDERS, KERNELS = Path("/state/folders"), Path("/state/kernels")
HANDED_OVER = Path("/state/handed-over.json")
#: There from the moment in which nodes are built again until the lab is handed over again.
VOID = Path("/state/void")


@dataclass
class NodeState:
    """What the switchboard knows about a node.

    Attributes:
        pid: Its PID 1; None while it is off.
        boots: How often it was wired.
        booted: Has systemd reported that it is up?
        problem: Why it could not be wired.
    """

    pid: int | None = None
    boots: int = 0
    booted: bool = False
    problem: str | None = None
    off_since: float = field(default_factory=time.monotonic)
    ready: socket.socket | None = None

    def to_json(self) -> dict[str, Any]:
        """As an answer carries it."""
        return {
            "pid": self.pid,
            "boots": self.boots,
            "booted": self.booted,
            "problem": self.problem,
        }


def stored(file: Path, default: Any) -> Any:
    """What an earlier switchboard wrote down; ``default`` if it wrote nothing."""
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return default


def of_node(place: Path, node: str) -> Path:
    """The file in ``place`` that tells of one node."""
    return place / f"{node}.json"
