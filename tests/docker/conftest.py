"""A real engine, and labs on it that no test can leave behind."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from docker import DockerClient

from lab_runner.catalogue import Catalogue
from lab_runner.engine import containers, running
from lab_runner.engine.docker import connect
from lab_runner.engine.running import ExecResult, RunningLab
from lab_runner.errors import EngineError
from lab_runner.planning.disks import Entry
from lab_runner.planning.plan import Plan, make_plan

SCENARIO = "no-page-opens"
#: Generous, because the machine may be busy with other things.
PATIENCE_S = 60.0

Deploy = Callable[..., RunningLab]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.docker)


def quiet(_item: str, _state: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerClient]:
    """The engine; without one this tier fails, because a skipped test proves nothing."""
    try:
        client = connect()
    except EngineError as exc:
        pytest.fail(f"these tests need a Docker engine: {exc} {exc.hint}", pytrace=False)
    yield client
    client.close()


@dataclass
class Labs:
    """Deploys labs, and takes away what a test leaves."""

    client: DockerClient
    made: list[str] = field(default_factory=list)
    open: list[RunningLab] = field(default_factory=list)

    def attempt(self) -> str:
        self.made.append(f"t{secrets.token_hex(3)}")
        return self.made[-1]

    def deploy(self, plan: Plan) -> RunningLab:
        lab = running.deploy(self.client, plan, self.attempt(), quiet)
        self.open.append(lab)
        return lab

    def clean(self) -> None:
        for lab in self.open:
            lab.close()
        for attempt in self.made:
            running.remove(self.client, attempt, quiet)


@contextlib.contextmanager
def labs_on(client: DockerClient) -> Iterator[Labs]:
    labs = Labs(client)
    try:
        yield labs
    finally:
        labs.clean()


@pytest.fixture(scope="session")
def plan(small: Catalogue) -> Plan:
    """The small lab, seed 1."""
    return make_plan(small, SCENARIO, 1)


@pytest.fixture
def labs(engine: DockerClient) -> Iterator[Labs]:
    """For tests that need labs of their own."""
    with labs_on(engine) as made:
        yield made


@pytest.fixture(scope="module")
def lab(engine: DockerClient, plan: Plan) -> Iterator[RunningLab]:
    """One lab for the tests of a module that leave it as they found it."""
    with labs_on(engine) as made:
        yield made.deploy(plan)


@pytest.fixture
def own_lab(labs: Labs, plan: Plan) -> RunningLab:
    """A lab that the test may ruin."""
    return labs.deploy(plan)


def sh(lab: RunningLab, node: str, script: str, *, timeout_s: float = 30.0) -> ExecResult:
    return lab.execute(node, ["bash", "-c", script], timeout_s=timeout_s)


def said(lab: RunningLab, node: str, script: str) -> str:
    """What a script prints; it has to end well."""
    done = sh(lab, node, script)
    assert done.exit_status == 0, (script, done)
    return done.stdout.decode().strip()


def boots(lab: RunningLab, *nodes: str) -> dict[str, int]:
    states = lab.states()
    return {node: states[node]["boots"] for node in nodes or states}


def wait_for(condition: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)


def back_again(lab: RunningLab, before: dict[str, int]) -> None:
    """Wait until nodes have booted once more than ``before``."""
    lab.wait_until_up({node: count + 1 for node, count in before.items()}, quiet, PATIENCE_S)


def on_host(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30).stdout


def switchboard(lab: RunningLab) -> str:
    return lab.container(containers.SWITCHBOARD)


def with_file(plan: Plan, node: str, path: str, content: str) -> Plan:
    """The plan with one more file on a node's disk."""
    old = plan.nodes[node]
    entry = Entry(path.lstrip("/"), content.encode())
    new = replace(old, make_files=lambda: [*old.make_files(), entry])
    return replace(plan, nodes={**plan.nodes, node: new})
