"""Four ways to the same network: the kit, a compose project, plain containers, bare namespaces."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bench import host
from bench.commands import Attempt, started
from bench.ending import undisturbed
from bench.figures import Figures, NotMeasured
from bench.network import COMPOSE, image_tags, machines
from bench.readiness import Readiness
from bench.sightings import Sightings
from lab_runner.engine.containers import LABEL_NODE

if TYPE_CHECKING:
    from docker import DockerClient


class Way(Protocol):
    """One way to build the network and to take it away."""

    name: str

    def up(self) -> None:
        """Build it; returns when this way says that it is done."""

    def find(self, machine: str, until: float) -> Path:
        """A machine's network namespace, once it is there."""

    def containers(self) -> dict[str, str]:
        """The ids of its containers by machine; empty where it has none."""

    def down(self) -> None:
        """Take it away; also what is left of one that failed."""


def measure(way: Way, figures: Figures) -> None:
    """Build it, wait until it is ready, weigh it, take it away.

    Raises:
        NotMeasured: It does not get ready.
    """
    worked = host.worked_s()
    readiness = Readiness(way.find)
    try:
        way.up()
        done = time.monotonic() - readiness.began
        ready = readiness.seconds()
        worked = host.worked_s() - worked
        weight = host.pss_mib(_spaces(way)).values()
        shims = host.shims_mib(way.containers().values())
    finally:
        with undisturbed():
            readiness.end()
            began = time.monotonic()
            way.down()
            gone = time.monotonic() - began
    figures.add(f"{way.name}.ready_s", ready)
    figures.add(f"{way.name}.done_s", max(done, ready))
    figures.add(f"{way.name}.cpu_s", worked)
    figures.add(f"{way.name}.gone_s", gone)
    figures.add(f"{way.name}.memory_mib", sum(weight))
    figures.add(f"{way.name}.held_mib", shims)


def _spaces(way: Way) -> list[str]:
    names = way.containers() or {one.name: "" for one in machines()}
    now = time.monotonic()
    return [host.namespace(way.find(name, now)) for name in names]


class Kit:
    """``lab start`` and ``lab stop``."""

    name = "kit"

    def __init__(self, client: DockerClient, scenario: str) -> None:
        """A way on an engine, by a scenario that leaves the web site as it is."""
        self._sightings = Sightings(client, LABEL_NODE)
        self._scenario, self._attempt = scenario, Attempt("")

    def up(self) -> None:
        """Until the command says that all is as the ticket tells."""
        self._attempt = started(self._scenario, seed=1)

    def find(self, machine: str, until: float) -> Path:
        """As the engine tells it."""
        return self._sightings.namespace(machine, until)

    def containers(self) -> dict[str, str]:
        """With the switchboard's."""
        return self._sightings.containers()

    def down(self) -> None:
        """By the command."""
        if self._attempt.id:
            self._attempt.run("stop")
        self._attempt = Attempt("")


class Compose:
    """``docker compose up`` and ``down``, with the newest that there is."""

    name = "compose"

    def __init__(self, client: DockerClient, program: list[str]) -> None:
        """A way on an engine, by this command."""
        self._sightings = Sightings(client, "com.docker.compose.service")
        self._command = [*program, "--file", str(COMPOSE), "--progress", "quiet"]

    def _run(self, *words: str) -> None:
        done = subprocess.run(
            [*self._command, *words],
            env={**os.environ, **image_tags()},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NotMeasured(f"docker compose {words[0]}: {done.stderr.strip()}")

    def up(self) -> None:
        """Until the command ends: all containers run."""
        self._run("up", "--detach")

    def find(self, machine: str, until: float) -> Path:
        """As the engine tells it."""
        return self._sightings.namespace(machine, until)

    def containers(self) -> dict[str, str]:
        """One a machine."""
        return self._sightings.containers()

    def down(self) -> None:
        """Without the ten seconds that it would give each program to end."""
        self._run("down", "--timeout", "0")
