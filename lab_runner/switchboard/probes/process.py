"""Is a program running on the node? Read from the host's /proc, never asked of the node.

The link ``/proc/<pid>/ns/pid`` may not be read without CAP_SYS_PTRACE, which a
probe does not have. A process is taken for the node's if its parents lead to the
node's PID 1, or if it is in the cgroup of the node: what was started through
the engine (``docker exec``, the learner's own shell) has its parent outside.
Neither can be left from inside: orphans go to PID 1, and the cgroup namespace
shows nothing above the node's own.
"""

from __future__ import annotations

from pathlib import Path

import psutil

from lab_runner.errors import ProbeError
from lab_runner.models.evidence import ProcessEvidence
from lab_runner.models.probes import ProcessProbe
from lab_runner.switchboard.vantage import Vantage

_COMM = 15  # proc(5): TASK_COMM_LEN, less the final zero


def ask(probe: ProcessProbe, at: Vantage) -> ProcessEvidence:
    """Count the node's processes of that name, zombies left out."""
    if not psutil.pid_exists(at.pid):
        raise ProbeError(f"{at.node} is not running")
    everyone = {p.pid: p.info for p in psutil.process_iter(["ppid", "name", "status"])}
    cgroup = _cgroup(at.pid)
    running = [
        pid
        for pid, info in everyone.items()
        if (info["name"] or "")[:_COMM] == probe.name[:_COMM]
        and info["status"] != psutil.STATUS_ZOMBIE
        and (_descends(pid, at.pid, everyone) or _inside(_cgroup(pid), cgroup))
    ]
    return ProcessEvidence(name=probe.name, running=len(running))


def _descends(pid: int | None, ancestor: int, everyone: dict[int, dict[str, int]]) -> bool:
    """Walk up the parents; pids may be used again meanwhile, so no more often than there are."""
    for _ in everyone:
        if pid == ancestor:
            return True
        pid = everyone[pid]["ppid"] if pid in everyone else None
    return False


def _cgroup(pid: int) -> str | None:
    """The cgroup v2 path (cgroups(7)), without systemd's own leaf for PID 1."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return None
    path = next((line[3:] for line in lines if line.startswith("0::")), None)
    return path.removesuffix("/init.scope") if path else None


def _inside(path: str | None, node: str | None) -> bool:
    """Is a cgroup within the node's? The root and our own cgroup are nobody's node."""
    if path is None or not node or node in {"/", _cgroup_of_switchboard()}:
        return False
    return path == node or path.startswith(f"{node}/")


def _cgroup_of_switchboard() -> str | None:
    return _cgroup(psutil.Process().pid)
