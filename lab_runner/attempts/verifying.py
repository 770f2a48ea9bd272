"""Is the network broken in just the way that the scenario tells?"""

from __future__ import annotations

import time
from collections.abc import Callable

from lab_runner.checker.run import run_checks
from lab_runner.engine.running import RunningLab
from lab_runner.errors import FaultNotObserved
from lab_runner.models.results import CheckResult, Report, Role, Status
from lab_runner.planning.plan import Plan

#: A fault may need a moment to show: a cache that runs out, a neighbour that is noticed dead.
SETTLE_S = 6.0
_PAUSE_S = 0.2


def not_as_told(plan: Plan, report: Report) -> list[CheckResult]:
    """The rows that differ from what the scenario promises of the broken network.

    Every symptom is red, every guard is green; a guard that the scenario calls
    silenced may be anything but an instrument's error.
    """
    silenced = plan.scenario.silenced if plan.scenario else []
    return [row for row in report.checks if not _as_told(row, row.id in silenced)]


def _as_told(row: CheckResult, silenced: bool) -> bool:
    if row.role is Role.SYMPTOM:
        return row.status is Status.FAILED
    return row.status is Status.PASSED or (silenced and row.status is not Status.ERROR)


def verify_fault(
    lab: RunningLab,
    *,
    settle_s: float = SETTLE_S,
    ask: Callable[[RunningLab], Report] = run_checks,
) -> Report:
    """Ask until the network is broken as told, for some seconds.

    Raises:
        FaultNotObserved: It is not; the message says what was seen.
    """
    deadline = time.monotonic() + settle_s
    while True:
        report = ask(lab)
        wrong = not_as_told(lab.plan, report)
        if not wrong:
            return report
        if time.monotonic() > deadline:
            raise FaultNotObserved(
                _message(lab.plan, wrong),
                hint="Nobody should be graded on this. Start again; if it happens again, the "
                f"scenario is at fault: `lab prove {lab.plan.scenario_id}` shows where.",
            )
        time.sleep(_PAUSE_S)


def _message(plan: Plan, wrong: list[CheckResult]) -> str:
    lines = [f"The fault of {plan.scenario_id} (seed {plan.seed}) does not show as it should:"]
    for row in wrong:
        wanted = "failed" if row.role is Role.SYMPTOM else "passed"
        lines.append(f"  {row.id} ({row.role}) is {row.status}, not {wanted}: {row.rationale}")
    return "\n".join(lines)
