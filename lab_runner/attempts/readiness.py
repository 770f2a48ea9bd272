"""Which scenarios can be started on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lab_runner.attempts.breaking import scenario_of
from lab_runner.catalogue import Catalogue
from lab_runner.engine.doctor import Finding, State
from lab_runner.errors import LabRunnerError
from lab_runner.models.scenario import Step
from lab_runner.planning.plan import Plan, make_plan

_NAT = re.compile(rb"\b(masquerade|[sd]nat|redirect)\b")


@dataclass(frozen=True)
class Readiness:
    """One scenario; ``because`` is empty where it is ready."""

    scenario: str
    because: str


def readiness(catalogue: Catalogue, findings: Iterable[Finding]) -> list[Readiness]:
    """What keeps each scenario from being started, if anything does."""
    by_id = {finding.id: finding for finding in findings}
    return [Readiness(name, _because(catalogue, name, by_id)) for name in catalogue.scenario_ids()]


def _because(catalogue: Catalogue, name: str, findings: Mapping[str, Finding]) -> str:
    try:
        plan = make_plan(catalogue, name, 1)
    except LabRunnerError as exc:
        return str(exc)
    essential = {finding.id for finding in findings.values() if finding.essential}
    lacking = [
        findings[need].title
        for need in sorted(essential | needs(plan))
        if need in findings and findings[need].state in {State.BAD, State.WARNING}
    ]
    return f"this machine lacks: {', '.join(lacking)}" if lacking else ""


def needs(plan: Plan) -> set[str]:
    """The kernel features that a plan uses, by the doctor's names."""
    found: set[str] = set()
    files = (entry.content or b"" for node in plan.nodes.values() for entry in node.files)
    if any(_NAT.search(content) for content in files):
        found.add("nft-nat")
    steps = list(_steps(plan))
    if any(step.loss for step in steps):
        found.add("nft-bridge")
    if any(step.rate for step in steps):
        found.add("tbf")
    return found


def _steps(plan: Plan) -> Iterable[Step]:
    scenario = scenario_of(plan)
    yield from scenario.fault
    for solution in scenario.solutions:
        yield from solution.steps
    for fix in scenario.wrong_fixes:
        yield from fix.steps
