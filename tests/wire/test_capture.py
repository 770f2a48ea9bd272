"""What crosses a cable while something is asked."""

from __future__ import annotations

import socket

import pytest

from lab_runner.errors import ProbeError
from lab_runner.models.probes import CaptureProbe, PingProbe
from lab_runner.switchboard.probes import load
from tests.wire.asking import Node, tap
from tests.wire.conftest import Network
from tests.wire.servers import tcp_server, until_closed

pytestmark = pytest.mark.root
PING = {"ping": {"to": "198.51.100.2", "timeout_s": 0.5}}


def catches(**fields: object) -> CaptureProbe:
    return CaptureProbe(**{"on": "uplink", "filter": "icmp", "during": PING} | fields)


def ask(near: Node, network: Network, probe: CaptureProbe) -> object:
    with tap(network.netns("mid"), "eth1") as frames:
        return near.ask(probe, {"uplink": frames}, within_s=2)


def test_matching_frames_and_all_frames_are_counted(near: Node, network: Network) -> None:
    present = ask(near, network, catches(at_least=2))
    absent = ask(near, network, catches(filter="tcp port 80", expect="absent"))
    few = ask(near, network, catches(at_least=50))
    assert present.seen.frames == 2
    assert present.seen.frames_seen >= 2
    assert present.seen.summaries[0].startswith("Ether / IP / ICMP 10.77.0.2 > 198.51.100.2")
    assert present.seen.during["evidence"]["received"] == 1
    assert present.seen.during["from"] == "desk"
    assert present.verdict.passed
    assert absent.seen.frames == 0
    assert absent.verdict.passed
    assert few.verdict.rationale.endswith("expected at least 50")


def test_what_must_not_cross_and_does(near: Node, network: Network) -> None:
    asked = ask(near, network, catches(filter="src host 10.77.0.2", expect="absent"))
    assert asked.seen.frames == 1
    assert asked.verdict.rationale.endswith("expected none")
    assert not asked.verdict.passed


def test_absence_on_a_dead_cable_proves_nothing(near: Node, network: Network) -> None:
    network.run("near", "ip link set eth0 down")
    asked = ask(near, network, catches(expect="absent"))
    assert asked.seen.frames == 0
    assert asked.seen.during["evidence"]["problem"] == "unreachable"
    assert "nothing of the ping question crossed uplink" in asked.verdict.rationale
    assert not asked.verdict.passed


def test_what_queued_up_before_is_not_counted(near: Node, network: Network) -> None:
    with tap(network.netns("mid"), "eth1") as frames:
        near.ask(PingProbe(to="198.51.100.2", count=3))
        asked = near.ask(catches(), {"uplink": frames}, within_s=2)
    assert asked.seen.frames == 2


def test_frames_that_were_lost_make_the_count_worthless(near: Node, network: Network) -> None:
    with tcp_server(
        lambda c: c.sendall(b"x" * 4_000_000), "198.51.100.2", network.netns("far")
    ) as port:
        during = {"tcp": {"to": "198.51.100.2", "port": port, "banner": "never", "timeout_s": 1.0}}
        with tap(network.netns("mid"), "eth1") as frames:
            frames.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
            with pytest.raises(ProbeError, match="more frames crossed than could be read"):
                near.ask(catches(during=during), {"uplink": frames}, within_s=3)


def test_a_nested_probe_that_finds_the_port_open(near: Node, network: Network) -> None:
    with tcp_server(until_closed, "198.51.100.2", network.netns("far")) as port:
        during = {"from": "desk", "tcp": {"to": "198.51.100.2", "port": port}}
        probe = catches(filter=f"tcp[tcpflags] & tcp-syn != 0 and port {port}", during=during)
        asked = ask(near, network, probe)
    assert asked.seen.frames == 2
    assert asked.seen.during["evidence"]["outcome"] == "open"
    assert asked.verdict.passed


@pytest.mark.parametrize(
    "fields",
    [
        {"filter": "no such word"},
        {"during": {}},
        {"during": {"command": {"argv": ["true"]}}},
        {"during": {"capture": {}}},
        {"during": {"ping": {"nonsense": 1}}},
        {"during": PING | {"from": "elsewhere"}},
        {"during": PING | {"tcp": {"to": "a", "port": 1}}},
    ],
)
def test_what_cannot_be_captured(near: Node, network: Network, fields: dict[str, object]) -> None:
    with pytest.raises(ProbeError):
        ask(near, network, catches(**fields))


def test_the_taps_of_a_nested_probe_are_opened_too() -> None:
    during = {"nat": {"to": "www", "at": "www"}}
    assert load("capture").taps(catches(during=during)) == ["uplink", "www"]
