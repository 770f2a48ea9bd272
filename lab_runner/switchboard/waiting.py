"""Which nodes wait for something on their disk before they boot."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Any

from lab_runner.models.disk_changes import BadChanges, DiskChanges
from lab_runner.switchboard.changes import lay as lay_changes
from lab_runner.switchboard.disk import Disk, Laying, lay
from lab_runner.switchboard.state import WAITING, stored
from lab_runner.switchboard.vantage import NodeFiles, root_of

#: What a node waits for: its own disk, as one that is new, or what somebody changed on another.
FRESH, _CHANGES = "fresh", "changes"


class Waiting:
    """The nodes that are not switched on before they got what they wait for.

    Who waits is kept on disk: a switchboard that was started again lets nobody boot
    without. What they wait for is not, and has to be brought again.
    """

    def __init__(self, nodes: Iterable[str]) -> None:
        self._for: dict[str, str] = stored(WAITING, dict.fromkeys(nodes, FRESH))
        self._brought: dict[str, Laying] = {}

    def hold(self, nodes: Iterable[str], what: str) -> None:
        """The next boot of these waits."""
        self._for |= dict.fromkeys(nodes, what)
        self._keep()

    async def take_disk(self, request: dict[str, Any]) -> dict[str, Any]:
        """The disk of a new node, laid when the node appears."""
        self._brought[request["node"]] = partial(lay, disk=Disk.from_json(request))
        return {"result": True}

    async def hold_for_changes(self, request: dict[str, Any]) -> dict[str, Any]:
        """The next boot of these nodes waits for what somebody changed on another lab's."""
        self.hold(request["nodes"], _CHANGES)
        return {"result": True}

    async def take_changes(self, request: dict[str, Any]) -> dict[str, Any]:
        """What somebody changed, laid when the node appears again."""
        try:
            changes = DiskChanges.from_json(request["changes"])
        except BadChanges as exc:
            return {"error": str(exc)}
        self._brought[request["node"]] = partial(_lay, changes=changes)
        return {"result": True}

    def may_boot(self, name: str) -> bool:
        """Has it what it waits for?"""
        return name not in self._for or name in self._brought

    def brought(self, name: str) -> Laying | None:
        """What lays on its disk what it waited for; None if it waits for nothing."""
        return self._brought.get(name)

    def settle(self, name: str) -> bool:
        """It has it, and keeps it from then on; is it a new node?"""
        if self._brought.pop(name, None) is None:
            return False
        what = self._for.pop(name, FRESH)
        self._keep()
        return what == FRESH

    def _keep(self) -> None:
        WAITING.write_text(json.dumps(self._for))


def _lay(pid: int, changes: DiskChanges) -> None:
    lay_changes(NodeFiles(root_of(pid)), changes)
