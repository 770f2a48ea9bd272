"""A lab's configuration against how it was handed over."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from lab_runner.engine.running import RunningLab
from lab_runner.models.results import CheckResult, Role, Status
from lab_runner.models.scenario import UNCHANGED

_WITHIN_S = 60.0
_NAMED = 6


def note_disks(lab: RunningLab, disks: Iterable[str]) -> None:
    """Let the switchboard look at disks that are about to be handed over, and do not wait."""
    lab.line.result("note_disks", disks=list(disks), timeout_s=_WITHIN_S)


def hand_over(lab: RunningLab, *, configuration: bool, disks: Iterable[str] = ()) -> None:
    """From now on, this is how the lab was handed over.

    Args:
        lab: The lab.
        configuration: Remember all of it, because nothing of it is to be changed.
        disks: Of which nodes it matters what will be changed on their disks; quicker if
            :func:`note_disks` was told the same before.
    """
    fields = {"configuration": configuration, "disks": list(disks)}
    lab.line.result("hand_over", timeout_s=_WITHIN_S, **fields)


def unchanged(lab: RunningLab) -> CheckResult:
    """Is every node's configuration as it was handed over: files, addresses, routes, rules?

    In a composite, that of the nodes that no repair of another part changes.
    """
    started = time.monotonic()
    changed: dict[str, list[str]] = lab.line.result("changes", timeout_s=_WITHIN_S)
    untouched = changed.keys() - lab.plan.worked_on
    told = [f"{node}: {name}" for node in sorted(untouched) for name in changed[node]]
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return CheckResult(
        id=UNCHANGED,
        title="Nothing was changed on any machine",
        role=Role.GUARD,
        status=Status.FAILED if told else Status.PASSED,
        rationale=f"changed: {', '.join(told[:_NAMED])}{more}" if told else "all as handed over",
        duration_ms=round((time.monotonic() - started) * 1000, 1),
    )


def differences(lab: RunningLab, nodes: Iterable[str]) -> dict[str, Any]:
    """What is not as it was handed over, for the record; nodes that are off are left out.

    Returns:
        ``files``: for each node that has any, pairs of ``added``, ``changed`` or ``removed`` and
        a path; ``network``: for each such node the lines ``added`` and ``removed`` of what its
        kernel was told, by kind.

    Raises:
        EngineError: The switchboard cannot say.
    """
    found = lab.line.result("standing", nodes=list(nodes), timeout_s=_WITHIN_S)
    return {
        word: {node: told[word] for node, told in found.items() if told[word]}
        for word in ("files", "network")
    }
