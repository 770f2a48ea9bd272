"""What the engine's labels say of a lab."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from docker import DockerClient

from lab_runner.attempts.finding import Standing
from lab_runner.engine.containers import LABEL, LABEL_NODE, LABEL_NODES, SWITCHBOARD
from lab_runner.engine.finding import MISSING, find


def engine(names: str, **states: str) -> DockerClient:
    """Containers of one attempt, by node; the label of each names all nodes."""
    rows: list[dict[str, Any]] = [
        {
            "Labels": {LABEL: "a1b2c3", LABEL_NODE: node, LABEL_NODES: names},
            "Created": 1_800_000_000,
            "State": state,
        }
        for node, state in states.items()
    ]
    return cast("DockerClient", SimpleNamespace(api=SimpleNamespace(containers=lambda **_: rows)))


def test_a_machine_without_a_container_is_missing() -> None:
    (lab,) = find(engine("desk,gw", desk="running", **{SWITCHBOARD: "running"}))
    assert lab.states == {"desk": "running", "gw": MISSING, SWITCHBOARD: "running"}
    assert Standing(lab.attempt, lab, None).state == "impaired"


def test_a_switchboard_without_a_container_is_missing() -> None:
    (lab,) = find(engine("desk", desk="running"))
    assert lab.states == {"desk": "running", SWITCHBOARD: MISSING}


def test_whole() -> None:
    (lab,) = find(engine("desk", desk="running", **{SWITCHBOARD: "running"}))
    assert Standing(lab.attempt, lab, None).state == "running"


def test_a_lab_of_an_earlier_version_names_no_machines() -> None:
    (lab,) = find(engine("", desk="running", **{SWITCHBOARD: "running"}))
    assert lab.states == {"desk": "running", SWITCHBOARD: "running"}
