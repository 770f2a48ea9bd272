"""Bad days: interrupted starts, a lost record, vanished machines, two labs at once."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab_runner.authoring.skeletons import new_lab, new_scenario
from lab_runner.catalogue import Catalogue
from lab_runner.engine.docker import connect
from lab_runner.engine.running import find, remove
from tests.docker.test_cli_attempt import DATA, SCENARIO, environment, run, start

pytestmark = pytest.mark.docker

#: A shell starts what runs in the background deaf to Ctrl-C; so might whoever runs the tests.
LISTENING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from lab_runner.cli.main import main
print("here", flush=True)
main()
"""

__all__ = ["environment"]  # a fixture, used by name


def attempts() -> set[str]:
    client = connect()
    try:
        return {found.attempt for found in find(client) if found.scenario == SCENARIO}
    finally:
        client.close()


@pytest.fixture(autouse=True)
def _nothing_is_left(environment: dict[str, str]) -> Iterator[None]:
    before = attempts()
    yield
    left = attempts() - before
    for attempt in left:
        run(environment, "stop", attempt)
    assert left == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after_s", [0.3, 1.0, 1.6, 2.5])
def test_interrupted_start_leaves_nothing(
    environment: dict[str, str], number: signal.Signals, after_s: float
) -> None:
    before = attempts()
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENING, "start", SCENARIO, "--seed", "1"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(after_s)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    if process.returncode == 0:  # it was quicker
        (mine,) = attempts() - before
        run(environment, "stop", mine)
        return
    assert process.returncode == 130, stderr
    assert "Interrupted" in stderr
    assert "Traceback" not in stdout + stderr
    assert attempts() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_proof_ends_with_the_state_that_it_looks_at(
    environment: dict[str, str], number: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENING, "prove", SCENARIO, "--repetitions", "9", "--jobs", "2"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "C1  healthy" in process.stderr.readline()
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "Interrupted" in stderr
    assert stderr.count("C1  healthy") <= 1
    assert "C4" not in stderr


@pytest.mark.timeout(300)
def test_what_was_proven_before_the_interruption_is_reported(
    environment: dict[str, str], tmp_path: Path
) -> None:
    catalogue = Catalogue((tmp_path / "labs",), (tmp_path / "scenarios",))
    new_lab(catalogue, "workshop", tmp_path / "labs")
    catalogue = Catalogue((tmp_path / "labs",), (tmp_path / "scenarios",))
    new_scenario(catalogue, "basics/one-is-red", "workshop", tmp_path / "scenarios")
    own = ["--labs", str(tmp_path / "labs"), "--scenarios", str(tmp_path / "scenarios")]
    report, junit = tmp_path / "report.json", tmp_path / "junit.xml"
    kept = ["--report", str(report), "--junit", str(junit)]
    asked = [*own, "prove", "one-is-red", "--repetitions", "3", *kept]
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENING, *asked],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    begun = 0
    while begun < 2:
        begun += "C1  healthy" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    told = json.loads(report.read_text())
    assert (told["complete"], told["holds"]) == (False, False)
    (proof,) = told["proofs"]
    assert proof["holds"]
    assert "one-is-red" in junit.read_text()


def test_two_labs_at_once(environment: dict[str, str]) -> None:
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: start(environment), range(2))
    try:
        done = run(environment, "check")
        assert done.returncode == 2
        assert one["attempt"] in done.stderr
        assert "LAB_ATTEMPT" in done.stderr
        with ThreadPoolExecutor(2) as pool:
            codes = list(
                pool.map(
                    lambda lab: run(environment, "check", attempt=lab["attempt"]).returncode,
                    (one, other),
                )
            )
        assert codes == [1, 1]
    finally:
        for lab in (one, other):
            assert run(environment, "stop", lab["attempt"]).returncode == 0


def test_lost_record_is_survived(environment: dict[str, str]) -> None:
    attempt = start(environment)["attempt"]
    shutil.rmtree(environment["BREAKFIX_HOME"])
    rows = json.loads(run(environment, "status", "--json").stdout)
    (row,) = [row for row in rows if row["attempt"] == attempt]
    assert (row["state"], row["recorded"]) == ("running", False)
    assert run(environment, "check", attempt=attempt).returncode == 1
    assert run(environment, "stop", attempt).returncode == 0


def test_damaged_record_does_not_keep_a_lab_running(environment: dict[str, str]) -> None:
    attempt = start(environment)["attempt"]
    home = Path(environment["BREAKFIX_HOME"])
    for file in home.iterdir():
        file.write_bytes(b"no database at all" * 500)
    status = run(environment, "status")
    assert status.returncode == 0
    assert attempt in status.stdout
    assert "damaged" in status.stderr
    assert run(environment, "check", attempt=attempt).returncode == 3
    assert run(environment, "stop", attempt).returncode == 0
    shutil.rmtree(home)


def test_vanished_lab_is_told_of(environment: dict[str, str]) -> None:
    attempt = start(environment)["attempt"]
    client = connect()
    remove(client, attempt, lambda *_: None)
    client.close()
    assert run(environment, "check", attempt=attempt).returncode == 2
    done = run(environment, "status")
    assert "lost" in done.stdout
    assert "it was not `lab stop`" in done.stdout


def test_a_machine_that_the_engine_has_switched_off_is_no_red_check(
    environment: dict[str, str],
) -> None:
    attempt = start(environment)["attempt"]
    client = connect()
    client.api.stop(f"breakfix-{attempt}-gw", timeout=1)
    client.close()
    told = re.sub(r"\s+", " ", run(environment, "status").stdout)
    assert f"{attempt}: gw is exited; `lab reboot gw` switches on" in told
    done = run(environment, "check", "--json", attempt=attempt)
    assert done.returncode == 3
    assert "switched gw off" in done.stderr
    assert "`lab reboot gw`" in done.stderr
    rows = json.loads(run(environment, "status", "--json").stdout)
    assert [row["checks"] for row in rows if row["attempt"] == attempt] == [0]
    done = run(environment, "check", "--reboot", attempt=attempt)
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert run(environment, "stop", attempt).returncode == 0


def test_fault_that_does_not_show_is_not_handed_out(
    environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "basics/harmless"
    shutil.copytree(DATA / "scenarios/basics" / SCENARIO, folder)
    file = folder / "scenario.yml"
    file.write_text(file.read_text().replace("ip_forward=0", "ip_forward=1"))
    client = connect()
    before = {found.attempt for found in find(client)}
    done = run({**environment, "BREAKFIX_SCENARIOS": str(tmp_path)}, "start", "harmless")
    after = {found.attempt for found in find(client) if found.scenario == "harmless"}
    client.close()
    assert done.returncode == 3
    assert "alice-reaches-carol (symptom) is passed, not failed" in done.stderr
    assert after <= before


def test_doctor_is_content(environment: dict[str, str]) -> None:
    done = run(environment, "doctor", "--json")
    told = json.loads(done.stdout)
    states = {row["id"]: row["state"] for row in told["findings"]}
    assert {"engine", "cgroup", "veth", "bridge", "sysctl", "nft-nat", "tbf"} <= states.keys()
    assert done.returncode == 0, states
    (row,) = [row for row in told["scenarios"] if row["id"] == SCENARIO]
    assert row["ready"], row
