"""Healthy controls: nothing of ours is broken, and nobody can repair what is."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from lab_runner.attempts.history import records
from lab_runner.attempts.store import Event, Kind
from lab_runner.catalogue import Catalogue
from lab_runner.errors import UsageError
from lab_runner.models.results import CheckResult, Report, Status
from lab_runner.models.scenario import UNCHANGED, Scenario
from lab_runner.planning.plan import make_plan
from lab_runner.proving import matrix
from lab_runner.switchboard.fingerprint import differences

CONTROL = "partner-is-gone-and-it-must-be-us"
FAULT = "no-site-opens-by-name"
NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def as_data(scenario: Scenario) -> dict[str, object]:
    return scenario.model_dump(by_alias=True, exclude_none=True, exclude={"parameters", "checks"})


def test_a_control_has_no_solutions_and_every_other_scenario_has_one(shipped: Catalogue) -> None:
    control = make_plan(shipped, CONTROL, 1).scenario
    other = make_plan(shipped, "no-site-opens-by-name", 1).scenario
    assert control is not None
    assert other is not None
    with pytest.raises(ValueError, match="nothing of ours is broken"):
        Scenario.model_validate(as_data(control) | {"solutions": as_data(other)["solutions"]})
    with pytest.raises(ValueError, match="at least one sound repair"):
        Scenario.model_validate(as_data(other) | {"solutions": []})


def test_only_a_controls_wrong_fixes_may_be_caught_by_the_change_itself(
    shipped: Catalogue,
) -> None:
    for source in shipped.scenarios():
        if "parts" in source.document.data:
            continue
        scenario = make_plan(shipped, source.id, 1).scenario
        assert scenario is not None
        caught = {name for fix in scenario.wrong_fixes for name in fix.caught_by}
        assert (UNCHANGED in caught) == scenario.control


def test_beside_a_fault_a_control_is_what_stays_red(shipped: Catalogue) -> None:
    plan = make_plan(shipped, f"{CONTROL}+{FAULT}", 1)
    alone = make_plan(shipped, FAULT, 1).scenario
    control = make_plan(shipped, CONTROL, 1).scenario
    assert plan.scenario is not None
    assert alone is not None
    assert control is not None
    assert plan.beyond == set(control.symptoms)
    assert not plan.scenario.control
    assert [fix.steps for fix in plan.scenario.solutions] == [alone.solutions[0].steps]
    assert plan.worked_on == {step.place for fix in alone.solutions for step in fix.steps}


def test_beside_a_fault_the_tempting_repairs_of_a_control_are_still_wrong(
    shipped: Catalogue,
) -> None:
    scenario = make_plan(shipped, f"{FAULT}+{CONTROL}", 1).scenario
    alone = make_plan(shipped, FAULT, 1).scenario
    assert scenario is not None
    assert alone is not None
    repair = alone.solutions[0].steps
    assert scenario.wrong_fixes
    for fix in scenario.wrong_fixes:
        assert fix.steps[: len(repair)] == repair
        assert len(fix.steps) > len(repair)
        assert UNCHANGED not in fix.caught_by


def test_two_controls_are_no_case(shipped: Catalogue, tmp_path: Path) -> None:
    place = tmp_path / "web/another-partner"
    place.mkdir(parents=True)
    source = shipped.scenario(CONTROL).folder / "scenario.yml"
    (place / "scenario.yml").write_text(source.read_text())
    catalogue = Catalogue(shipped.lab_folders, (*shipped.scenario_folders, tmp_path))
    with pytest.raises(UsageError, match="nothing in them can be repaired"):
        make_plan(catalogue, f"{CONTROL}+another-partner", 1)


def test_what_is_beyond_us_is_as_it_was_after_the_repair(shipped: Catalogue) -> None:
    plan = make_plan(shipped, f"{CONTROL}+{FAULT}", 1)
    rows = [
        CheckResult(
            id=check.id,
            title=check.title,
            role=plan.role(check.id),
            status=Status.FAILED if check.id in plan.beyond else Status.PASSED,
            rationale="",
        )
        for check in plan.checks
    ]
    report = Report(attempt="aaaaaa", scenario="x", seed=1, checks=rows)
    assert not any(cell.wrong for cell in matrix.repaired(plan, report))
    mended = [row.model_copy(update={"status": Status.PASSED}) for row in rows]
    cells = matrix.repaired(plan, report.model_copy(update={"checks": mended}))
    assert {cell.check for cell in cells if cell.wrong} == plan.beyond


def event(kind: Kind, payload: dict[str, object]) -> Event:
    return Event("aaaaaa", NOW.isoformat(), kind, json.dumps(payload))


@pytest.mark.parametrize("solved", [True, False])
def test_the_right_answer_solves_a_control(solved: bool) -> None:
    events = [
        event(Kind.START, {"scenario": CONTROL, "lab": "branch", "seed": 1}),
        event(Kind.CHECK, {"passed": False}),
        event(Kind.DIAGNOSIS, {"points": 100, "solved": solved}),
    ]
    assert records(events)["aaaaaa"].solved is solved


def test_differences_name_what_appeared_vanished_or_changed() -> None:
    before = {"/etc/a": "1", "/etc/b": "1", "/etc/c": "1"}
    after = {"/etc/a": "1", "/etc/b": "2", "/etc/d": "1"}
    assert differences(before, after) == ["/etc/b", "/etc/c", "/etc/d"]
