"""Machines that answer for an address: one, two, none, and ones that answer nonsense."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Iterator

import pytest

from lab_runner.errors import ProbeError
from lab_runner.models.probes import ArpProbe
from tests.wire.asking import Node, tap
from tests.wire.conftest import Network
from tests.wire.servers import frame_server

pytestmark = pytest.mark.root
#: Nobody's address: whoever answers for it is a server of these tests.
FREE = "10.77.0.99"
LIAR = bytes.fromhex("02aaaaaaaaaa")


def asks(**fields: object) -> ArpProbe:
    return ArpProbe(**{"to": "10.77.0.1", "timeout_s": 0.4} | fields)


def mac_of(network: Network, name: str, device: str) -> str:
    with tap(network.netns(name), device) as opened:
        return bytes(opened.getsockname()[4]).hex(":")


def second_machine(network: Network) -> None:
    """Another kernel on near's link that has the address 10.77.0.1 too."""
    network.run("mid", "ip link add second link eth0 type macvlan mode bridge")
    network.run("mid", f"ip link set second netns {network.tag}far")
    network.run("far", "ip addr add 10.77.0.1/24 dev second")
    network.run("far", "ip link set second up")


def reply(request: bytes, mac: bytes = LIAR, address: str = FREE, op: int = 2) -> bytes:
    """What a machine with that MAC says to a request."""
    asker, sender = request[22:28], request[28:32]
    kind = bytes.fromhex("000108000604") + op.to_bytes(2, "big")
    body = kind + mac + socket.inet_aton(address) + asker + sender
    return asker + mac + b"\x08\x06" + body


def answered_by(
    network: Network, near: Node, machine: Callable[[bytes], Iterable[bytes]], **fields: object
) -> object:
    with frame_server(machine, network.netns("mid"), "eth0", 0x0806):
        return near.ask(asks(to=FREE, **fields))


@pytest.mark.parametrize("probe", [False, True])
def test_one_machine(near: Node, network: Network, probe: bool) -> None:
    mac = mac_of(network, "mid", "eth0")
    asked = near.ask(asks(probe=probe, mac=mac.upper()))
    assert asked.seen.interface == "eth0"
    assert [(m.mac, m.replies) for m in asked.seen.machines] == [(mac, 3)]
    assert asked.verdict.passed
    assert f"answers from {mac} (3 times)" in asked.verdict.rationale
    assert not near.ask(asks(probe=probe, answers=0)).verdict.passed
    assert not near.ask(asks(probe=probe, mac="02:00:00:00:00:01")).verdict.passed


def test_nobody(near: Node) -> None:
    none = near.ask(asks(to=FREE, answers=0))
    assert none.seen.sent == 3
    assert none.verdict.passed
    one = near.ask(asks(to=FREE))
    assert one.verdict.rationale.endswith("answers from nobody; expected one machine")


def test_a_duplicate_address(near: Node, network: Network) -> None:
    second_machine(network)
    macs = sorted([mac_of(network, "mid", "eth0"), mac_of(network, "far", "second")])
    asked = near.ask(asks(probe=True))
    assert [m.mac for m in asked.seen.machines] == macs
    assert not asked.verdict.passed
    assert near.ask(asks(answers=2)).verdict.passed


def test_what_is_on_the_wire(near: Node, network: Network) -> None:
    """The sender's address is the node's own, or none at all (RFC 5227 section 2.1.1)."""
    requests: list[bytes] = []
    mac = bytes.fromhex(mac_of(network, "near", "eth0").replace(":", ""))

    def note(frame: bytes) -> list[bytes]:
        requests.append(frame)
        return []

    answered_by(network, near, note, count=1)
    answered_by(network, near, note, count=1, probe=True)
    own, probe = requests
    assert own[:14] == b"\xff" * 6 + mac + b"\x08\x06"
    assert own[28:42] == socket.inet_aton("10.77.0.2") + bytes(6) + socket.inet_aton(FREE)
    assert probe[28:42] == bytes(10) + socket.inet_aton(FREE)
    assert probe[22:28] == mac


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: [reply(request, address="10.77.0.98")],
        lambda request: [reply(request, op=1)],
        lambda request: [reply(request)[:30]],
        lambda request: [request[6:12] + LIAR + b"\x08\x06" + b"\xff" * 46],
    ],
    ids=["another address", "a request", "cut off", "garbage"],
)
def test_what_is_no_answer(
    near: Node, network: Network, answer: Callable[[bytes], list[bytes]]
) -> None:
    asked = answered_by(network, near, answer, answers=0)
    assert asked.seen.machines == []
    assert asked.verdict.passed


def test_a_slow_machine_is_heard_and_one_that_is_too_slow_is_not(
    near: Node, network: Network
) -> None:
    def slow(request: bytes) -> Iterator[bytes]:
        time.sleep(0.5)
        yield reply(request)

    assert answered_by(network, near, slow, timeout_s=1.0, count=1).verdict.passed
    assert not answered_by(network, near, slow, timeout_s=0.2, count=1).verdict.passed


def test_endless_replies_of_ever_new_machines(near: Node, network: Network) -> None:
    def flood(request: bytes) -> Iterator[bytes]:
        for number in range(100_000):
            yield reply(request, mac=b"\x02\xbb" + number.to_bytes(4, "big"))

    asked = answered_by(network, near, flood, count=1)
    assert len(asked.seen.machines) == 16
    assert not asked.verdict.passed


def test_where_it_cannot_be_asked_absence_proves_nothing(near: Node, network: Network) -> None:
    own = near.ask(asks(to="10.77.0.2", answers=0))
    behind = near.ask(asks(to="198.51.100.2", answers=0))
    missing = near.ask(asks(interface="eth7", answers=0))
    unknown = near.ask(asks(to="nobody", answers=0))
    network.run("near", "ip route del default")
    nowhere = near.ask(asks(to="198.51.100.2", answers=0))
    network.run("near", "ip link set eth0 down")
    down = near.ask(asks(interface="eth0", answers=0))
    assert own.seen.problem == "own-address"
    assert behind.seen.problem == "behind 10.77.0.1"
    assert missing.seen.problem == "no-interface"
    assert unknown.seen.problem == "unresolved"
    assert (nowhere.seen.problem, down.seen.problem) == ("unreachable", "unreachable")
    for asked in (own, behind, missing, unknown, nowhere, down):
        assert not asked.verdict.passed
    assert "not on this link but behind 10.77.0.1" in behind.verdict.rationale


def test_the_nodes_own_address_is_asked_for_on_an_interface(near: Node, network: Network) -> None:
    """Nobody else may have it; the node itself does not hear its own question."""
    assert near.ask(asks(to="10.77.0.2", interface="eth0", answers=0)).verdict.passed


def test_without_an_address_of_its_own(near: Node, network: Network) -> None:
    network.run("near", "ip addr flush dev eth0")
    asked = near.ask(asks(interface="eth0"))
    assert asked.verdict.passed


def test_what_cannot_be_asked_at_all(near: Node) -> None:
    with pytest.raises(ProbeError, match="ARP is for IPv4"):
        near.ask(asks(to="fd77::1"))
    with pytest.raises(ValueError, match="count: 0 is not between 1 and 20"):
        asks(count=0)
