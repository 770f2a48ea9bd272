"""The configuration of a lab's nodes: how it was handed over, and what of it was changed."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lab_runner.switchboard import changes, fingerprint, programs, standing
from lab_runner.switchboard.children import in_child, write
from lab_runner.switchboard.state import (
    FOLDERS,
    HANDED_OVER,
    KERNELS,
    LAID,
    VOID,
    NodeState,
    stored,
)
from lab_runner.switchboard.vantage import NodeFiles, root_of

_DEADLINE_S = 20.0
_WHOLE_DISK_S = 60.0
#: So many differences of one node are named.
_NAMED = 20

#: A node's fingerprint; None for one that is off or would not be read in time.
Fingerprints = dict[str, dict[str, str] | None]


class Handover:
    """How the nodes came, how they were handed over, and what is not so any more."""

    def __init__(self, nodes: Mapping[str, NodeState]) -> None:
        self._nodes = nodes
        self._laid: dict[str, float] = stored(LAID, {})
        #: Disks that are looked at before they are handed over, and the look.
        self._disks: list[str] | None = None
        self._noted: asyncio.Future[Any] | None = None

    def laid(self, name: str) -> None:
        """A new node has its disk: what of its programs changes from now on, somebody changed."""
        self._laid[name] = time.time()
        LAID.write_text(json.dumps(self._laid))

    @property
    def done(self) -> bool:
        """Is the lab as it was handed over, but for what somebody has changed since?"""
        return HANDED_OVER.exists() and not VOID.exists()

    def void(self) -> None:
        """It is built again, and nobody's until it is handed over again.

        How it was is still known: whoever builds it again may want to compare.
        """
        VOID.touch()

    async def note_disks(self, request: dict[str, Any]) -> dict[str, Any]:
        """Begin to write down how disks are arranged; whoever hands them over waits for the end."""
        if self._noted is not None:
            await self._noted
        _emptied(FOLDERS)
        self._disks = request["disks"]
        looks = _of_each(self._pids(self._disks), standing.note_folders, _WHOLE_DISK_S)
        self._noted = asyncio.ensure_future(looks)
        return {"result": True}

    async def hand_over(self, request: dict[str, Any]) -> dict[str, Any]:
        """From now on, what changes somebody has changed.

        With ``configuration``, remember it as it is: whoever is to change nothing is asked.
        What somebody may change on ``disks`` is to be found later: how these are arranged is
        known before anybody may change them.
        """
        if self._disks != request["disks"]:
            await self.note_disks(request)
        if self._noted is not None:
            await self._noted
        self._noted, self._disks = None, None
        configuration = await of(self._nodes) if request["configuration"] else {}
        told = {"time": time.time(), "configuration": configuration}
        HANDED_OVER.write_text(json.dumps(told))
        VOID.unlink(missing_ok=True)
        _emptied(KERNELS)
        await _of_each(self._pids(request["disks"]), standing.note_kernel, _DEADLINE_S)
        return {"result": True}

    def _pids(self, names: Iterable[str]) -> dict[str, int]:
        return {name: pid for name in names if (pid := self._nodes[name].pid)}

    async def disk_changes(self, request: dict[str, Any]) -> dict[str, Any]:
        """What was changed on a node's disk since it was handed over."""
        name = request["node"]
        pid, handed_over = self._nodes[name].pid, stored(HANDED_OVER, None)
        if pid is None or handed_over is None:
            return {"error": f"{name} is off" if pid is None else "nothing was handed over yet"}

        def child(out: int) -> None:
            folders = standing.folders_of(name)
            known = {path: one[0] for path, one in folders.items()} if folders else None
            found = changes.found(NodeFiles(root_of(pid)), handed_over["time"], known)
            write(out, {"result": found.to_json()})

        return await in_child(child, _WHOLE_DISK_S)

    async def standing(self, request: dict[str, Any]) -> dict[str, Any]:
        """What differs on nodes from how they were handed over: files, and their kernels' state.

        Nodes that are off are left out.
        """
        since = stored(HANDED_OVER, {}).get("time", 0.0)
        pids = self._pids(request["nodes"])

        def compare(name: str, pid: int, out: int) -> None:
            standing.compare(name, pid, since, out)

        found = await _of_each(pids, compare, _DEADLINE_S)
        return {"result": {name: one for name, one in found.items() if one is not None}}

    async def kernels(self, request: dict[str, Any]) -> dict[str, Any]:
        """What nodes' kernels have been told by now; nodes that are off are left out."""
        pids = self._pids(request["nodes"])
        found = await _of_each(pids, standing.tell_kernel, _DEADLINE_S)
        return {"result": {name: one for name, one in found.items() if one is not None}}

    async def changes(self, _request: dict[str, Any]) -> dict[str, Any]:
        """What of the nodes' configuration is not as it was handed over."""
        before = stored(HANDED_OVER, {}).get("configuration", {})
        return {"result": differing(before, await of(self._nodes))}

    async def altered(self, request: dict[str, Any]) -> dict[str, Any]:
        """Which programs of a node are not those that it came with."""
        name = request["node"]
        pid, since = self._nodes[name].pid, self._laid.get(name)
        if pid is None or since is None:
            return {"error": f"{name} is off" if pid is None else f"when {name} was made is lost"}
        return await in_child(lambda out: programs.altered(pid, since, out), _DEADLINE_S)


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


async def _of_each(
    pids: Mapping[str, int], look: Callable[[str, int, int], None], deadline_s: float
) -> dict[str, Any]:
    """What is found on each node, in children side by side; None where nothing could be."""
    work = (in_child(partial(look, name, pid), deadline_s) for name, pid in pids.items())
    taken = zip(pids, await asyncio.gather(*work), strict=True)
    return {name: one.get("result") for name, one in taken}


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


def differing(before: Fingerprints, now: Fingerprints) -> dict[str, list[str]]:
    """What differs, by node; a node that cannot be read now has changed as a whole."""
    changed: dict[str, list[str]] = {}
    for name, found in now.items():
        known = before.get(name)
        if found is None or known is None:
            changed[name] = ["it cannot be read"]
        elif changed_names := fingerprint.differences(known, found):
            changed[name] = changed_names[:_NAMED]
    return changed
