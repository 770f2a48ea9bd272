"""Sizes through ways that are narrow, honest about it, silent, or lying."""

from __future__ import annotations

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from lab_runner.models.probes import PmtuProbe
from tests.wire.asking import Node
from tests.wire.conftest import Network
from tests.wire.servers import frame_server, udp_server

pytestmark = pytest.mark.root
BLACK_HOLE = """table {kin} f {{ chain c {{ type filter hook output priority 0;
    {error} drop; }}; }}"""


def asks(**fields: object) -> PmtuProbe:
    return PmtuProbe(**{"to": "198.51.100.2", "timeout_s": 0.6} | fields)


def narrow(network: Network, mtu: int = 1400) -> None:
    network.run("mid", f"ip link set eth1 mtu {mtu}")
    network.run("far", f"ip link set eth0 mtu {mtu}")


def outcomes(asked: object) -> dict[int, str]:
    return {one.size: one.outcome for one in asked.seen.sizes}


@pytest.mark.parametrize("protocol", ["icmp", "udp"])
@pytest.mark.parametrize(("to", "teller"), [("198.51.100.2", "10.77.0.1"), ("fd78::2", "fd77::1")])
def test_a_narrow_way_that_says_so(
    near: Node, network: Network, protocol: str, to: str, teller: str
) -> None:
    narrow(network)
    probe = asks(to=to, protocol=protocol, passes=[1280, 1400], told=[1401, 1500])
    asked = near.ask(probe)
    assert outcomes(asked) == {1280: "passed", 1400: "passed", 1401: "told", 1500: "told"}
    told = asked.seen.sizes[-1]
    assert (told.mtu, told.detail) == (1400, teller)
    assert asked.verdict.passed, asked.verdict.rationale
    assert f"1500 bytes too big says {teller}, next-hop MTU 1400" in asked.verdict.rationale
    assert asked.took_s < 0.6 + 1.0


@pytest.mark.parametrize("protocol", ["icmp", "udp"])
def test_a_wide_way_is_told_of_by_nobody(near: Node, protocol: str) -> None:
    asked = near.ask(asks(protocol=protocol, passes=[1500], told=[1500]))
    assert outcomes(asked) == {1500: "passed"}
    assert asked.verdict.rationale.endswith("expected to be told that 1500 bytes are too big")


@pytest.mark.parametrize("protocol", ["icmp", "udp"])
@pytest.mark.parametrize(
    ("to", "kin", "error"),
    [
        ("198.51.100.2", "ip", "icmp type destination-unreachable icmp code 4"),
        ("fd78::2", "ip6", "icmpv6 type packet-too-big"),
    ],
)
def test_a_black_hole(
    near: Node, network: Network, protocol: str, to: str, kin: str, error: str
) -> None:
    narrow(network)
    network.nft("mid", BLACK_HOLE.format(kin=kin, error=error))
    asked = near.ask(asks(to=to, protocol=protocol, passes=[1400], told=[1500]))
    assert outcomes(asked) == {1400: "passed", 1500: "silent"}
    assert "1500 bytes no word of them" in asked.verdict.rationale
    assert not asked.verdict.passed


def test_the_nodes_own_firewall_keeps_the_word_from_it(near: Node, network: Network) -> None:
    narrow(network)
    network.nft(
        "near",
        """table ip f { chain c { type filter hook input priority 0;
        icmp type destination-unreachable drop; }; }""",
    )
    asked = near.ask(asks(told=[1500]))
    assert outcomes(asked) == {1500: "silent"}
    assert not asked.verdict.passed


def test_asked_again_it_is_still_told(near: Node, network: Network) -> None:
    """What the kernel has learnt of the way does not stand in for the router's word."""
    narrow(network)
    for _ in range(2):
        asked = near.ask(asks(told=[1500], mtu_at_least=1400, mtu_at_most=1400))
        assert asked.verdict.passed, asked.verdict.rationale


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"mtu_at_least": 1280, "mtu_at_most": 1400}, None),
        ({"mtu_at_least": 1401}, "a next-hop MTU of 1401 at least"),
        ({"mtu_at_most": 1399}, "a next-hop MTU of 1399 at most"),
        ({"passes": [1450]}, "1450 bytes to pass"),
    ],
)
def test_expectations(
    near: Node, network: Network, fields: dict[str, object], expected: str | None
) -> None:
    narrow(network)
    asked = near.ask(asks(**{"told": [1500]} | fields))
    assert asked.verdict.passed is (expected is None)
    if expected:
        assert asked.verdict.rationale.endswith(f"expected {expected}")


