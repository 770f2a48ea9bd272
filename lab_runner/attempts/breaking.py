"""From a healthy lab to the one that somebody is handed."""

from __future__ import annotations

from lab_runner.attempts.access import open_nodes
from lab_runner.checker.handed_over import hand_over
from lab_runner.checker.verifying import verify_fault
from lab_runner.engine.running import Progress, RunningLab
from lab_runner.models.results import Report
from lab_runner.models.scenario import Scenario
from lab_runner.planning.plan import Plan


def scenario_of(plan: Plan) -> Scenario:
    """The scenario that a plan breaks its lab by."""
    assert plan.scenario is not None
    return plan.scenario


def break_lab(lab: RunningLab, progress: Progress) -> Report:
    """Put the fault in, see that it shows, and note how everything is handed over.

    Raises:
        ExecFailed: A step of the fault did not work.
        FaultNotObserved: The fault does not show as the scenario tells.
    """
    progress("the fault", "going in")
    lab.apply(scenario_of(lab.plan).fault)
    progress("the fault", "being verified")
    report = verify_fault(lab)
    hand_over(lab, configuration=bool(lab.plan.beyond), disks=open_nodes(lab.plan))
    progress("the fault", "verified")
    return report
