"""What is measured on: an engine that can do all that is compared, and the programs for it."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from docker.errors import APIError

from bench.ending import undisturbed
from bench.figures import NotMeasured
from lab_runner.engine import images
from lab_runner.engine.docker import connect
from lab_runner.engine.images import DEBIAN, Target
from tests.docker.second_engine import SecondEngine, lacking

if TYPE_CHECKING:
    from docker import DockerClient

#: What is kept from run to run, or too large for a folder in memory.
FOLDER = Path(".breakfix/bench").resolve()
_COMPOSE = "usr/libexec/docker/cli-plugins/docker-compose"
_FETCH = """
set -e
apt-get update -q
cd /tmp
apt-get download -q docker-compose
dpkg -x docker-compose_*.deb /tmp/compose
"""


@contextlib.contextmanager
def engine() -> Iterator[tuple[DockerClient, str]]:
    """An engine on which everything is measured, and why compose is not; "" if it is.

    The one that answers may be without networks of its own, which the kit has no use for; and
    where it has some, they would be put on this host. So with root it is a second one, of the same
    program, in a network namespace of its own.
    """
    with contextlib.ExitStack() as stack:
        reason = ""
        try:
            stack.enter_context(_own())
        except NotMeasured as exc:
            reason = str(exc)
        client = stack.enter_context(contextlib.closing(connect()))
        unfit = _cannot_bridge(client)
        yield client, f"{unfit}; an engine of its own: {reason}" if unfit and reason else unfit


@contextlib.contextmanager
def _own() -> Iterator[None]:
    """Start that second engine, and let all that is started from here use it.

    Raises:
        NotMeasured: It does not start here.
    """
    if reason := lacking():
        raise NotMeasured(reason)
    if shutil.which("iptables") is None:
        raise NotMeasured("needs iptables")
    disk = FOLDER / "engine"
    shutil.rmtree(disk, ignore_errors=True)  # of a run that was killed
    second = SecondEngine(disk=disk, bridges=True)
    with contextlib.ExitStack() as stack:
        stack.callback(_discard, second)
        try:
            second.start()
        except AssertionError as exc:
            raise NotMeasured(f"it does not start: {str(exc).splitlines()[-1]}") from exc
        with contextlib.closing(connect()) as usual:
            second.load(*images.ensure(usual, Target, lambda *_: None).values())
        stack.enter_context(environment("DOCKER_HOST", second.host))
        yield


def _discard(second: SecondEngine) -> None:
    with undisturbed():
        second.discard()


def _cannot_bridge(client: DockerClient) -> str:
    """Why an engine cannot make networks; empty if it can."""
    try:
        client.networks.create("breakfix-bench-try", driver="bridge", internal=True).remove()
    except APIError as exc:
        return f"the engine has no networks: {exc.explanation}"
    return ""


def compose() -> list[str]:
    """The command of the newest compose that can be had: installed, or Debian 13's.

    Raises:
        NotMeasured: There is none, or nothing to measure with.
    """
    if os.geteuid() != 0:
        raise NotMeasured("needs root")
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and compose_version(command):
            return command
    program = FOLDER / "docker-compose"
    if not program.exists():
        _fetch_compose(program)
    if not compose_version([str(program)]):
        raise NotMeasured("Debian 13's docker-compose does not run here")
    return [str(program)]


def compose_version(command: list[str]) -> str:
    """Its version from 2 on; empty if it does not run, or there is none."""
    if not command:
        return ""
    done = subprocess.run(
        [*command, "version", "--short"], capture_output=True, text=True, check=False
    )
    version = done.stdout.strip().removeprefix("v")
    return "" if done.returncode or version.startswith("1.") else version


def _fetch_compose(program: Path) -> None:
    """Get Debian 13's package as the images get theirs: in the base, over the host's network."""
    with contextlib.closing(connect()) as client:
        try:
            container = client.containers.create(DEBIAN, ["sh", "-c", _FETCH], network_mode="host")
        except APIError as exc:
            raise NotMeasured(f"no Docker Compose, and none to be had: {exc.explanation}") from exc
        try:
            container.start()
            if container.wait(timeout=300)["StatusCode"]:
                last = container.logs().decode(errors="replace").strip().splitlines()[-1:]
                raise NotMeasured(f"docker-compose cannot be had from Debian: {''.join(last)}")
            chunks, _ = container.get_archive(f"/tmp/compose/{_COMPOSE}")  # noqa: S108 - in there
            with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
                content = archive.extractfile(archive.getmembers()[0])
                assert content is not None
                program.parent.mkdir(parents=True, exist_ok=True)
                program.write_bytes(content.read())
            program.chmod(0o755)
        finally:
            container.remove(force=True)


@contextlib.contextmanager
def home() -> Iterator[None]:
    """A record of its own, so that nobody's shows these attempts."""
    with (
        tempfile.TemporaryDirectory(prefix="breakfix-bench-") as folder,
        environment("BREAKFIX_HOME", folder),
    ):
        yield


@contextlib.contextmanager
def environment(name: str, value: str) -> Iterator[None]:
    """A variable that all that is started from here gets, for a time."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before
