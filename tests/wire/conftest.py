"""Vantages and small networks for the wire tests."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab_runner.switchboard import probes
from tests.wire.asking import Node


@pytest.fixture(scope="session", autouse=True)
def _loaded() -> None:
    """As in the switchboard: a forked probe finds its libraries in memory."""
    for word in probes.MODULES:
        probes.load(word)


@pytest.fixture(autouse=True)
def _privileged(request: pytest.FixtureRequest) -> None:
    """Skip what needs root where there is none, and say so; CI is root and runs it all."""
    if request.node.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("needs root: network namespaces, raw sockets, files of other users")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A machine on this machine's loopback, with an empty disk."""
    disk = tmp_path / "disk"
    (disk / "etc").mkdir(parents=True)
    for folder in (tmp_path, disk):
        folder.chmod(0o755)
    return Node(disk)


@dataclass
class Network:
    """``near -- mid -- far``: three namespaces, routed and without any filter.

    near 10.77.0.2, fd77::2 · mid 10.77.0.1 and 198.51.100.1 · far 198.51.100.2, fd78::2
    """

    tag: str

    def netns(self, name: str) -> str:
        """The file of a namespace."""
        return f"/run/netns/{self.tag}{name}"

    def run(self, name: str, command: str, given: str = "") -> None:
        """Run a program of this machine in a namespace."""
        argv = ["ip", "netns", "exec", f"{self.tag}{name}", *command.split()]
        done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"

    def nft(self, name: str, rules: str) -> None:
        """Load nftables rules."""
        self.run(name, "nft -f -", rules)


def _plug(net: Network, left: str, right: str, devices: tuple[str, str]) -> None:
    ends = f"netns {net.tag}{left} type veth peer name {devices[1]} netns {net.tag}{right}"
    subprocess.run(["ip", "link", "add", devices[0], *ends.split()], check=True)
    for name, device in ((left, devices[0]), (right, devices[1])):
        net.run(name, f"ip link set {device} up")


_ADDRESSES = {
    "near": {"eth0": ["10.77.0.2/24", "fd77::2/64"]},
    "mid": {"eth0": ["10.77.0.1/24", "fd77::1/64"], "eth1": ["198.51.100.1/24", "fd78::1/64"]},
    "far": {"eth0": ["198.51.100.2/24", "fd78::2/64"]},
}


def _build(net: Network) -> None:
    for name in _ADDRESSES:
        subprocess.run(["ip", "netns", "add", f"{net.tag}{name}"], check=True)
        net.run(name, "ip link set lo up")
        net.run(name, "sysctl -qw net.ipv6.conf.default.accept_dad=0")
    _plug(net, "near", "mid", ("eth0", "eth0"))
    _plug(net, "mid", "far", ("eth1", "eth0"))
    for name, devices in _ADDRESSES.items():
        for device, addresses in devices.items():
            for address in addresses:
                nodad = " nodad" if ":" in address else ""
                net.run(name, f"ip addr add {address} dev {device}{nodad}")
    for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        net.run("mid", f"sysctl -qw {key}=1")
    for name, v4, v6 in (("near", "10.77.0.1", "fd77::1"), ("far", "198.51.100.1", "fd78::1")):
        net.run(name, f"ip route add default via {v4}")
        net.run(name, f"ip -6 route add default via {v6}")


@pytest.fixture
def network() -> Iterator[Network]:
    """Three namespaces of our own, removed afterwards."""
    missing = [tool for tool in ("ip", "nft", "sysctl") if shutil.which(tool) is None]
    assert not missing, f"install {', '.join(missing)}: these tests build networks with them"
    net = Network(f"w{secrets.token_hex(3)}-")
    try:
        _build(net)
        yield net
    finally:
        for name in _ADDRESSES:
            subprocess.run(["ip", "netns", "del", f"{net.tag}{name}"], check=False)


@pytest.fixture
def near(network: Network, node: Node) -> Node:
    """The near end of the network."""
    return Node(node.disk, network.netns("near"))


@pytest.fixture
def alone(node: Node) -> Iterator[Node]:
    """A machine in a namespace of its own, with loopback only: port 53 is free there."""
    name = f"w{secrets.token_hex(3)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield Node(node.disk, f"/run/netns/{name}")
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)
