"""An attempt from start to stop through the program ``lab``, on a real engine."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_runner.attempts.store import Kind, Store
from lab_runner.engine.docker import connect
from lab_runner.engine.running import find

pytestmark = pytest.mark.docker

DATA = Path(__file__).parent.parent / "data"
LAB = [sys.executable, "-c", "from lab_runner.cli.main import main; main()"]
SCENARIO = "far-side-unreachable"
Lab = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    plain = {k: v for k, v in os.environ.items() if k != "LAB_ATTEMPT"}
    return {
        **plain,
        "BREAKFIX_HOME": str(tmp_path_factory.mktemp("home")),
        "BREAKFIX_LABS": str(DATA / "labs"),
        "BREAKFIX_SCENARIOS": str(DATA / "scenarios"),
    }


def run(
    environment: dict[str, str], *words: str, attempt: str = "", stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    own = {"LAB_ATTEMPT": attempt} if attempt else {}
    return subprocess.run(
        [*LAB, *words],
        env={**environment, **own},
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def start(environment: dict[str, str]) -> dict[str, Any]:
    done = run(environment, "start", SCENARIO, "--seed", "7", "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(scope="module")
def started(environment: dict[str, str]) -> Iterator[dict[str, Any]]:
    answer = start(environment)
    yield answer
    run(environment, "stop", answer["attempt"])


@pytest.fixture
def lab(environment: dict[str, str], started: dict[str, Any]) -> Lab:
    def call(*words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return run(environment, *words, attempt=started["attempt"], stdin=stdin)

    return call


def running(attempt: str) -> bool:
    client = connect()
    try:
        return attempt in {found.attempt for found in find(client)}
    finally:
        client.close()


# The tests of this module follow one attempt, in order.


def test_start_tells_ticket_and_nodes(started: dict[str, Any]) -> None:
    assert {"attempt", "scenario", "seed", "ticket", "nodes"} <= started.keys()
    assert (started["scenario"], started["seed"]) == (SCENARIO, 7)
    assert [node["name"] for node in started["nodes"]] == ["alice", "gw", "carol"]
    assert "Alice cannot reach" in started["ticket"]


def test_status_knows_it(lab: Lab, started: dict[str, Any]) -> None:
    rows = json.loads(lab("status", "--json").stdout)
    (row,) = [row for row in rows if row["attempt"] == started["attempt"]]
    assert row["state"] == "running"
    assert row["recorded"]
    assert set(row["nodes"].values()) == {"running"}


def test_check_is_red(lab: Lab, started: dict[str, Any]) -> None:
    done = lab("check", "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["attempt"] == started["attempt"]
    assert report["passed"] is False
    keys = {"id", "title", "role", "status", "rationale", "evidence", "duration_ms"}
    assert all(keys <= row.keys() for row in report["checks"])
    statuses = {row["role"]: row["status"] for row in report["checks"]}
    assert statuses == {"symptom": "failed", "guard": "passed"}


def test_check_for_people(lab: Lab) -> None:
    done = lab("check")
    assert done.returncode == 1
    assert "✗ Alice's machine reaches Carol's" in done.stdout
    assert "1 failed" in done.stdout


def test_map_is_coloured(lab: Lab, tmp_path: Path) -> None:
    assert "✗ alice" in lab("map").stdout
    assert lab("map", "--svg", str(tmp_path / "map.svg")).returncode == 0
    assert 'class="box red"' in (tmp_path / "map.svg").read_text()


def test_debrief_waits(lab: Lab) -> None:
    done = lab("debrief")
    assert done.returncode == 2
    assert "--spoil" in done.stderr


def test_hints_come_in_order_and_are_kept(lab: Lab) -> None:
    numbers = [json.loads(lab("hint", "--json").stdout)["number"] for _ in range(4)]
    assert numbers == [1, 2, 3, 3]


def test_exec_hands_on_output_and_status(lab: Lab) -> None:
    done = lab("exec", "gw", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 7)


def test_exec_hands_on_its_input(lab: Lab) -> None:
    done = lab("exec", "-i", "gw", "--", "wc", "-c", stdin="12345")
    assert done.stdout.strip() == "5"


def test_exec_on_somebody_elses_machine(lab: Lab) -> None:
    done = lab("exec", "carol", "--", "true")
    assert done.returncode == 2
    assert "alice, gw" in done.stderr


def test_shell_on_an_unknown_machine(lab: Lab) -> None:
    done = lab("shell", "alcie")
    assert done.returncode == 2
    assert "Did you mean 'alice'?" in done.stderr


def test_shell_takes_commands(lab: Lab) -> None:
    assert "alice" in lab("shell", "alice", stdin="hostname\nexit\n").stdout


def test_capture_writes_pcap(
    lab: Lab, environment: dict[str, str], tmp_path: Path, started: dict[str, Any]
) -> None:
    file = tmp_path / "near.pcap"
    words = [*LAB, "capture", "near", "-w", str(file), "-c", "2", "icmp"]
    attempt = started["attempt"]
    # Asked for by hand again and again: the capture says nothing of when it listens.
    listening = subprocess.Popen([*words, "--attempt", attempt], env=environment)
    deadline = time.monotonic() + 60
    while listening.poll() is None and time.monotonic() < deadline:
        lab("exec", "alice", "--", "ping", "-c", "1", "-W", "1", started_address(started, "gw"))
    assert listening.wait(10) == 0
    content = file.read_bytes()
    assert struct.unpack("<I", content[:4])[0] in {0xA1B2C3D4, 0xA1B23C4D}


def started_address(started: dict[str, Any], node: str) -> str:
    (found,) = [row for row in started["nodes"] if row["name"] == node]
    return str(next(iter(found["interfaces"].values())).partition("/")[0])


def test_capture_where_one_may_not_listen(lab: Lab) -> None:
    done = lab("capture", "carol:eth0")
    assert done.returncode == 2
    assert "near" in done.stderr


def test_diagnosis_is_scored(lab: Lab) -> None:
    done = lab(
        *("diagnose", "--json", "--node", "gw", "--layer", "network"),
        *("--component", "sysctl", "--cause", "it does not forward"),
    )
    assert json.loads(done.stdout)["points"] == 100


def test_diagnosis_that_lacks_a_part(lab: Lab) -> None:
    done = lab("diagnose", "--node", "gw")
    assert done.returncode == 2
    assert "--layer is missing" in done.stderr


def test_fleeting_repair_does_not_survive(lab: Lab) -> None:
    assert lab("exec", "gw", "--", "sysctl", "-qw", "net.ipv4.ip_forward=1").returncode == 0
    assert lab("check").returncode == 0
    assert lab("check", "--reboot").returncode == 1


def test_reset_gives_fresh_disks(lab: Lab) -> None:
    lab("exec", "gw", "--", "touch", "/root/mine")
    done = lab("reset")
    assert done.returncode == 0, done.stderr
    assert lab("exec", "gw", "--", "test", "-e", "/root/mine").returncode == 1
    assert lab("check").returncode == 1


def test_solve_repairs(lab: Lab) -> None:
    done = lab("solve", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["passed"]
    assert answer["solution"]["title"] == "Let the router forward again"


def test_repair_survives_a_reboot(lab: Lab) -> None:
    done = lab("check", "--reboot", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["passed"]


def test_debrief_tells(lab: Lab) -> None:
    done = lab("debrief")
    assert done.returncode == 0
    assert "The router does not forward packets." in done.stdout


def test_stop_leaves_the_record(
    lab: Lab, environment: dict[str, str], started: dict[str, Any]
) -> None:
    assert lab("stop").returncode == 0
    assert not running(started["attempt"])
    with Store(Path(environment["BREAKFIX_HOME"]) / "attempts.sqlite3") as store:
        kinds = [event.kind for event in store.events(started["attempt"])]
    assert kinds[0] is Kind.START
    assert kinds[-1] is Kind.STOP
    assert {Kind.CHECK, Kind.HINT, Kind.DIAGNOSIS, Kind.RESET, Kind.SOLVE} <= set(kinds)


def test_debrief_after_the_end(environment: dict[str, str], started: dict[str, Any]) -> None:
    assert run(environment, "debrief", attempt=started["attempt"]).returncode == 0


def test_check_after_the_end(environment: dict[str, str], started: dict[str, Any]) -> None:
    assert run(environment, "check", attempt=started["attempt"]).returncode == 2
