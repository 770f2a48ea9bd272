"""A lab's network as a template sees it: segments, nodes, their cards."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import cached_property

from lab_runner.planning.identity import SshKey, ssh_key


@dataclass(frozen=True)
class SegmentView:
    """``{{ segments.lan.subnet }}`` and what follows from it."""

    name: str
    subnet: ipaddress.IPv4Network

    @property
    def prefix(self) -> int:
        """Length of the network's prefix in bits."""
        return self.subnet.prefixlen

    @property
    def netmask(self) -> str:
        """Dotted mask."""
        return str(self.subnet.netmask)

    @property
    def broadcast(self) -> str:
        """The broadcast address."""
        return str(self.subnet.broadcast_address)

    def host(self, number: int) -> str:
        """The address of the host with that number: ``{{ segments.lan.host(21) }}``."""
        return str(self.subnet.network_address + int(number))


@dataclass(frozen=True)
class InterfaceView:
    """``{{ nodes.gw.interfaces.eth1.address }}``."""

    name: str
    mac: str
    segment: SegmentView
    address: str
    gateway: str | None
    extra: tuple[str, ...]

    @property
    def cidr(self) -> str:
        """Address and prefix length: ``10.0.0.1/24``."""
        return f"{self.address}/{self.segment.prefix}"


@dataclass(frozen=True)
class NodeView:
    """``{{ nodes.gw.address }}``: the address of the first interface."""

    name: str
    interfaces: dict[str, InterfaceView]
    seed: int

    @property
    def address(self) -> str:
        """The first interface's address."""
        return next(iter(self.interfaces.values())).address

    @cached_property
    def host_key(self) -> SshKey:
        """The node's own SSH key: ``.public``, ``.private``, ``.fingerprint``."""
        return ssh_key(self.seed, f"host/{self.name}")
