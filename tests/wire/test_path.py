"""The way through a small network, whole, silent, and closed."""

from __future__ import annotations

import pytest

from lab_runner.models.probes import PathProbe
from tests.wire.asking import Node
from tests.wire.conftest import Network
from tests.wire.servers import tcp_server, udp_server, until_closed

pytestmark = pytest.mark.root
WAY = ["10.77.0.1", "198.51.100.2"]


def walks(**fields: object) -> PathProbe:
    return PathProbe(**{"to": "198.51.100.2", "timeout_s": 0.6} | fields)


@pytest.mark.parametrize("protocol", ["icmp", "udp", "tcp"])
@pytest.mark.parametrize(
    ("to", "way"), [("198.51.100.2", WAY), ("fd78::2", ["fd77::1", "fd78::2"])]
)
def test_the_hops(near: Node, protocol: str, to: str, way: list[str]) -> None:
    asked = near.ask(walks(to=to, protocol=protocol, hops=way))
    assert asked.seen.hops == way
    assert asked.seen.reached
    assert asked.verdict.passed


def test_a_service_that_answers(near: Node, network: Network) -> None:
    far = network.netns("far")
    with tcp_server(until_closed, "198.51.100.2", far) as port:
        tcp = near.ask(walks(protocol="tcp", port=port, hops=WAY))
    with udp_server(lambda d: [d], "198.51.100.2", far) as port:
        udp = near.ask(walks(protocol="udp", port=port - 1, hops=WAY))
    assert tcp.verdict.passed
    assert udp.verdict.passed


@pytest.mark.parametrize(
    ("fields", "passed"),
    [
        ({}, True),
        ({"through": "10.77.0.1"}, True),
        ({"through": "10.77.0.9"}, False),
        ({"avoids": "10.77.0.9"}, True),
        ({"avoids": "10.77.0.1"}, False),
        ({"hops": ["198.51.100.2"]}, False),
    ],
)
def test_expectations(near: Node, fields: dict[str, object], passed: bool) -> None:
    asked = near.ask(walks(**fields))
    assert "by way of 10.77.0.1, 198.51.100.2" in asked.verdict.rationale
    assert asked.verdict.passed is passed


def test_a_silent_router_is_a_gap(near: Node, network: Network) -> None:
    network.nft(
        "mid",
        """table ip f { chain c { type filter hook output priority 0;
        icmp type time-exceeded drop; }; }""",
    )
    asked = near.ask(walks(hops=WAY))
    assert asked.seen.hops == [None, "198.51.100.2"]
    assert asked.seen.reached
    assert not asked.verdict.passed


@pytest.mark.parametrize("protocol", ["icmp", "udp", "tcp"])
def test_a_way_that_ends_on_a_router(near: Node, network: Network, protocol: str) -> None:
    network.nft(
        "mid",
        """table ip f { chain c { type filter hook forward priority 0;
        reject with icmp type admin-prohibited; }; }""",
    )
    asked = near.ask(walks(protocol=protocol, avoids="10.77.0.9"))
    assert asked.seen.hops[0] == "10.77.0.1"
    assert not asked.seen.reached
    assert asked.seen.problem == "ICMP 3/13 from 10.77.0.1"
    assert not asked.verdict.passed


def test_a_dropped_way_takes_one_time_limit(near: Node, network: Network) -> None:
    network.nft("mid", "table ip f { chain c { type filter hook forward priority 0; drop; }; }")
    asked = near.ask(walks())
    assert asked.seen.hops == ["10.77.0.1"]
    assert not asked.seen.reached
    assert "not there yet" in asked.verdict.rationale


def test_no_route_and_no_name(near: Node, network: Network) -> None:
    network.run("near", "ip route del default")
    assert near.ask(walks()).seen.problem == "unreachable"
    asked = near.ask(walks(to="nobody"))
    assert asked.seen.problem == "unresolved"
    assert not asked.verdict.passed
