"""Takes what was changed on a lab's disks, and lays it on those of another lab."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from lab_runner.engine.docker import WORKERS, Progress
from lab_runner.engine.running import RunningLab
from lab_runner.models.disk_changes import DiskChanges

_WITHIN_S = 90.0


def take(lab: RunningLab, nodes: Iterable[str]) -> dict[str, DiskChanges]:
    """What was changed on the disks of nodes since the lab was handed over.

    Raises:
        EngineError: A node is off, or its disk cannot be read in time.
    """
    names = list(nodes)

    def one(name: str) -> DiskChanges:
        found = lab.line.result("disk_changes", node=name, timeout_s=_WITHIN_S)
        return DiskChanges.from_json(found)

    lab.line  # noqa: B018 - opened here, once, before several threads need it
    with ThreadPoolExecutor(WORKERS) as pool:
        return dict(zip(names, pool.map(one, names), strict=True))


def lay(lab: RunningLab, changes: Mapping[str, DiskChanges], progress: Progress) -> None:
    """Lay changes on the disks of a lab whose machines are off meanwhile, and boot all of it.

    Raises:
        EngineError: The switchboard does not take them.
        NodeNotReady: They cannot be laid, or a node does not come up with them.
    """
    lab.line.result("hold", nodes=list(changes))
    for name, changed in changes.items():
        lab.line.result("replay", node=name, changes=changed.to_json(), timeout_s=_WITHIN_S)
    lab.reboot(lab.plan.nodes, progress, patient=False)
