"""Which source the far end sees, with and without translation on the way."""

from __future__ import annotations

import pytest

from lab_runner.errors import ProbeError
from lab_runner.models.probes import NatProbe
from tests.wire.asking import Node, tap
from tests.wire.conftest import Network
from tests.wire.servers import tcp_server, udp_server, until_closed

pytestmark = pytest.mark.root
MASQUERADE = """table ip n { chain c { type nat hook postrouting priority srcnat;
    oifname "eth1" masquerade; }; }"""


def crosses(port: int, **fields: object) -> NatProbe:
    return NatProbe(**{"to": "198.51.100.2", "at": "far", "port": port, "timeout_s": 0.7} | fields)


def ask(near: Node, network: Network, probe: NatProbe) -> object:
    with tap(network.netns("mid"), "eth1") as frames:
        return near.ask(probe, {"far:eth0": frames})


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize(("rules", "source"), [("", "10.77.0.2"), (MASQUERADE, "198.51.100.1")])
def test_the_source_that_is_seen(
    near: Node, network: Network, protocol: str, rules: str, source: str
) -> None:
    network.nft("mid", rules)
    far = network.netns("far")
    with (
        tcp_server(until_closed, "198.51.100.2", far) as port,
        udp_server(lambda _: [], "198.51.100.2", far, port),
    ):
        probe = crosses(port, protocol=protocol, observed_source=["198.51.100.1"])
        asked = ask(near, network, probe)
    assert asked.seen.observed_source == source
    assert asked.seen.observed_destination == "198.51.100.2"
    assert asked.seen.observed_port > 0
    assert asked.verdict.passed is (source == "198.51.100.1")
    assert f"far sees it come from {source}" in asked.verdict.rationale


def test_over_ipv6(near: Node, network: Network) -> None:
    with tcp_server(until_closed, "fd78::2", network.netns("far")) as port:
        asked = ask(near, network, crosses(port, to="fd78::2", observed_source=["fd77::2"]))
    assert asked.verdict.passed


def test_a_closed_port_and_a_drop_are_seen_by_nobody(near: Node, network: Network) -> None:
    closed = ask(near, network, crosses(9, observed_source=["198.51.100.1"]))
    network.nft(
        "mid",
        "table ip f { chain c { type filter hook forward priority 0; udp dport 9 drop; }; }",
    )
    dropped = ask(near, network, crosses(9, protocol="udp"))
    assert (closed.seen.outcome, closed.seen.observed_source) == ("refused", None)
    assert (dropped.seen.outcome, dropped.seen.observed_source) == ("sent", None)
    assert "nothing of it was seen at far (refused)" in closed.verdict.rationale
    assert not closed.verdict.passed
    assert not dropped.verdict.passed


def test_without_a_tap_nothing_can_be_said(near: Node) -> None:
    with pytest.raises(ProbeError, match="no tap"):
        near.ask(crosses(9))
