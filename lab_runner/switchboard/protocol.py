"""The words between the kit and a switchboard: JSON, one object a line.

A request is ``{"id": 7, "op": "ask", …}``; its answer carries the same ``id``
and either ``"result"`` or ``"error"``. Answers come as they are ready, in any
order. Standard library only: both sides import this file.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

#: Raised when a request or an answer changes its meaning.
VERSION = 1
#: Where the switchboard listens, inside its own container.
SOCKET = "/run/switchboard.sock"
#: The environment variable by which PID 1 of a node is known; its value is a :class:`PortPlan`'s.
NODE_VARIABLE = "LAB_NODE"
#: Where the switchboard finds its plan.
PLAN_VARIABLE = "SWITCHBOARD_PLAN"
#: The longest line that either side accepts.
LINE_LIMIT = 16 << 20


@dataclass(frozen=True)
class CablePlan:
    """One cable: the card on the node, the port on the switchboard.

    Attributes:
        card: The interface's name on the node.
        port: The interface's name on the switchboard.
        segment: Into which bridge it is plugged.
        mac: The card's fixed address.
    """

    card: str
    port: str
    segment: str
    mac: str


@dataclass(frozen=True)
class WiringPlan:
    """Everything that the switchboard must know to wire a lab, now and after every reboot.

    Attributes:
        segments: Bridge's name by segment.
        nodes: The cables of each node.
        tokens: The value of :data:`NODE_VARIABLE` by node.
        words: The probes that will be asked, to be made ready before anybody waits for them.
    """

    segments: dict[str, str]
    nodes: dict[str, list[CablePlan]]
    tokens: dict[str, str]
    words: list[str] = field(default_factory=list)
    version: int = field(default=VERSION)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> WiringPlan:
        """Back from plain values."""
        nodes = {
            name: [CablePlan(**cable) for cable in cables] for name, cables in data["nodes"].items()
        }
        return cls(data["segments"], nodes, data["tokens"], data["words"], data["version"])
