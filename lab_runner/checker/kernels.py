"""What nodes' kernels have been told, and what of it was not so when they were handed over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lab_runner.checker.handed_over import differences
from lab_runner.engine.running import RunningLab

_WITHIN_S = 40.0

#: What a kernel was told, in lines by kind: addresses, routes, rules, firewall, settings, sockets.
State = dict[str, list[str]]


@dataclass(frozen=True)
class Kernel:
    """One node's.

    Attributes:
        now: All of it; empty where it could not be read.
        changed: By kind, the lines that were ``added`` and ``removed`` since it was handed over.
    """

    now: State = field(default_factory=dict)
    changed: dict[str, dict[str, list[str]]] = field(default_factory=dict)


def kernels(lab: RunningLab, nodes: Iterable[str]) -> dict[str, Kernel]:
    """Of nodes that were handed over with their disks.

    Raises:
        EngineError: The switchboard does not answer.
    """
    names = list(nodes)
    now = lab.line.result("kernels", nodes=names, timeout_s=_WITHIN_S)
    changed = differences(lab, names)["network"]
    return {name: Kernel(now.get(name, {}), changed.get(name, {})) for name in names}
