"""From a healthy lab to the one that somebody is handed."""

from __future__ import annotations

from lab_runner.attempts.access import open_nodes
from lab_runner.checker.handed_over import hand_over, note_disks
from lab_runner.checker.verifying import verify_fault
from lab_runner.engine.running import Progress, RunningLab
from lab_runner.models.results import Report
from lab_runner.models.scenario import Scenario
from lab_runner.planning.plan import Plan


def scenario_of(plan: Plan) -> Scenario:
    """The scenario that a plan breaks its lab by."""
    assert plan.scenario is not None
    return plan.scenario


def break_lab(lab: RunningLab, progress: Progress, *, for_work: bool = True) -> Report:
    """Put the fault in, see that it shows, and note how everything is handed over.

    Args:
        lab: A healthy lab.
        progress: Told how far it is.
        for_work: Somebody will work on it, and what they change is to be found.

    Raises:
        ExecFailed: A step of the fault did not work.
        FaultNotObserved: The fault does not show as the scenario tells.
    """
    progress("the fault", "going in")
    lab.apply(scenario_of(lab.plan).fault)
    disks = open_nodes(lab.plan) if for_work else []
    note_disks(lab, disks)
    progress("the fault", "being verified")
    report = verify_fault(lab)
    hand_over(lab, configuration=bool(lab.plan.beyond), disks=disks)
    progress("the fault", "verified")
    return report
