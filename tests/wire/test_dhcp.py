"""Leases from real servers, from two at once, and from ones that talk nonsense."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from scapy.layers.l2 import Ether

from lab_runner.errors import ProbeError
from lab_runner.models.probes import DhcpProbe
from tests.wire.asking import Node, tap
from tests.wire.conftest import Network
from tests.wire.dhcp_servers import ROGUE, dhcpd, dnsmasq, reply, rogue

pytestmark = pytest.mark.root

POOL = "10.77.0.100-10.77.0.109"
RANGE = "--dhcp-range=10.77.0.100,10.77.0.109,255.255.255.0,1h"
#: Without its ping of 3 s before each offer.
QUICK = ["--no-ping", "--dhcp-authoritative", RANGE]
HEALTHY = {
    "servers": ["10.77.0.1"],
    "pool": POOL,
    "router": "10.77.0.1",
    "dns_servers": ["10.77.0.53"],
    "domain": "corp.example",
    "lease_at_most_s": 3600,
}
OPTIONS = ["--dhcp-option=6,10.77.0.53", "--dhcp-option=15,corp.example"]
ISC = """
authoritative; ping-check false; default-lease-time 600; max-lease-time 3600;
subnet 10.77.0.0 netmask 255.255.255.0 {
  range 10.77.0.100 10.77.0.109; option routers 10.77.0.1;
  option domain-name-servers 10.77.0.53; option domain-name "corp.example"; }
subnet 198.51.100.0 netmask 255.255.255.0 { }
host printer { hardware ethernet 02:00:00:00:00:77; fixed-address 10.77.0.77; }
"""
REAL = ["dnsmasq", "dhcpd"]


def asks(**fields: object) -> DhcpProbe:
    return DhcpProbe(**{"window_s": 0.3, "timeout_s": 2.0} | fields)


def serves(kind: str, network: Network, folder: Path) -> object:
    """The same healthy server, of two makes."""
    if shutil.which(kind) is None:
        pytest.skip(f"{kind} is not installed")
    if kind == "dhcpd":
        return dhcpd(network, "mid", folder, ISC)
    host = "--dhcp-host=02:00:00:00:00:77,10.77.0.77"
    return dnsmasq(network, "mid", folder, "--interface=eth0", *QUICK, *OPTIONS, host)


@pytest.mark.parametrize("kind", REAL)
def test_a_lease(near: Node, network: Network, tmp_path: Path, kind: str) -> None:
    with serves(kind, network, tmp_path):
        asked = near.ask(asks(**HEALTHY))
    client = asked.seen.clients[0]
    assert client.outcome == "lease"
    assert int(client.mac[:2], 16) & 0x03 == 0x02
    assert client.lease.server == client.lease.source == "10.77.0.1"
    assert asked.verdict.passed, asked.verdict.rationale
    assert f"lease of {client.lease.address}, offers from 10.77.0.1" in asked.verdict.rationale


@pytest.mark.parametrize("kind", REAL)
def test_leases_are_held_together_and_given_back(
    near: Node, network: Network, tmp_path: Path, kind: str
) -> None:
    """Ten addresses for ten machines, three times over: each time all were given back."""
    with serves(kind, network, tmp_path):
        for _ in range(3):
            asked = near.ask(asks(clients=10, timeout_s=4.0, **HEALTHY))
            assert asked.verdict.passed, asked.verdict.rationale
            assert len({c.lease.address for c in asked.seen.clients}) == 10
            time.sleep(0.3)  # the servers take the last releases


@pytest.mark.parametrize("kind", REAL)
def test_what_was_offered_and_not_taken_is_given_back(
    near: Node, network: Network, tmp_path: Path, kind: str
) -> None:
    """A second server wins, again and again; the first one's ten addresses are there still."""
    with serves(kind, network, tmp_path):
        with rogue(network, lambda question: [reply(question, "offer")]):
            for _ in range(3):
                asked = near.ask(asks(clients=5, server=ROGUE, timeout_s=1.0))
                offered = [offer.server for c in asked.seen.clients for offer in c.offers]
                assert offered.count("10.77.0.1") == 5
        time.sleep(0.3)  # the server takes the last releases
        asked = near.ask(asks(clients=10, timeout_s=4.0, **HEALTHY))
    assert asked.verdict.passed, asked.verdict.rationale


@pytest.mark.parametrize("kind", REAL)
def test_a_pool_that_is_too_small(near: Node, network: Network, tmp_path: Path, kind: str) -> None:
    with serves(kind, network, tmp_path):
        asked = near.ask(asks(clients=12, **HEALTHY))
    leases = [client.lease for client in asked.seen.clients if client.lease]
    left = {client.outcome for client in asked.seen.clients} - {"lease"}
    assert len(leases) == 10
    # dnsmasq offers one address to several, and refuses all but the first of them.
    assert left == {"no-offer"} if kind == "dhcpd" else left <= {"no-offer", "nak"}
    assert "10 got a lease" in asked.verdict.rationale
    assert asked.verdict.rationale.endswith("expected a lease for each")


