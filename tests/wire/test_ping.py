"""Echo requests through networks that lose, refuse and cut them."""

from __future__ import annotations

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from lab_runner.models.probes import PingProbe
from tests.wire.asking import Node
from tests.wire.conftest import Network
from tests.wire.servers import frame_server

pytestmark = pytest.mark.root


def pings(**fields: object) -> PingProbe:
    return PingProbe(**{"to": "198.51.100.2", "timeout_s": 0.4} | fields)


@pytest.mark.parametrize("to", ["198.51.100.2", "fd78::2"])
def test_replies(near: Node, to: str) -> None:
    asked = near.ask(pings(to=to, count=3), within_s=1.2)
    assert (asked.seen.sent, asked.seen.received) == (3, 3)
    assert len(asked.seen.rtt_ms) == 3
    assert asked.verdict.passed
    assert not near.ask(pings(to=to, expect="none")).verdict.passed


@pytest.mark.parametrize(
    ("to", "fact"),
    [
        ("198.51.100.2", {"type": 3, "code": 4, "from": "10.77.0.1", "mtu": 1400}),
        ("fd78::2", {"type": 2, "code": 0, "from": "fd77::1", "mtu": 1400}),
    ],
)
def test_a_packet_that_is_too_big_for_the_next_hop(
    near: Node, network: Network, to: str, fact: dict[str, object]
) -> None:
    network.run("mid", "ip link set eth1 mtu 1400")
    network.run("far", "ip link set eth0 mtu 1400")
    big = near.ask(pings(to=to, size=1400, dont_fragment=True))
    small = near.ask(pings(to=to, size=1300, dont_fragment=True))
    assert big.seen.icmp_errors == [fact]
    assert big.seen.received == 0
    assert "next-hop MTU 1400" in big.verdict.rationale
    assert not big.verdict.passed
    assert small.verdict.passed


def test_without_df_a_router_cuts_it(near: Node, network: Network) -> None:
    network.run("mid", "ip link set eth1 mtu 1400")
    network.run("far", "ip link set eth0 mtu 1400")
    assert near.ask(pings(size=1400)).verdict.passed


def test_a_black_hole_says_nothing(near: Node, network: Network) -> None:
    network.run("mid", "ip link set eth1 mtu 1400")
    network.nft(
        "mid",
        """table ip f { chain c { type filter hook output priority 0;
        icmp type destination-unreachable drop; }; }""",
    )
    asked = near.ask(pings(size=1400, dont_fragment=True))
    assert asked.seen.icmp_errors == []
    assert asked.verdict.rationale.startswith("desk to 198.51.100.2: 0 replies to 1 echo requests")
    assert not asked.verdict.passed


def test_too_long_for_the_nodes_own_interface(near: Node) -> None:
    asked = near.ask(pings(size=1600, dont_fragment=True))
    assert asked.seen.problem == "too long for the node's own interface, MTU 1500"
    assert not asked.verdict.passed


def test_host_unreachable_and_no_route(near: Node, network: Network) -> None:
    nobody = near.ask(pings(to="203.0.113.1"))
    network.run("near", "ip route del default")
    nowhere = near.ask(pings(expect="none"))
    assert nobody.seen.icmp_errors == [{"type": 3, "code": 0, "from": "10.77.0.1"}]
    assert "ICMP 3/0 from 10.77.0.1" in nobody.verdict.rationale
    assert nowhere.seen.problem == "unreachable"
    assert nowhere.verdict.passed


@pytest.mark.parametrize("quote", [0, 8, 12, 19, 24])
def test_an_error_that_quotes_too_little_is_passed_over(
    near: Node, network: Network, quote: int
) -> None:
    def cut_off(frame: bytes) -> list[bytes]:
        request = Ether(frame)
        head = Ether(src=request.dst, dst=request.src) / IP(src="10.77.0.1", dst="10.77.0.2")
        return [bytes(head / ICMP(type=3, code=1) / Raw(bytes(request[IP])[:quote]))]

    network.nft("mid", "table ip f { chain c { type filter hook forward priority 0; drop; }; }")
    with frame_server(cut_off, network.netns("mid"), "eth0", 0x0800):
        asked = near.ask(pings())
    assert asked.seen.icmp_errors == []
    assert asked.seen.received == 0


def test_loss_within_and_beyond_the_limit(near: Node, network: Network) -> None:
    network.nft(
        "mid",
        """table ip f { chain c { type filter hook forward priority 0;
        icmp type echo-request numgen inc mod 2 0 drop; }; }""",
    )
    half = near.ask(pings(count=4, timeout_s=0.2, max_loss=0.5), within_s=0.8)
    none = near.ask(pings(count=4, timeout_s=0.2), within_s=0.8)
    assert half.seen.received == 2
    assert half.verdict.passed
    assert none.verdict.rationale.endswith("expected a reply to each")


def test_an_unknown_name_is_no_silence(near: Node) -> None:
    asked = near.ask(pings(to="nobody", expect="none"))
    assert asked.seen.problem == "unresolved"
    assert not asked.verdict.passed