def test_without_expectations_one_size_must_pass(near: Node, network: Network) -> None:
    assert near.ask(asks(sizes=[1000, 1500])).verdict.passed
    network.nft("mid", "table ip f { chain c { type filter hook forward priority 0; drop; }; }")
    asked = near.ask(asks(sizes=[1000, 1500]))
    assert outcomes(asked) == {1000: "silent", 1500: "silent"}
    assert not asked.verdict.passed


def test_an_echo_service_answers_datagrams(near: Node, network: Network) -> None:
    with udp_server(lambda data: [data[:8]], "198.51.100.2", network.netns("far")) as port:
        asked = near.ask(asks(protocol="udp", port=port, passes=[1500]))
    with udp_server(lambda _: [], "198.51.100.2", network.netns("far")) as port:
        silent = near.ask(asks(protocol="udp", port=port, passes=[1500]))
    assert asked.seen.sizes[0].detail is None
    assert asked.verdict.passed
    assert not silent.verdict.passed


def test_a_lost_packet_is_sent_again(near: Node, network: Network) -> None:
    network.nft(
        "mid",
        """table ip f { chain c { type filter hook forward priority 0;
        icmp type echo-request numgen inc mod 2 0 drop; }; }""",
    )
    assert near.ask(asks(passes=[1500])).verdict.passed


@pytest.mark.parametrize("protocol", ["icmp", "udp"])
def test_another_error_is_no_word_on_the_size(near: Node, network: Network, protocol: str) -> None:
    network.nft(
        "mid",
        """table ip f { chain c { type filter hook forward priority 0;
        reject with icmp type port-unreachable; }; }""",
    )
    asked = near.ask(asks(protocol=protocol, passes=[1500]))
    assert outcomes(asked) == {1500: "unreachable"}
    assert "ICMP 3/3 from 10.77.0.1" in asked.verdict.rationale
    assert not asked.verdict.passed


@pytest.mark.parametrize("protocol", ["icmp", "udp"])
def test_the_nodes_own_interface_and_no_route(near: Node, network: Network, protocol: str) -> None:
    own = near.ask(asks(protocol=protocol, told=[1600]))
    network.run("near", "ip route del default")
    nowhere = near.ask(asks(protocol=protocol, told=[1500], passes=[100]))
    assert outcomes(own) == {1600: "too-long"}
    assert "1600 bytes longer than its own MTU (MTU 1500)" in own.verdict.rationale
    assert outcomes(nowhere) == {100: "unreachable", 1500: "unreachable"}
    assert not own.verdict.passed
    assert not nowhere.verdict.passed


def forged(frame: bytes, ident: int = 0, mtu: int = 0, quote: int = 28) -> list[bytes]:
    """What a liar on near's link says of an echo request: too big, never with a good MTU."""
    request = Ether(frame)
    if ICMP not in request or request[ICMP].type != 8:
        return []
    quoted = bytearray(bytes(request[IP])[:quote])
    quoted[24:26] = ((request[ICMP].id + ident) % 0x10000).to_bytes(2, "big")
    head = Ether(src=request.dst, dst=request.src) / IP(src="10.77.0.1", dst="10.77.0.2")
    return [bytes(head / ICMP(type=3, code=4, nexthopmtu=mtu) / Raw(bytes(quoted[:quote])))]


@pytest.mark.parametrize(
    ("lie", "outcome"),
    [({"ident": 1, "mtu": 1400}, "silent"), ({"quote": 12}, "silent"), ({}, "told")],
    ids=["about another packet", "cut off", "without an MTU"],
)
def test_what_liars_say(near: Node, network: Network, lie: dict[str, int], outcome: str) -> None:
    network.nft("mid", "table ip f { chain c { type filter hook forward priority 0; drop; }; }")
    liar = frame_server(lambda frame: forged(frame, **lie), network.netns("mid"), "eth0", 0x0800)
    with liar:
        asked = near.ask(asks(told=[1500], mtu_at_most=1400))
    assert outcomes(asked) == {1500: outcome}
    assert asked.seen.sizes[0].mtu is None
    assert not asked.verdict.passed


def test_an_unknown_name(near: Node) -> None:
    asked = near.ask(asks(to="nobody", told=[1500]))
    assert asked.seen.problem == "unresolved"
    assert not asked.verdict.passed


@pytest.mark.parametrize("fields", [{}, {"sizes": [10]}, {"passes": [70000]}])
def test_sizes_have_bounds(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="is not between"):
        asks(**fields)
