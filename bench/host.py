"""The machine that is measured on: what it is, how busy, how much memory processes hold."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from docker import DockerClient

#: How long the machine is watched for what others do on it.
_WATCHED_S = 3.0
_MIB = 1 << 20


def described(client: DockerClient) -> dict[str, Any]:
    """What figures depend on, without a date or a name."""
    kernel = re.match(r"[\d.]+", platform.release())
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30)),
        "kernel": kernel[0].rstrip(".") if kernel else platform.release(),
        "engine": client.version()["Version"],
        "python": platform.python_version(),
        "busy_before": round(others(), 3),
    }


def worked_s() -> float:
    """Seconds that all cores together have worked since the machine began (proc(5), stat)."""
    times = psutil.cpu_times()
    kernels = times.system + times.irq + times.softirq
    return float(times.user + times.nice + kernels)


def others() -> float:
    """The share of the machine's cores that others use, as long as nothing of ours runs."""
    before = worked_s()
    time.sleep(_WATCHED_S)
    return (worked_s() - before) / (_WATCHED_S * (os.cpu_count() or 1))


def pss_mib(namespaces: Iterable[str]) -> dict[str, float]:
    """Memory of all processes in network namespaces, in MiB, by namespace.

    The sum of their proportional set sizes: a page that N processes share counts as a
    N-th for each (proc(5), smaps_rollup). Needs root.
    """
    found = dict.fromkeys(namespaces, 0.0)
    for process in _processes():
        with contextlib.suppress(OSError):
            name = os.readlink(process / "ns/net")
            if name in found:
                found[name] += _pss(process)
    return found


def shims_mib(containers: Iterable[str]) -> float:
    """Memory of the processes by which the engine holds these containers, in MiB."""
    wanted = {container.encode() for container in containers}
    total = 0.0
    for process in _processes():
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"containerd-shim" in words[0] and wanted.intersection(words):
                total += _pss(process)
    return total


def namespace(path: Path) -> str:
    """A network namespace's name in ``/proc``, from a file that stands for it."""
    return f"net:[{path.stat().st_ino}]"


def _processes() -> Iterator[Path]:
    return (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _pss(process: Path) -> float:
    rollup = (process / "smaps_rollup").read_text()
    match = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    return int(match[1]) * 1024 / _MIB if match else 0.0
