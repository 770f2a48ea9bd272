"""The network that all ways build, read from the compose project; and cables for it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Container
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from lab_runner.engine import images
from lab_runner.engine.images import Target
from lab_runner.switchboard.namespaces import within_network

DATA = Path(__file__).parent / "data"
COMPOSE = DATA / "compose.yml"
LABS, SCENARIOS = DATA / "labs", DATA / "scenarios"

#: Where the question is asked from, who answers it, what it is.
CLIENT, ROUTER = "client", "router"
SERVER, NAME = "10.1.0.53", "www.shop.example"

#: The namespace with the bridges; the others are called by their machine's name.
_SWITCH = "switch"
_PREFIX = "breakfix-bench-"
_RETRANS_MS = "20"


@dataclass(frozen=True)
class Cable:
    """An interface: its segment, and its address with the length of the prefix."""

    segment: str
    address: str


@dataclass(frozen=True)
class Machine:
    """One service of the compose project.

    Attributes:
        name: The service's.
        image: The full tag.
        command: What runs in it.
        sysctls: Settings of its kernel's network by key.
        files: What it sees of this checkout: where, by where it lies here.
        cables: Its interfaces, eth0 first.
    """

    name: str
    image: str
    command: list[str]
    sysctls: dict[str, str]
    files: dict[Path, str]
    cables: list[Cable]


@cache
def image_tags() -> dict[str, str]:
    """What the compose project's variables stand for."""
    wanted = (Target.WORKSTATION, Target.SERVER, Target.ROUTER)
    return {target.upper(): tag for target, tag in images.tags(wanted).items()}


@cache
def machines() -> list[Machine]:
    """All services of the compose project."""
    project = yaml.safe_load(COMPOSE.read_text())
    lengths = {
        name: network["ipam"]["config"][0]["subnet"].partition("/")[2]
        for name, network in project["networks"].items()
    }
    return [
        Machine(
            name=name,
            image=image_tags()[service["image"].strip("${}")],
            command=service["command"],
            sysctls=service.get("sysctls", {}),
            files=dict(_file(line) for line in service.get("volumes", [])),
            cables=[
                Cable(segment, f"{told['ipv4_address']}/{lengths[segment]}")
                for segment, told in service["networks"].items()
            ],
        )
        for name, service in project["services"].items()
    ]


def _file(volume: str) -> tuple[Path, str]:
    here, there, _ = volume.split(":")
    return (DATA / here).resolve(), there


def namespace(name: str) -> Path:
    """The file that stands for a namespace of :class:`Cabinet`'s."""
    return Path("/run/netns", _PREFIX + name)


def ip(*words: str, batch: list[str] | None = None) -> None:
    """Let iproute2 do something; with ``batch``, these lines in one process."""
    more = ("-batch", "-") if batch is not None else ()
    subprocess.run(
        ["ip", *words, *more],
        input="".join(f"{line}\n" for line in batch or []),
        text=True,
        check=True,
        capture_output=True,
    )


def hurry(done: Container[Path] = ()) -> set[Path]:
    """Let the kernel ask soon again for a neighbour that does not answer (arp(7)).

    It would a second later (RFC 4861 calls it RetransTimer, Linux does the same for ARP); whoever
    asks as soon as there is a cable asks too early, and no way is to be charged with that.

    Args:
        done: Interfaces that were told already.

    Returns:
        Those of this thread's network namespace that were told now.
    """
    told = set()
    for file in Path("/proc/sys/net/ipv4/neigh").glob("eth*/retrans_time_ms"):
        if file not in done:
            with contextlib.suppress(OSError):
                file.write_text(_RETRANS_MS)
                told.add(file)
    return told


class Cabinet:
    """Bridges in a network namespace of their own, so that nothing shows on this host."""

    def __init__(self) -> None:
        """Put the bridges up; what a run that was killed has left goes first."""
        self.remove()
        ip("netns", "add", _PREFIX + _SWITCH)
        segments = {cable.segment for machine in machines() for cable in machine.cables}
        lines = [
            line
            for segment in sorted(segments)
            for line in (f"link add {segment} type bridge", f"link set {segment} up")
        ]
        ip("-n", _PREFIX + _SWITCH, batch=lines)

    def add(self, machine: Machine, pid: int | None = None) -> None:
        """Plug a machine's cables in, in a namespace of its own or in a process's."""
        name = _PREFIX + machine.name
        ip("netns", *(["add", name] if pid is None else ["attach", name, str(pid)]))
        switch, inside = [], ["link set lo up"]
        for number, cable in enumerate(machine.cables):
            port = f"{machine.name}{number}"
            switch += [
                f"link add {port} type veth peer name eth{number} netns {name}",
                f"link set {port} master {cable.segment} up",
            ]
            inside += [
                f"addr add {cable.address} dev eth{number}",
                f"link set eth{number} up",
            ]
        ip("-n", _PREFIX + _SWITCH, batch=switch)
        # Before there is an address: the first question for a neighbour would still be patient.
        with (
            namespace(machine.name).open() as there,
            Path("/proc/thread-self/ns/net").open() as own,
        ):
            within_network(there.fileno(), own.fileno(), hurry)
        ip("-n", name, batch=inside)

    @staticmethod
    def execute(machine: Machine, *command: str) -> list[str]:
        """The command that runs another one in a machine's network."""
        return ["ip", "netns", "exec", _PREFIX + machine.name, *command]

    @staticmethod
    def remove() -> None:
        """Take every namespace away that is there; cables and bridges go with them."""
        for name in [*(machine.name for machine in machines()), _SWITCH]:
            if namespace(name).exists():
                ip("netns", "del", _PREFIX + name)
