"""Other engines than the one at hand: a newer one, and one behind SSH."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from tests.chaos.conftest import Provoked
from tests.chaos.far_host import FarHost, lacking
from tests.docker.conftest import wait_for
from tests.docker.test_cli_attempt import environment, run, start
from tests.docker.test_second_engine import BOUNDED_S, begun, ended, failed

pytestmark = [pytest.mark.docker, pytest.mark.root]

__all__ = ["environment"]  # a fixture, used by name

ROOT = Path(__file__).parents[2]
#: What an attempt is made of, from start to stop: start, check, exec, shell, capture, reboot,
#: reset, solve, records and their replay.
ATTEMPT = ("cli_attempt", "recording", "capture", "shells", "replay")
#: What of that goes over streams, which is where an engine behind SSH differs. Not the captures:
#: their tests ask docker(1) as well, whose ssh(1) takes no other folder for the user's own.
STREAMS = ("shells",)
HERE = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
MakeHost = Callable[..., FarHost]

needs_sshd = pytest.mark.skipif(bool(lacking()), reason=lacking())


def whole_file(name: str, leading_there: dict[str, str]) -> None:
    """Run a file of the Docker tests on another engine; every test has to pass."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", f"tests/docker/test_{name}.py"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **leading_there},
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert re.search(r"\d+ passed in", done.stdout)
    assert "skipped" not in done.stdout


# --- a newer engine ------------------------------------------------------------------


@pytest.fixture(scope="module")
def newer() -> Iterator[dict[str, str]]:
    """Debian 13's Docker Engine; it goes on if it ran before."""
    script = [str(ROOT / "scripts/engine-26")]
    made = subprocess.run([*script, "up"], capture_output=True, text=True, check=False, timeout=900)
    assert made.returncode == 0, made.stderr
    name, _, value = made.stdout.strip().partition("=")
    yield {name: value}
    if "starting dockerd" in made.stderr:
        subprocess.run([*script, "down"], check=True, timeout=90)


@pytest.mark.timeout(1600)
@pytest.mark.parametrize("name", ATTEMPT)
def test_an_attempt_on_a_newer_engine(newer: dict[str, str], name: str) -> None:
    whole_file(name, newer)


@pytest.mark.timeout(900)
def test_a_proof_on_a_newer_engine(newer: dict[str, str], environment: dict[str, str]) -> None:
    done = run({**environment, **newer}, "prove", "far-side-unreachable", "--seeds", "1")
    assert done.returncode == 0, (done.stdout, done.stderr)


# --- an engine behind SSH ------------------------------------------------------------


@pytest.fixture
def make_host(tmp_path: Path) -> Iterator[MakeHost]:
    """Hosts behind SSH that lead to the engine at hand, if not told otherwise."""
    made: list[FarHost] = []

    def make(*settings: str) -> FarHost:
        folder = tmp_path / f"host{len(made)}"
        folder.mkdir()
        made.append(FarHost(folder, *(settings or (f"SetEnv DOCKER_HOST={HERE}",))))
        made[-1].start()
        return made[-1]

    yield make
    for host in made:
        host.kill()


@needs_sshd
@pytest.mark.timeout(1600)
@pytest.mark.parametrize("name", STREAMS)
def test_streams_on_an_engine_behind_ssh(make_host: MakeHost, name: str) -> None:
    whole_file(name, make_host().environment)


@needs_sshd
def test_a_server_with_few_sessions(
    make_host: MakeHost, engine: DockerClient, environment: dict[str, str], provoked: Provoked
) -> None:
    host = make_host(f"SetEnv DOCKER_HOST={HERE}", "MaxSessions 2")
    aimed = {**environment, **host.environment}
    attempt = start(aimed)["attempt"]
    try:
        checked = run(aimed, "check", attempt=attempt)
        assert (checked.returncode, checked.stderr) == (1, "")
        ours = {**aimed, "LAB_ATTEMPT": attempt}  # others may run beside it
        capturing = begun(ours, "capture", "near", "icmp", "-c", "1")
        try:
            wait_for(lambda: capturing.poll() is not None or open_lines(engine, attempt), "listens")
            ping = ("ping", "-c1", "-W1", "192.0.2.10")
            while capturing.poll() is None:
                run(aimed, "exec", "alice", "--", *ping, attempt=attempt)
        except BaseException:
            capturing.kill()
            raise
        finally:
            said = ended(capturing, BOUNDED_S)
        assert (said.returncode, said.stdout.count("ICMP echo request")) == (0, 1), said.stderr
    finally:
        assert run(aimed, "stop", attempt).returncode == 0
    # Each command has one connection, and start has more at work than that one may carry.
    assert host.log.count("Accepted publickey") > 3
    provoked("an SSH server that allows two sessions for each connection")