@pytest.mark.parametrize("kind", REAL)
def test_a_reservation(near: Node, network: Network, tmp_path: Path, kind: str) -> None:
    with serves(kind, network, tmp_path):
        asked = near.ask(asks(mac="02:00:00:00:00:77", pool="10.77.0.77"))
        other = near.ask(asks(pool="10.77.0.77"))
    assert asked.verdict.passed, asked.verdict.rationale
    assert not other.verdict.passed


def test_a_server_that_pings_first(near: Node, network: Network, tmp_path: Path) -> None:
    """The default window is long enough for dnsmasq as it comes."""
    with dnsmasq(network, "mid", tmp_path, "--interface=eth0", RANGE):
        asked = near.ask(DhcpProbe(servers=["10.77.0.1"]))
    assert asked.verdict.passed, asked.verdict.rationale
    assert asked.took_s > 3


def test_through_a_relay(near: Node, network: Network, tmp_path: Path) -> None:
    pool = [*QUICK, "--dhcp-option=option:router,10.77.0.1"]
    relay = "--dhcp-relay=10.77.0.1,198.51.100.2"
    with (
        dnsmasq(network, "far", tmp_path, "--interface=eth0", *pool),
        dnsmasq(network, "mid", tmp_path, relay),
    ):
        expected = {"servers": ["198.51.100.2"], "giaddr": "10.77.0.1", "pool": POOL}
        for _ in range(2):  # ten addresses, and ten again after they were given back
            asked = near.ask(asks(clients=10, timeout_s=4.0, **expected))
            assert asked.verdict.passed, asked.verdict.rationale
            time.sleep(0.3)
        direct = near.ask(asks(giaddr="10.77.0.254"))
    assert direct.verdict.rationale.endswith("expected relay 10.77.0.254, not 10.77.0.1")


def test_a_second_server(near: Node, network: Network, tmp_path: Path) -> None:
    with (
        dnsmasq(network, "mid", tmp_path, "--interface=eth0", *QUICK, *OPTIONS),
        rogue(network, lambda question: [reply(question, "offer")]),
    ):
        asked = near.ask(asks(**HEALTHY))
        other = near.ask(asks(server="10.77.0.1", pool=POOL))
        third = near.ask(asks(server="10.77.0.3"))
    assert {offer.server for offer in asked.seen.clients[0].offers} == {"10.77.0.1", ROGUE}
    assert "expected offers from 10.77.0.1 alone" in asked.verdict.rationale
    assert other.verdict.passed, other.verdict.rationale
    assert third.seen.clients[0].outcome == "no-offer"
    assert len(third.seen.clients[0].offers) == 2
    assert not third.verdict.passed


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"pool": "10.77.0.50"}, None),
        ({"pool": "10.77.0.0/24", "excluded": ["10.77.0.1-10.77.0.49"]}, None),
        ({"pool": POOL}, f"an address of {POOL}, not 10.77.0.50"),
        ({"excluded": ["10.77.0.48/30"]}, "nothing of 10.77.0.48/30, not 10.77.0.50"),
        ({"router": "10.77.0.1"}, f"router 10.77.0.1, not {ROGUE}"),
        ({"dns_servers": []}, f"DNS servers none, not {ROGUE}"),
        ({"domain": "Rogue.Example."}, None),
        ({"domain": "corp.example"}, "domain corp.example, not rogue.example"),
        ({"lease_at_most_s": 600}, None),
        ({"lease_at_most_s": 599}, "a lease of 599 s at most, not 600"),
        ({"giaddr": "10.77.0.1"}, "relay 10.77.0.1, not none"),
        ({"servers": []}, "offers from nobody alone"),
        ({"expect": "none"}, "no offer"),
        ({"clients": 2}, "10.77.0.50 for one machine only"),
    ],
)
def test_expectations(
    near: Node, network: Network, fields: dict[str, object], expected: str | None
) -> None:
    with rogue(network, lambda question: [reply(question, "offer")]):
        asked = near.ask(asks(**fields))
    assert asked.verdict.passed is (expected is None), asked.verdict.rationale
    if expected:
        assert asked.verdict.rationale.endswith(f"expected {expected}")


