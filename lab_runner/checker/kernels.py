"""What the kernels of nodes have been told, now and when they were handed over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lab_runner.engine.running import RunningLab

_WITHIN_S = 40.0

#: What a kernel was told, in lines by kind: addresses, routes, rules, firewall, settings, sockets.
State = dict[str, list[str]]


@dataclass(frozen=True)
class Kernel:
    """One node's; None where it was not or could not be read."""

    before: State | None
    now: State | None


def kernels(lab: RunningLab, nodes: Iterable[str]) -> dict[str, Kernel]:
    """Of nodes that were handed over with their disks.

    Raises:
        EngineError: The switchboard does not answer.
    """
    told = lab.line.result("kernels", nodes=list(nodes), timeout_s=_WITHIN_S)
    return {name: Kernel(**one) for name, one in told.items()}
