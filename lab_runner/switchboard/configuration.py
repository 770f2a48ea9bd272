"""The configuration of a lab's nodes: how it was handed over, and what of it was changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from lab_runner.switchboard import fingerprint
from lab_runner.switchboard.children import in_child
from lab_runner.switchboard.state import NodeState

_DEADLINE_S = 20.0
#: So many differences of one node are named.
_NAMED = 20

#: A node's fingerprint; None for one that is off or would not be read in time.
Fingerprints = dict[str, dict[str, str] | None]


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
