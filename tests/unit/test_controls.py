"""Healthy controls: nothing of ours is broken, and nobody can repair what is."""

from __future__ import annotations

import datetime

import pytest

from lab_runner.attempts.history import records
from lab_runner.attempts.store import Event, Kind
from lab_runner.catalogue import Catalogue
from lab_runner.errors import UsageError
from lab_runner.models.scenario import UNCHANGED, Scenario
from lab_runner.planning.plan import make_plan
from lab_runner.switchboard.fingerprint import differences

CONTROL = "partner-is-gone-and-it-must-be-us"
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


def test_a_control_cannot_be_combined(shipped: Catalogue) -> None:
    with pytest.raises(UsageError, match="cannot be combined"):
        make_plan(shipped, f"{CONTROL}+no-site-opens-by-name", 1)


@pytest.mark.parametrize("solved", [True, False])
def test_the_right_answer_solves_a_control(solved: bool) -> None:
    events = [
        Event("aaaaaa", NOW, Kind.START, {"scenario": CONTROL, "lab": "branch", "seed": 1}),
        Event("aaaaaa", NOW, Kind.CHECK, {"passed": False}),
        Event("aaaaaa", NOW, Kind.DIAGNOSIS, {"points": 100, "solved": solved}),
    ]
    assert records(events)["aaaaaa"].solved is solved


def test_differences_name_what_appeared_vanished_or_changed() -> None:
    before = {"/etc/a": "1", "/etc/b": "1", "/etc/c": "1"}
    after = {"/etc/a": "1", "/etc/b": "2", "/etc/d": "1"}
    assert differences(before, after) == ["/etc/b", "/etc/c", "/etc/d"]