Offer = Callable[[Ether], list[Ether | bytes]]
NOT_OURS: dict[str, Offer] = {
    "silent": lambda _: [],
    "wrong xid": lambda q: [reply(q, "offer", xid=q["BOOTP"].xid ^ 1)],
    "another machine": lambda q: [reply(q, "offer", chaddr=b"\x02\x00\x00\x00\x00\x01")],
    "a request": lambda q: [reply(q, "offer", op=1)],
    "cut off": lambda q: [bytes(reply(q, "offer"))[:150]],
    "no cookie": lambda q: [bytes(reply(q, "offer"))[:282].replace(b"\x63\x82\x53\x63", b"abcd")],
    "garbage": lambda q: [q["Ether"].src.encode()[:14] + b"\x08\x00" + b"\xff" * 400],
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_what_is_no_offer(near: Node, network: Network, name: str) -> None:
    with rogue(network, NOT_OURS[name]):
        asked = near.ask(asks(timeout_s=0.6, expect="none"))
        lease = near.ask(asks(timeout_s=0.6))
    assert asked.seen.clients[0].offers == []
    assert asked.verdict.passed
    assert "got no offer that could be taken" in lease.verdict.rationale
    assert not lease.verdict.passed


@pytest.mark.parametrize("change", [{"options": {"server_id": None}}, {"yiaddr": "0.0.0.0"}])
def test_an_offer_that_cannot_be_taken(
    near: Node, network: Network, change: dict[str, object]
) -> None:
    with rogue(network, lambda question: [reply(question, "offer", **change)]):
        asked = near.ask(asks(timeout_s=0.6, servers=[ROGUE]))
        none = near.ask(asks(timeout_s=0.6, expect="none"))
    assert asked.seen.clients[0].outcome == "no-offer"
    assert asked.verdict.rationale.endswith(f"offers from {ROGUE}; expected a lease")
    assert not none.verdict.passed


def test_offers_without_end(near: Node, network: Network) -> None:
    def flood(question: Ether) -> list[Ether]:
        return [reply(question, "offer", yiaddr=f"10.77.1.{n}") for n in range(40)]

    with rogue(network, flood):
        asked = near.ask(asks(timeout_s=3.0, window_s=2.5))
    assert len(asked.seen.clients[0].offers) == 16


def test_a_slow_second_offer_is_seen_within_the_window(near: Node, network: Network) -> None:
    def late(question: Ether) -> list[Ether]:
        time.sleep(0.5)
        return [reply(question, "offer", options={"server_id": "10.77.0.67"})]

    with (
        rogue(network, lambda question: [reply(question, "offer")]),
        rogue(network, late),
    ):
        quick = near.ask(asks(window_s=0.1))
        patient = near.ask(asks(window_s=1.0))
    assert {o.server for o in quick.seen.clients[0].offers} == {ROGUE}
    assert {o.server for o in patient.seen.clients[0].offers} == {ROGUE, "10.77.0.67"}


@pytest.mark.parametrize(("answer", "outcome"), [("nak", "nak"), (None, "no-answer")])
def test_an_offer_that_is_not_kept(
    near: Node, network: Network, monkeypatch: pytest.MonkeyPatch, answer: str, outcome: str
) -> None:
    def unkept(question: Ether, kind: str, **change: object) -> Ether | bytes:
        said = answer if kind == "ack" else kind
        return reply(question, said, **change) if said else b"\xff" * 60

    monkeypatch.setattr("tests.wire.dhcp_servers.reply", unkept)
    with rogue(network, lambda question: [reply(question, "offer")]):
        asked = near.ask(asks(timeout_s=1.0))
    assert asked.seen.clients[0].outcome == outcome
    assert not asked.verdict.passed


def test_options_that_spill_over(near: Node, network: Network) -> None:
    """A long option in two parts (RFC 3396), and more of them in ``file`` (option 52)."""

    def spilled(question: Ether) -> list[Ether]:
        domain = b"\x0f\x04corp\x0f\x08.example\xff"
        options = {"dhcp-option-overload": 1, "domain": None}
        return [reply(question, "offer", file=domain, options=options)]

    with rogue(network, spilled):
        asked = near.ask(asks())
    assert asked.seen.clients[0].offers[0].domain == "corp.example"


def test_a_server_cannot_write_to_the_terminal(near: Node, network: Network) -> None:
    with (
        rogue(network, lambda q: [reply(q, "offer", options={"domain": b"\x1b[2Jx"})]),
        contextlib.suppress(ProbeError),
    ):
        asked = near.ask(asks())
    assert asked.seen.clients[0].offers[0].domain == "\\x1b[2Jx"


def test_the_node_itself_is_left_alone(near: Node, network: Network, tmp_path: Path) -> None:
    """Its address stays, and nothing that the probe sends has its hardware address."""
    with (
        dnsmasq(network, "mid", tmp_path, "--interface=eth0", *QUICK),
        tap(network.netns("near"), "eth0") as frames,
    ):
        own = bytes(frames.getsockname()[4])
        near.ask(asks())
        sent = set()
        with contextlib.suppress(BlockingIOError):
            while True:
                frame = frames.recv(65535, 0x40)
                sent |= {frame[6:12]} if frame[36:38] == b"\x00\x43" else set()
    network.run("near", "ip -4 addr show dev eth0 to 10.77.0.2/32")
    assert sent
    assert own not in sent


def test_what_cannot_be_asked(near: Node, network: Network) -> None:
    missing = near.ask(asks(interface="eth7", expect="none"))
    network.run("near", "ip link set eth0 down")
    down = near.ask(asks(expect="none"))
    assert missing.seen.problem == "no-interface"
    assert down.seen.problem == "unreachable"
    assert not missing.verdict.passed
    assert not down.verdict.passed
    with pytest.raises(ProbeError, match="no hardware address"):
        near.ask(asks(mac="printer"))
    with pytest.raises(ValueError, match="clients: 2 is not between 1 and 1"):
        asks(mac="02:00:00:00:00:77", clients=2)
