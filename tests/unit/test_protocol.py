"""The words between the kit and a switchboard."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lab_runner.catalogue import Catalogue
from lab_runner.engine.containers import container_name, labels, wiring_plan
from lab_runner.errors import ProbeError
from lab_runner.models.probes import PROBES
from lab_runner.planning.plan import make_plan
from lab_runner.switchboard import asking, probes
from lab_runner.switchboard.protocol import VERSION, CablePlan, WiringPlan
from tests.conftest import NOW

_IFNAMSIZ = 16  # with its closing zero (netdevice(7))


def test_a_plan_survives_the_way() -> None:
    cable = CablePlan(card="eth0", port="p0eth0", segment="lan", mac="02:00:00:00:00:01")
    plan = WiringPlan({"lan": "seg0-lan"}, {"desk": [cable]}, {"desk": "a.desk"})
    assert WiringPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    assert plan.to_json()["version"] == VERSION


@pytest.mark.parametrize("scenario", Catalogue().scenario_ids()[:2])
def test_names_of_devices_fit_and_differ(shipped: Catalogue, scenario: str) -> None:
    wiring = wiring_plan(make_plan(shipped, scenario, 1, now=NOW), "a1b2c3")
    devices = list(wiring.segments.values())
    devices += [cable.port for cables in wiring.nodes.values() for cable in cables]
    assert len(set(devices)) == len(devices)
    assert all(len(device) < _IFNAMSIZ for device in devices)
    assert len(set(wiring.tokens.values())) == len(wiring.nodes)


def test_tokens_do_not_name_the_scenario(shipped: Catalogue) -> None:
    name = shipped.scenario_ids()[0]
    wiring = wiring_plan(make_plan(shipped, name, 1, now=NOW), "a1b2c3")
    assert name not in json.dumps(wiring.to_json())


def test_the_switchboard_is_told_what_it_will_be_asked(shipped: Catalogue) -> None:
    plan = make_plan(shipped, shipped.scenario_ids()[0], 1, now=NOW)
    words = wiring_plan(plan, "a1b2c3").words
    assert {check.word for check in plan.checks} <= set(words)
    assert "dns" in words


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        (sorted(set(probes.MODULES) - probes.WITH_SCAPY), False),
        *(([word], True) for word in sorted(probes.WITH_SCAPY)),
    ],
)
def test_which_probes_need_scapy(words: list[str], needed: bool) -> None:
    code = f"from lab_runner.switchboard import probes\nfor word in {words}: probes.load(word)\n"
    code += "import sys; print('scapy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{needed}\n"


def test_labels_say_what_a_container_belongs_to(small: Catalogue) -> None:
    plan = make_plan(small, "no-page-opens", 3, now=NOW)
    said = labels(plan, "a1b2c3", "gw")
    assert said["breakfix.attempt"] == "a1b2c3"
    assert said["breakfix.seed"] == "3"
    assert container_name("a1b2c3", "gw") == "breakfix-a1b2c3-gw"


@pytest.mark.parametrize("word", PROBES)
def test_a_probe_of_another_version_is_refused(word: str) -> None:
    with pytest.raises(ProbeError, match=f"does not understand this {word} probe"):
        asking.parse(word, {"quiz": 1})


def test_a_probe_that_is_not_there() -> None:
    with pytest.raises(ProbeError, match="the switchboard has no probe 'quiz'"):
        asking.parse("quiz", {})
