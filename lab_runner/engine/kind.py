"""Which engine answers: Docker's, or another one that speaks its language."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab_runner.engine.docker import mapped
from lab_runner.errors import EngineError

if TYPE_CHECKING:
    from docker import DockerClient

_ROOTLESS = (
    "The engine is rootless. It needs a cgroup that is delegated to it, or the machines of a lab "
    "do not boot (`lab doctor` tries it). If so, use one that runs as "
    "root: `unset DOCKER_HOST` takes this machine's own."
)
_PODMAN = (
    "An attempt from start to stop worked on a Podman 5.4 that ran as root; where the kernel "
    "cannot limit memory it starts no machine at all. The kit is tested on Docker."
)


@dataclass(frozen=True)
class Kind:
    """An engine.

    Attributes:
        name: What it calls itself.
        version: Its own version, not that of the interface.
        rootless: Does it run without root's privileges?
    """

    name: str
    version: str
    rootless: bool

    def __str__(self) -> str:
        return f"{self.name} {self.version}{' (rootless)' if self.rootless else ''}"

    @property
    def caution(self) -> str:
        """What is to be known before a lab is started on it; empty for Docker as usual."""
        return _ROOTLESS if self.rootless else "" if self.name == "Docker Engine" else _PODMAN


def kind(info: Mapping[str, Any], version: Mapping[str, Any]) -> Kind:
    """Tell from ``GET /info`` and ``GET /version`` (Docker Engine API) which engine it is.

    Podman is one of its own components and says ``Rootless``; Docker names
    rootlesskit's way of working among the security options.
    """
    components = [str(one.get("Name", "")) for one in version.get("Components") or []]
    options = info.get("SecurityOptions") or []
    rootless = bool(info.get("Rootless")) or any("name=rootless" in one for one in options)
    name = "Podman" if any("Podman" in one for one in components) else "Docker Engine"
    return Kind(name, str(info.get("ServerVersion", "")), rootless)


def caution(client: DockerClient) -> str:
    """What may be why a lab does not start, if it is this kind of engine; else empty."""
    with contextlib.suppress(EngineError), mapped():
        engine = kind(client.info(), client.version())
        return f"This is {engine}. {engine.caution}" if engine.caution else ""
    return ""
