"""A learner's work on a fresh lab: the fault, their changes to the disks, a reboot, all checks."""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lab_runner.attempts.access import open_nodes
from lab_runner.attempts.breaking import break_lab
from lab_runner.checker.handed_over import unchanged
from lab_runner.checker.run import run_checks
from lab_runner.engine import running
from lab_runner.engine.disk_changes import lay
from lab_runner.engine.running import Progress
from lab_runner.errors import NodeNotReady, NotReplayable
from lab_runner.models.disk_changes import DiskChanges
from lab_runner.models.results import Report
from lab_runner.planning.plan import Plan

if TYPE_CHECKING:
    from docker import DockerClient


@dataclasses.dataclass(frozen=True)
class Replay:
    """What became of somebody's changes.

    Attributes:
        report: Every check after the reboot; with a healthy control, whether it was left alone.
        seconds: How long it took.
    """

    report: Report
    seconds: float


def replay(
    client: DockerClient, plan: Plan, changes: Mapping[str, DiskChanges], progress: Progress
) -> Replay:
    """Carry changes out again, and judge them; nothing is left of the lab.

    Args:
        client: The engine.
        plan: The scenario and the seed, from whoever judges.
        changes: What was changed on disks, by node.
        progress: Told of each node's state.

    Raises:
        NotReplayable: They name what is not theirs to change, or a machine that booted
            without them does not with them.
        FaultNotObserved: The lab does not break as the scenario tells.
        EngineError: The engine failed; nobody is judged by that.
    """
    began = time.monotonic()
    foreign = sorted(set(changes) - set(open_nodes(plan)))
    if foreign:
        raise NotReplayable(f"It changes {', '.join(foreign)}, where nobody may log in.")
    attempt = secrets.token_hex(3)
    try:
        with running.deploy(
            client, dataclasses.replace(plan, proof=True), attempt, progress
        ) as lab:
            break_lab(lab, progress, for_work=False)
            try:
                lay(lab, changes, progress)
            except NodeNotReady as exc:  # without them it had booted
                raise NotReplayable(f"With the changes a machine does not come up: {exc}") from exc
            progress("the checks", "being asked")
            report = run_checks(lab)
            if plan.beyond:
                report.checks.append(unchanged(lab))
    finally:
        running.remove(client, attempt, progress)
    return Replay(report, time.monotonic() - began)
