"""What two faults in one lab hide of each other."""

from __future__ import annotations

from lab_runner.models.results import Report, Status
from lab_runner.planning.plan import Plan


def shows_each_part(plan: Plan, report: Report) -> bool:
    """Is a symptom of each part red?"""
    red = {row.id for row in report.checks if row.status is Status.FAILED}
    return all(red.intersection(part.symptoms) for part in plan.parts.values())


def may_hide(plan: Plan, report: Report) -> bool:
    """May one part keep another's symptoms from showing?

    Where nobody has chosen the parts for each other, as long as something of each is
    red. An exam's author has chosen them, and all of their symptoms show.
    """
    return plan.improvised and shows_each_part(plan, report)
