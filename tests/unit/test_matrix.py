"""The contract's matrix: what each cell has to be."""

from __future__ import annotations

import io
import itertools

import pytest
from rich.console import Console

from lab_runner.catalogue import Catalogue
from lab_runner.cli.prove import show_matrix, show_proofs
from lab_runner.models.results import CheckResult, Report, Role, Status
from lab_runner.planning.plan import Plan, make_plan
from lab_runner.proving import matrix
from lab_runner.proving.matrix import Clause, Proof, Row
from tests.conftest import DATA, NOW

SYMPTOM, GUARD, SILENCED = (
    "desk-opens-the-page",
    "desk-reaches-the-router",
    "nobody-answers-on-another-port",
)
PASSED, FAILED, SKIPPED, ERROR = Status.PASSED, Status.FAILED, Status.SKIPPED, Status.ERROR


@pytest.fixture(scope="module")
def plan() -> Plan:
    small = Catalogue((DATA / "labs",), (DATA / "scenarios",))
    return make_plan(small, "no-page-opens", 1, now=NOW)


def report(plan: Plan, check: str, status: Status) -> Report:
    row = CheckResult(
        id=check, title="title", role=plan.role(check), status=status, rationale="as seen"
    )
    return Report(attempt="a", scenario="s", seed=1, checks=[row])


def wrong(cells: tuple[matrix.Cell, ...]) -> bool:
    (cell,) = cells
    assert cell.rationale == "as seen"
    return cell.wrong


@pytest.mark.parametrize(
    ("check", "status"), list(itertools.product((SYMPTOM, GUARD, SILENCED), Status))
)
def test_healthy_and_repaired_want_green_everywhere(plan: Plan, check: str, status: Status) -> None:
    assert wrong(matrix.healthy(plan, report(plan, check, status))) is (status is not PASSED)


@pytest.mark.parametrize(
    ("check", "right"),
    [(SYMPTOM, {FAILED}), (GUARD, {PASSED}), (SILENCED, {PASSED, SKIPPED})],
)
def test_broken_wants_symptoms_red_and_guards_green(
    plan: Plan, check: str, right: set[Status]
) -> None:
    for status in Status:
        assert wrong(matrix.broken(plan, report(plan, check, status))) is (status not in right)


@pytest.mark.parametrize("status", list(Status))
def test_a_wrong_fix_leaves_the_named_checks_red(plan: Plan, status: Status) -> None:
    named = matrix.caught(plan, report(plan, GUARD, status), [GUARD])
    assert wrong(named) is (status is not FAILED)
    other = matrix.caught(plan, report(plan, SYMPTOM, status), [GUARD])
    assert not wrong(other)


def test_a_cell_knows_its_role(plan: Plan) -> None:
    (cell,) = matrix.healthy(plan, report(plan, SYMPTOM, PASSED))
    assert cell.role is Role.SYMPTOM


def test_what_the_healthy_lab_was_not_asked_is_shown_all_the_same(plan: Plan) -> None:
    good, red = matrix.healthy(plan, report(plan, GUARD, PASSED)), report(plan, SYMPTOM, FAILED)
    rows = (
        Row(clause=Clause.HEALTHY, state="healthy", cells=good),
        Row(clause=Clause.BROKEN, state="broken", cells=(*matrix.broken(plan, red), *good)),
    )
    console = Console(width=80, record=True, file=io.StringIO())
    show_matrix(console, Proof(scenario="s", seed=1, rows=rows))
    lines = [line.split() for line in console.export_text().splitlines()]
    assert ["S", SYMPTOM, "○"] in lines
    assert [GUARD, "●", "●"] in lines


def test_a_row_is_wrong_by_a_cell_or_a_problem(plan: Plan) -> None:
    good = matrix.healthy(plan, report(plan, GUARD, PASSED))
    bad = matrix.healthy(plan, report(plan, GUARD, ERROR))
    rows = [
        Row(clause=Clause.HEALTHY, state="x", cells=good),
        Row(clause=Clause.HEALTHY, state="x", cells=bad),
        Row(clause=Clause.CLEAN, state="x", problem="left behind: gw"),
    ]
    assert [row.wrong for row in rows] == [False, True, True]
    assert Proof(scenario="s", seed=1, rows=tuple(rows[:1])).holds
    assert not Proof(scenario="s", seed=1, rows=tuple(rows)).holds


def test_of_many_proofs_those_that_do_not_hold_are_shown(plan: Plan) -> None:
    right = matrix.healthy(plan, report(plan, GUARD, PASSED))
    wrong = matrix.healthy(plan, report(plan, GUARD, ERROR))
    proofs = [
        Proof(scenario="s", seed=seed, rows=(Row(clause=Clause.HEALTHY, state="x", cells=cells),))
        for seed, cells in enumerate([right, wrong, right], 1)
    ]
    console = Console(width=80, record=True, file=io.StringIO())
    show_proofs(console, proofs, only_wrong=True)
    said = console.export_text()
    assert "s seed 2: does not hold" in said
    assert "seed 1" not in said
    assert "seed 3" not in said
    assert "1 of 3 break the contract" in said
