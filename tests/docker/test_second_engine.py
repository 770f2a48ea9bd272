"""Days on which the engine itself is in trouble: empty, full, killed, restarted, frozen."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from docker import DockerClient

from lab_runner.engine import containers, images
from lab_runner.engine.finding import Deployed, find
from lab_runner.engine.images import DEBIAN, Target
from lab_runner.planning.plan import Plan
from tests.docker.conftest import labs_on, wait_for
from tests.docker.second_engine import SecondEngine, lacking
from tests.docker.test_cli_attempt import LAB, SCENARIO, environment, run, start

pytestmark = [
    pytest.mark.docker,
    pytest.mark.root,
    pytest.mark.skipif(bool(lacking()), reason=lacking()),
]

__all__ = ["environment"]  # a fixture, used by name

#: A command ends so long after its engine at most.
BOUNDED_S = 30.0
#: A lab's machines are back so long after their engine at most; the machine may be busy.
BACK_S = 60.0
KINDS = (Target.SWITCHBOARD, Target.WORKSTATION, Target.ROUTER)
#: Room for Debian, and for little more.
SMALL = "300m"
#: What a check says of the small lab as it is handed out.
TOLD = {"symptom": "failed", "guard": "passed"}

Environment = dict[str, str]


@contextlib.contextmanager
def engine_of_own(size: str | None = None) -> Iterator[SecondEngine]:
    made = SecondEngine(size) if size else SecondEngine()
    try:
        made.start()
        yield made
    finally:
        made.discard()


@pytest.fixture
def empty() -> Iterator[SecondEngine]:
    """An engine without a single image, and not much room for any."""
    with engine_of_own(SMALL) as made:
        yield made


@pytest.fixture(scope="module")
def loaded(engine: DockerClient) -> Iterator[SecondEngine]:
    """An engine that has what the small lab needs."""
    with engine_of_own() as made:
        made.load(*images.ensure(engine, KINDS, lambda *_: None).values())
        yield made


@pytest.fixture
def second(loaded: SecondEngine) -> Iterator[SecondEngine]:
    """That engine, on which nothing runs before and after a test."""
    assert not labs(loaded)
    yield loaded
    if not loaded.answers():
        loaded.start()
    left = labs(loaded)
    with contextlib.closing(loaded.client()) as client:
        for row in client.api.containers(all=True):
            client.api.remove_container(row["Id"], force=True, v=True)
    assert not left


@pytest.fixture
def aimed(environment: Environment, second: SecondEngine) -> Environment:
    """The environment in which ``lab`` speaks to that engine."""
    return {**environment, "DOCKER_HOST": second.host}


def labs(engine: SecondEngine) -> list[Deployed]:
    with contextlib.closing(engine.client()) as client:
        return find(client)


def running_nodes(engine: SecondEngine) -> list[str]:
    found = [states for lab in labs(engine) for states in lab.states.items()]
    return [name for name, state in found if state == "running" and name != containers.SWITCHBOARD]


def has_containers(engine: SecondEngine) -> bool:
    with contextlib.closing(engine.client()) as client:
        return bool(client.api.containers(all=True))


def failed(done: subprocess.CompletedProcess[str]) -> str:
    """What a command said that could not do its work, in one line; it has to end with 3."""
    assert done.returncode == 3, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
    assert "→" in done.stderr  # what to do next
    return re.sub(r"\s+", " ", done.stderr)


def begun(environment: Environment, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*LAB, *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], within_s: float) -> subprocess.CompletedProcess[str]:
    try:
        stdout, stderr = process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
        pytest.fail(f"lab does not end within {within_s:g} s: {stdout} {stderr}")
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def status(environment: Environment) -> list[dict[str, Any]]:
    done = run(environment, "status", "--json")
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


@contextlib.contextmanager
def asking(environment: Environment, engine: SecondEngine) -> Iterator[subprocess.Popen[str]]:
    """``lab check`` with its line to the switchboard open: the symptom is asked for a second."""
    # Whoever reads the disks after a start holds the line of that start a moment longer.
    wait_for(lambda: not open_lines(engine), "the line of the start to close", 10)
    checking = begun(environment, "check")
    try:
        wait_for(lambda: open_lines(engine), "the line is open")
        assert checking.poll() is None
        yield checking
    finally:
        checking.kill()
        checking.communicate()


def open_lines(engine: SecondEngine) -> list[str]:
    """What runs in a switchboard beside the switchboard itself: the engine has answered for it."""
    with contextlib.closing(engine.client()) as client:
        rows = client.api.containers(
            filters={"label": f"{containers.LABEL_NODE}={containers.SWITCHBOARD}"}
        )
        found = [client.api.inspect_container(row["Id"])["ExecIDs"] or [] for row in rows]
        names = [name for names in found for name in names]
        return [name for name in names if client.api.exec_inspect(name)["Running"]]


def back_as_told(environment: Environment, attempt: str) -> None:
    """Wait until the lab is up again, wired, and broken as it was handed out."""

    def as_told() -> bool:
        done = run(environment, "check", "--json", attempt=attempt)
        checks = json.loads(done.stdout)["checks"]
        return {row["role"]: row["status"] for row in checks} == TOLD

    wait_for(as_told, "the lab is back", BACK_S)


def works(environment: Environment) -> None:
    """A lab can be started, checked and taken away."""
    attempt = start(environment)["attempt"]
    assert run(environment, "check", attempt=attempt).returncode == 1
    assert run(environment, "stop", attempt).returncode == 0
    assert status(environment) == []


# --- without images ------------------------------------------------------------------


def test_no_images_and_no_network(environment: Environment, empty: SecondEngine) -> None:
    # No registry by the engine's environment, no mirror without a network; the socket works.
    done = subprocess.run(
        ["unshare", "--net", *LAB, "start", SCENARIO],
        env={**environment, "DOCKER_HOST": empty.host},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    said = failed(done)
    assert "The images cannot be made" in said
    assert "no debian:trixie-slim from a registry" in said
    assert "mmdebstrap" in said or "apt-get" in said
    assert "docker pull debian:trixie-slim" in said
    assert "docker load" in said
    assert not has_containers(empty)
    assert status({**environment, "DOCKER_HOST": empty.host}) == []


# --- a full disk ---------------------------------------------------------------------


def test_the_disk_is_full_while_images_are_built(
    environment: Environment, empty: SecondEngine
) -> None:
    empty.load(DEBIAN)
    aimed = {**environment, "DOCKER_HOST": empty.host}
    with empty.full():
        said = failed(run(aimed, "start", SCENARIO))
        assert not has_containers(empty)
    assert "The engine's disk is full" in said
    assert "no space left on device" in said
    assert "docker system prune" in said
    assert status(aimed) == []


def test_the_disk_is_full_while_a_lab_is_started(aimed: Environment, second: SecondEngine) -> None:
    with second.full():
        said = failed(run(aimed, "start", SCENARIO))
        assert not has_containers(second)
    assert "The engine's disk is full" in said
    assert status(aimed) == []
    works(aimed)


# --- an engine that is killed --------------------------------------------------------


def test_an_engine_killed_during_start(aimed: Environment, second: SecondEngine) -> None:
    starting = begun(aimed, "start", SCENARIO)
    wait_for(lambda: running_nodes(second), "a node boots")
    second.kill()
    said = failed(ended(starting, BOUNDED_S))
    assert "The engine stopped answering" in said
    attempt = re.search(r"`lab stop (\w+)` takes it away", said)
    assert attempt
    assert "No Docker engine answers" in failed(run(aimed, "status"))
    second.start()
    (row,) = status(aimed)
    assert (row["attempt"], row["recorded"]) == (attempt[1], False)
    assert "its start is under way, or was cut short" in run(aimed, "status").stdout
    assert run(aimed, "stop", "--all").returncode == 0
    assert not has_containers(second)
    assert status(aimed) == []
    works(aimed)


def test_an_engine_killed_while_images_are_built(
    environment: Environment, empty: SecondEngine
) -> None:
    empty.load(DEBIAN)
    aimed = {**environment, "DOCKER_HOST": empty.host}
    building = begun(aimed, "start", SCENARIO)
    wait_for(lambda: has_containers(empty), "a step of a build runs")
    empty.kill()
    assert "engine" in failed(ended(building, BOUNDED_S))
    empty.start()
    assert status(aimed) == []


def test_an_engine_killed_during_a_check(aimed: Environment, second: SecondEngine) -> None:
    attempt = start(aimed)["attempt"]
    with asking(aimed, second) as checking:
        second.kill()
        said = failed(ended(checking, BOUNDED_S))
    assert "The engine stopped answering" in said
    second.start()
    (row,) = status(aimed)
    assert (row["attempt"], row["recorded"], row["checks"]) == (attempt, True, 0)
    back_as_told(aimed, attempt)
    assert run(aimed, "stop", "--all").returncode == 0
    assert not has_containers(second)


# --- everything on it ----------------------------------------------------------------


def test_what_is_being_proven_is_not_swept_away(
    aimed: Environment, second: SecondEngine, plan: Plan
) -> None:
    with contextlib.closing(second.client()) as client, labs_on(client) as made:
        proof = made.deploy(replace(plan, proof=True)).attempt
        mine = start(aimed)["attempt"]
        done = run(aimed, "stop", "--all")
        assert done.returncode == 0
        assert f"Stopped {mine}" in done.stdout
        assert f"Left alone: {proof}" in done.stdout
        assert [lab.attempt for lab in labs(second)] == [proof]
        assert run(aimed, "stop", proof).returncode == 0
        assert labs(second) == []


# --- an engine that is restarted -----------------------------------------------------


def test_an_engine_restarted_under_an_idle_lab(aimed: Environment, second: SecondEngine) -> None:
    attempt = start(aimed)["attempt"]
    second.stop()
    second.start()
    (row,) = status(aimed)
    assert (row["attempt"], row["state"], row["recorded"]) == (attempt, "running", True)
    back_as_told(aimed, attempt)
    assert run(aimed, "stop", attempt).returncode == 0
    assert not has_containers(second)


# --- an engine that does not move ----------------------------------------------------


def test_an_engine_frozen_during_a_check(aimed: Environment, second: SecondEngine) -> None:
    attempt = start(aimed)["attempt"]
    with asking(aimed, second) as checking, second.frozen():
        said = failed(ended(checking, BOUNDED_S))
        assert "The engine stopped answering" in said
        assert "did not answer in time" in said
        began = time.monotonic()
        assert "did not answer in time" in failed(run(aimed, "status"))
        assert time.monotonic() - began < BOUNDED_S
    (row,) = status(aimed)
    assert (row["attempt"], row["state"], row["checks"]) == (attempt, "running", 0)
    assert run(aimed, "check").returncode == 1
    assert run(aimed, "stop", "--all").returncode == 0
    assert not has_containers(second)
