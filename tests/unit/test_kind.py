"""Which engine it is, by what real ones said of themselves."""

from __future__ import annotations

import json
import platform
from typing import Any

import pytest

from lab_runner.engine.doctor import State, _disk, _engine, _memory
from lab_runner.engine.kind import kind
from tests.conftest import DATA

#: Recorded from ``GET /info`` and ``GET /version``, and shortened.
ANSWERS = {path.stem: json.loads(path.read_text()) for path in (DATA / "engines").glob("*.json")}
NAMES = {
    "docker-20.10": "Docker Engine 20.10.24+dfsg1",
    "docker-26.1": "Docker Engine 26.1.5+dfsg1",
    "docker-26.1-rootless": "Docker Engine 26.1.5+dfsg1 (rootless)",
    "podman-5.4": "Podman 5.4.2",
}


def test_all_that_was_recorded_is_known() -> None:
    assert {name: str(kind(**said)) for name, said in ANSWERS.items()} == NAMES


@pytest.mark.parametrize(
    ("name", "state", "words"),
    [
        ("docker-20.10", State.GOOD, ""),
        ("docker-26.1", State.GOOD, ""),
        ("docker-26.1-rootless", State.WARNING, "needs a cgroup that is delegated"),
        ("podman-5.4", State.WARNING, "The kit is tested on Docker"),
    ],
)
def test_what_the_doctor_says_of_it(name: str, state: State, words: str) -> None:
    finding = _engine(**ANSWERS[name])
    assert (finding.state, finding.essential) == (state, False)
    assert words in finding.hint
    assert finding.detail.startswith(NAMES[name])


def test_an_engine_that_says_nothing_of_its_parts() -> None:
    assert str(kind({"ServerVersion": "1.13"}, {})) == "Docker Engine 1.13"


def far(**more: Any) -> dict[str, Any]:
    """A machine like ours in all that an engine tells of it, but for its name."""
    return {
        "Name": "far",
        "KernelVersion": platform.release(),
        "DockerRootDir": "/",
        "MemTotal": 8 << 30,
        **more,
    }


def test_memory_is_that_of_the_engine_s_machine() -> None:
    assert _memory(far(), "1048576").detail == "1024 MiB available of 8192 MiB"
    assert _memory(far(), "262144").state == State.WARNING
    assert _memory(far(), "").detail == "8192 MiB in all of 8192 MiB"


def test_the_disk_is_that_of_the_engine_s_machine() -> None:
    assert _disk(far(), "1048576 4096").detail == "4096 MiB free in /"
    assert _disk(far(), "1024 4096").state == State.WARNING


def test_nobody_looks_at_this_machine_s_disk_for_another_s() -> None:
    assert _disk(far(), "").state == State.UNKNOWN
    assert _disk(far(Name=platform.node()), "").state != State.UNKNOWN
