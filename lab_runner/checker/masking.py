"""What two faults in one lab hide of each other."""

from __future__ import annotations

from lab_runner.models.results import Report, Status
from lab_runner.planning.plan import Plan


def shows_each_part(plan: Plan, report: Report) -> bool:
    """Is a symptom of each part red?"""
    red = {row.id for row in report.checks if row.status is Status.FAILED}
    return all(red.intersection(part.symptoms) for part in plan.parts.values())


def may_be_green(plan: Plan, report: Report) -> frozenset[str]:
    """Symptoms that one part may keep from showing in another.

    Those of parts that nobody has chosen for each other, as long as something of each
    is red. An exam's author has chosen them, and all of their symptoms show.
    """
    if plan.scenario is None or not (plan.improvised and shows_each_part(plan, report)):
        return frozenset()
    return frozenset(plan.scenario.symptoms)
