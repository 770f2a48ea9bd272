"""The whole way of a learner, through the program alone, and nothing left of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_runner.catalogue import Catalogue
from lab_runner.planning.plan import make_plan
from tests.docker.test_isolation import host_network, processes_of

LAB = [sys.executable, "-c", "from lab_runner.cli.main import main; main()"]
SCENARIO = "internet-gone-since-the-renumbering"
SEED = 7


class Program:
    """``lab`` with a home of its own."""

    def __init__(self, home: Path) -> None:
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("LAB_", "BREAKFIX_"))}
        self.environment = {**plain, "BREAKFIX_HOME": str(home), "NO_COLOR": "1"}

    def __call__(self, *words: str, stdin: str = "", status: int = 0) -> str:
        done = subprocess.run(
            [*LAB, *words],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout


@pytest.fixture
def lab(tmp_path: Path, engine: object) -> Iterator[Program]:
    program = Program(tmp_path)
    yield program
    # Only attempts of this home: the engine may hold other people's labs.
    for attempt in program.environment.get("STARTED", "").split():
        program("stop", attempt)


def by_role(report: dict[str, Any], role: str) -> dict[str, str]:
    return {c["id"]: c["status"] for c in report["checks"] if c["role"] == role}


def repair() -> str:
    """What a learner would type: the router's rules as they were, and loaded."""
    plan = make_plan(Catalogue(), SCENARIO, SEED)
    (rules,) = [f.content for f in plan.nodes["gw"].files if f.path == "etc/nftables.conf"]
    assert rules is not None
    return (
        f"cat > /etc/nftables.conf <<'RULES'\n{rules.decode()}RULES\n"
        "systemctl reload nftables\nexit\n"
    )


def objects_of(attempt: str) -> str:
    """Containers and volumes with the attempt's label, in whatever state."""
    label = f"label=breakfix.attempt={attempt}"
    commands = (
        ["docker", "ps", "-aq", "--filter", label],
        ["docker", "volume", "ls", "-q", "--filter", label],
    )
    return "".join(
        subprocess.run(c, capture_output=True, text=True, check=True, timeout=60).stdout
        for c in commands
    )


def test_broken_repaired_and_gone(lab: Program) -> None:
    before = host_network()

    started = json.loads(lab("start", SCENARIO, "--seed", str(SEED), "--json"))
    attempt = started["attempt"]
    lab.environment["STARTED"] = lab.environment["LAB_ATTEMPT"] = attempt
    assert host_network() == before

    report = json.loads(lab("check", "--json", status=1))
    assert (report["attempt"], report["scenario"], report["seed"]) == (attempt, SCENARIO, SEED)
    assert report["passed"] is False
    assert set(by_role(report, "symptom").values()) == {"failed"}
    assert "error" not in by_role(report, "guard").values()
    plan = make_plan(Catalogue(), SCENARIO, SEED)
    assert plan.scenario is not None
    guards = by_role(report, "guard")
    assert {i for i, s in guards.items() if s != "passed"} <= set(plan.scenario.silenced)
    for check in report["checks"]:
        assert {"id", "title", "role", "status", "rationale", "evidence", "duration_ms"} <= set(
            check
        )

    lab("shell", "gw", stdin=repair())
    report = json.loads(lab("check", "--reboot", "--json"))
    assert report["passed"] is True
    assert {check["status"] for check in report["checks"]} == {"passed"}

    lab("stop")
    lab.environment["STARTED"] = ""
    assert objects_of(attempt) == ""
    assert processes_of(attempt) == []
    assert host_network() == before
