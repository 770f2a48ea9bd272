"""The matrix of a proof: states of one lab, checks, and what each cell should be."""

from __future__ import annotations

from enum import StrEnum

from lab_runner.checker.masking import may_hide
from lab_runner.models.mutants import Verdict
from lab_runner.models.parameters import Strict
from lab_runner.models.results import CheckResult, Report, Role, Status
from lab_runner.planning.plan import Plan


class Clause(StrEnum):
    """The clauses of the contract."""

    HEALTHY = "C1"
    BROKEN = "C2"
    REPAIRED = "C3"
    SURVIVES = "C4"
    WRONG_FIX = "C5"
    CLEAN = "C6"
    NO_SPOILER = "C7"
    STEADY = "C8"
    #: None of the contract's: a repair that nobody wrote.
    MUTANT = "M"


class Cell(Strict):
    """One check in one state.

    Attributes:
        expected: The statuses that hold the contract; empty: any will do.
    """

    check: str
    role: Role
    expected: tuple[Status, ...]
    status: Status
    rationale: str

    @property
    def wrong(self) -> bool:
        """Does it break the contract?"""
        return bool(self.expected) and self.status not in self.expected


class Row(Strict):
    """One state of the lab, with all checks."""

    clause: Clause
    state: str
    cells: tuple[Cell, ...] = ()
    #: What went wrong apart from checks: a step that failed, a leftover.
    problem: str | None = None
    seconds: float = 0.0
    #: Of a repair that nobody wrote: what the checks make of it, and why that is right.
    verdict: Verdict | None = None
    note: str | None = None

    @property
    def wrong(self) -> bool:
        """Does anything in it break the contract?"""
        return self.problem is not None or any(cell.wrong for cell in self.cells)


class Proof(Strict):
    """All states of one scenario with one seed."""

    scenario: str
    seed: int
    repetition: int = 0
    rows: tuple[Row, ...]

    @property
    def holds(self) -> bool:
        """Is every cell as the contract wants it?"""
        return not any(row.wrong for row in self.rows)


def healthy(plan: Plan, report: Report) -> tuple[Cell, ...]:
    """C1: everything passes."""
    return tuple(_cell(plan, row, (Status.PASSED,)) for row in report.checks)


def repaired(plan: Plan, report: Report) -> tuple[Cell, ...]:
    """C3 and C4: everything passes but what is beyond us, which is as it was."""
    as_it_was = {cell.check: cell.expected for cell in broken(plan, report)}
    return tuple(
        _cell(plan, row, as_it_was[row.id] if row.id in plan.beyond else (Status.PASSED,))
        for row in report.checks
    )


def broken(plan: Plan, report: Report) -> tuple[Cell, ...]:
    """C2: symptoms fail, guards pass, nothing is an error.

    In a composite one part may keep another's symptoms from being asked; in an improvised
    one, from showing.
    """
    assert plan.scenario is not None
    red = [Status.FAILED]
    if plan.composite:
        red.append(Status.SKIPPED)
    if may_hide(plan, report):
        red.append(Status.PASSED)
    cells = []
    for row in report.checks:
        if row.role is Role.SYMPTOM:
            expected: tuple[Status, ...] = tuple(red)
        elif row.id in plan.scenario.silenced:
            expected = (Status.PASSED, Status.SKIPPED)
        else:
            expected = (Status.PASSED,)
        cells.append(_cell(plan, row, expected))
    return tuple(cells)


def caught(plan: Plan, report: Report, caught_by: list[str]) -> tuple[Cell, ...]:
    """C5: the named checks are red; in a composite, what one part still hides is not green."""
    red = (Status.FAILED, Status.SKIPPED) if plan.composite else (Status.FAILED,)
    return tuple(_cell(plan, row, red if row.id in caught_by else ()) for row in report.checks)


def _cell(plan: Plan, row: CheckResult, expected: tuple[Status, ...]) -> Cell:
    return Cell(
        check=row.id,
        role=plan.role(row.id),
        expected=expected,
        status=row.status,
        rationale=row.rationale,
    )
