"""Plans: what follows from lab, scenario and seed."""

from __future__ import annotations

import ipaddress
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lab_runner.catalogue import Catalogue
from lab_runner.errors import UnknownName
from lab_runner.models.results import Role
from lab_runner.planning.plan import make_plan
from tests.conftest import DATA, NOW

SEEDS = range(20)


@pytest.mark.parametrize("scenario", Catalogue().scenario_ids())
def test_every_shipped_scenario_plans_for_many_seeds(shipped: Catalogue, scenario: str) -> None:
    addresses = set()
    for seed in SEEDS:
        plan = make_plan(shipped, scenario, seed, now=NOW)
        assert plan.scenario is not None
        assert {plan.role(name) for name in plan.scenario.symptoms} == {Role.SYMPTOM}
        assert {check.id for check in plan.checks} >= set(plan.scenario.symptoms)
        macs = [cable.mac for node in plan.nodes.values() for cable in node.cables]
        assert len(macs) == len(set(macs))
        addresses.add(next(iter(plan.nodes.values())).view.address)
        for text in (plan.scenario.ticket, plan.scenario.debrief, *plan.scenario.hints):
            assert "{{" not in text
            assert "{%" not in text
    assert len(addresses) > 10


@pytest.mark.parametrize("scenario", Catalogue().scenario_ids())
def test_disks_of_shipped_labs_are_made_for_some_seeds(shipped: Catalogue, scenario: str) -> None:
    for seed in range(3):
        plan = make_plan(shipped, scenario, seed, now=NOW)
        for node in plan.nodes.values():
            for entry in node.files:
                assert b"{{" not in (entry.content or b"")


def test_the_same_seed_is_the_same_plan(small: Catalogue) -> None:
    one, two = (make_plan(small, "no-page-opens", 5, now=NOW) for _ in range(2))
    assert one.nodes == two.nodes
    assert one.checks == two.checks
    assert one.scenario == two.scenario
    assert make_plan(small, "no-page-opens", 6, now=NOW).nodes != one.nodes


def test_a_plan_of_the_small_lab(small: Catalogue) -> None:
    plan = make_plan(small, "no-page-opens", 1, now=NOW)
    assert list(plan.nodes) == ["desk", "gw", "web"]
    assert [n.image for n in plan.nodes.values()] == ["workstation", "router", "server"]
    assert [n.access for n in plan.nodes.values()] == [True, True, False]
    gw = plan.nodes["gw"].view
    assert gw.address == str(plan.segments["lan"].subnet.network_address + 1)
    assert plan.nodes["desk"].view.interfaces["eth0"].gateway == gw.address
    for node in plan.nodes.values():
        for card in node.view.interfaces.values():
            assert ipaddress.ip_address(card.address) in card.segment.subnet
            first = int(card.mac[:2], 16)
            assert first & 3 == 2  # unicast, locally administered


def test_roles(small: Catalogue) -> None:
    plan = make_plan(small, "no-page-opens", 1, now=NOW)
    assert plan.role("desk-opens-the-page") is Role.SYMPTOM
    assert plan.role("desk-reaches-the-router") is Role.GUARD


def test_an_unknown_scenario(small: Catalogue) -> None:
    with pytest.raises(UnknownName, match="Did you mean"):
        make_plan(small, "no-pages-open", 1)


def test_what_only_the_fault_introduces_is_not_asked_before_it(small: Catalogue) -> None:
    plan = make_plan(small, "no-page-opens", 1, now=NOW)
    assert plan.scenario is not None
    assert plan.checks_before == plan.checks
    own = plan.scenario.checks[0]
    scenario = plan.scenario.model_copy(update={"introduced": [own.id]})
    later = replace(plan, scenario=scenario)
    assert later.checks_before == tuple(check for check in plan.checks if check is not own)
    assert replace(plan, scenario=None).checks_before == plan.checks


def test_an_optional_node_is_there_only_where_it_is_named(tmp_path: Path) -> None:
    shutil.copytree(DATA / "scenarios", tmp_path / "scenarios")
    catalogue = Catalogue((DATA / "labs",), (tmp_path / "scenarios",))
    file = tmp_path / "scenarios/web/no-page-opens/scenario.yml"
    bare = make_plan(catalogue, "no-page-opens", 1, now=NOW)
    assert "spare" not in bare.nodes
    assert list(bare.segments) == ["lan", "dmz"]
    assert "desk-reaches-the-spare-router" not in {check.id for check in bare.checks}

    file.write_text(file.read_text().replace("minutes: 5\n", "minutes: 5\nwith: [spare]\n", 1))
    full = make_plan(catalogue, "no-page-opens", 1, now=NOW)
    assert [cable.segment for cable in full.nodes["spare"].cables] == ["lan", "side"]
    assert list(full.segments) == ["lan", "dmz", "side"]
    assert "desk-reaches-the-spare-router" in {check.id for check in full.checks}
    # Nothing else is different for it.
    assert {name: full.nodes[name] for name in bare.nodes} == dict(bare.nodes)
    assert [check for check in full.checks if "spare" not in check.needs] == list(bare.checks)
