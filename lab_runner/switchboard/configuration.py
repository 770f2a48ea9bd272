"""The configuration of a lab's nodes: how it was handed over, and what of it was changed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from lab_runner.switchboard import fingerprint, programs
from lab_runner.switchboard.children import in_child
from lab_runner.switchboard.state import HANDED_OVER, LAID, NodeState, stored

_DEADLINE_S = 20.0
#: So many differences of one node are named.
_NAMED = 20

#: A node's fingerprint; None for one that is off or would not be read in time.
Fingerprints = dict[str, dict[str, str] | None]


class Handover:
    """How the nodes came, how they were handed over, and what is not so any more."""

    def __init__(self, nodes: Mapping[str, NodeState]) -> None:
        self._nodes = nodes
        self._laid: dict[str, float] = stored(LAID, {})

    def laid(self, name: str) -> None:
        """A new node has its disk: what of its programs changes from now on, somebody changed."""
        self._laid[name] = time.time()
        LAID.write_text(json.dumps(self._laid))

    async def remember(self, _request: dict[str, Any]) -> dict[str, Any]:
        """This is how the nodes are handed over."""
        HANDED_OVER.write_text(json.dumps(await of(self._nodes)))
        return {"result": True}

    async def changes(self, _request: dict[str, Any]) -> dict[str, Any]:
        """What of the nodes' configuration is not as it was handed over."""
        return {"result": changes(stored(HANDED_OVER, {}), await of(self._nodes))}

    async def altered(self, request: dict[str, Any]) -> dict[str, Any]:
        """Which programs of a node are not those that it came with."""
        name = request["node"]
        pid = self._nodes[name].pid
        if pid is None:
            return {"error": f"{name} is off"}
        since = self._laid[name]
        return await in_child(lambda out: programs.altered(pid, since, out), _DEADLINE_S)


async def of(nodes: Mapping[str, NodeState]) -> Fingerprints:
    """The fingerprints of all nodes, as they are now."""
    taken = await asyncio.gather(*(_of_one(state.pid) for state in nodes.values()))
    return dict(zip(nodes, taken, strict=True))


async def _of_one(pid: int | None) -> dict[str, str] | None:
    if pid is None:
        return None
    reply = await in_child(lambda out: fingerprint.take(pid, out), _DEADLINE_S)
    found: dict[str, str] | None = reply.get("result")
    return found


def changes(before: Fingerprints, now: Fingerprints) -> dict[str, list[str]]:
    """What differs, by node; a node that cannot be read now has changed as a whole."""
    changed: dict[str, list[str]] = {}
    for name, found in now.items():
        known = before.get(name)
        if found is None or known is None:
            changed[name] = ["it cannot be read"]
        elif differing := fingerprint.differences(known, found):
            changed[name] = differing[:_NAMED]
    return changed
