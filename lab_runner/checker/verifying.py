"""Is the network broken in just the way that the scenario tells?"""

from __future__ import annotations

from lab_runner.checker.masking import may_hide, shows_each_part
from lab_runner.checker.run import run_checks
from lab_runner.engine.running import RunningLab
from lab_runner.errors import FaultNotObserved
from lab_runner.models.results import CheckResult, Report, Role, Status
from lab_runner.planning.plan import Plan


def not_as_told(plan: Plan, report: Report) -> list[CheckResult]:
    """The rows that differ from what the scenario promises of the broken network.

    Every symptom is red, every guard is green; a guard that the scenario calls
    silenced may be anything but an instrument's error. In a composite one part may
    keep another's symptoms from being asked, as long as something of each is red; in
    an improvised one, from showing as well.
    """
    silenced = plan.scenario.silenced if plan.scenario else []
    symptom = {Status.FAILED}
    if plan.composite and shows_each_part(plan, report):
        symptom.add(Status.SKIPPED)
    if may_hide(plan, report):
        symptom.add(Status.PASSED)
    return [row for row in report.checks if not _as_told(row, symptom, row.id in silenced)]


def _as_told(row: CheckResult, symptom: set[Status], silenced: bool) -> bool:
    if row.role is Role.SYMPTOM:
        return row.status in symptom
    return row.status is Status.PASSED or (silenced and row.status is not Status.ERROR)


def verify_fault(lab: RunningLab) -> Report:
    """Ask until the network is broken as told, for some seconds.

    Raises:
        FaultNotObserved: It is not; the message says what was seen.
    """
    report = run_checks(lab, expect_broken=True)
    wrong = not_as_told(lab.plan, report)
    if wrong:
        raise FaultNotObserved(
            _message(lab.plan, wrong),
            hint="Nobody should be graded on this. Start again; if it happens again, the "
            f"scenario is at fault: `lab prove {lab.plan.scenario_id}` shows where.",
        )
    return report


def _message(plan: Plan, wrong: list[CheckResult]) -> str:
    lines = [f"The fault of {plan.scenario_id} (seed {plan.seed}) does not show as it should:"]
    for row in wrong:
        wanted = "failed" if row.role is Role.SYMPTOM else "passed"
        lines.append(f"  {row.id} ({row.role}) is {row.status}, not {wanted}: {row.rationale}")
    return "\n".join(lines)