def with_another_key(host: FarHost) -> None:
    host.known.write_text(host.entry(host.key.with_suffix(".pub")))


def with_no_known_host(host: FarHost) -> None:
    host.known.write_text("")


def with_no_key(host: FarHost) -> None:
    host.key.unlink()


def with_a_stranger_s_key(host: FarHost) -> None:
    (host.home.parent / "authorized").write_text("")


def with_no_server(host: FarHost) -> None:
    host.kill()


def as_it_is(_: FarHost) -> None:
    """The far side lacks something."""


WORDS = {
    with_another_key: ("another host key", "ssh-keygen -R '[127.0.0.1]:"),
    with_no_known_host: ("is not in ~/.ssh/known_hosts", "compare the fingerprint"),
    with_no_key: ("none of your keys", "ssh-copy-id"),
    with_a_stranger_s_key: ("none of your keys", "ssh-add"),
    with_no_server: ("No SSH server answers", "See that `ssh -p"),
}


@needs_sshd
@pytest.mark.parametrize("spoil", WORDS, ids=lambda spoil: spoil.__name__)
def test_no_way_to_the_engine(
    make_host: MakeHost,
    environment: dict[str, str],
    spoil: Callable[[FarHost], None],
    provoked: Provoked,
) -> None:
    host = make_host()
    spoil(host)
    aimed = {**environment, **host.environment}
    for verb in (["start", "far-side-unreachable"], ["doctor"]):
        said = failed(run(aimed, *verb))
        assert host.address in said
        for word in WORDS[spoil]:
            assert word in said
    provoked(f"an engine behind SSH {spoil.__name__.replace('_', ' ')}")


@needs_sshd
@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ("SetEnv PATH=/nowhere", "There is no Docker at"),
        ("SetEnv DOCKER_HOST=unix:///nowhere.sock", "/nowhere.sock"),
    ],
)
def test_nothing_at_the_far_end(
    make_host: MakeHost, environment: dict[str, str], setting: str, word: str, provoked: Provoked
) -> None:
    host = make_host(setting)
    said = failed(run({**environment, **host.environment}, "status"))
    assert word in said
    assert "docker version" in said
    provoked("an SSH host without an engine")


@needs_sshd
def test_the_server_goes_in_the_middle(
    make_host: MakeHost, engine: DockerClient, environment: dict[str, str], provoked: Provoked
) -> None:
    host = make_host()
    aimed = {**environment, **host.environment}
    attempt = start(aimed)["attempt"]
    try:
        ours = {**aimed, "LAB_ATTEMPT": attempt}
        capturing = begun(ours, "capture", "near", "port", "9")
        wait_for(lambda: open_lines(engine, attempt), "something runs in the switchboard")
        assert capturing.poll() is None
        host.kill()
        said = failed(ended(capturing, BOUNDED_S))
        assert "SSH" in said or "ssh://" in said
        assert "No SSH server answers" in failed(run(aimed, "check", attempt=attempt))
        host.start()
        assert run(aimed, "check", attempt=attempt).returncode == 1
        provoked("an SSH server killed during a capture")
    finally:
        here = {**environment, "DOCKER_HOST": HERE}
        assert run(here, "stop", attempt).returncode == 0


def open_lines(engine: DockerClient, attempt: str) -> list[str]:
    """What was started in a lab's switchboard beside itself, and runs."""
    switchboard = engine.api.inspect_container(f"breakfix-{attempt}-switchboard")
    made = switchboard["ExecIDs"] or []
    return [one for one in made if engine.api.exec_inspect(one)["Running"]]
