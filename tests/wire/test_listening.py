"""Sockets that listen in the node's namespace, and none of ours."""

from __future__ import annotations

import pytest

from lab_runner.models.probes import ListeningProbe
from tests.wire.asking import Node
from tests.wire.conftest import Network
from tests.wire.servers import tcp_server, udp_server, until_closed


@pytest.mark.parametrize(
    ("host", "asked_for", "passed"),
    [
        ("127.0.0.1", None, True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("0.0.0.0", "127.0.0.2", True),
        ("::1", "::1", True),
        ("::", "127.0.0.1", True),
    ],
)
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_an_address_that_is_covered(
    node: Node, protocol: str, host: str, asked_for: str | None, passed: bool
) -> None:
    server = tcp_server(until_closed, host) if protocol == "tcp" else udp_server(lambda _: [], host)
    with server as port:
        asked = node.ask(ListeningProbe(port=port, protocol=protocol, address=asked_for))
    assert asked.seen.addresses == [host]
    assert asked.verdict.passed is passed


def test_nothing_listens(node: Node) -> None:
    with tcp_server(until_closed) as port:
        udp = node.ask(ListeningProbe(port=port, protocol="udp", expect="closed"))
        tcp = node.ask(ListeningProbe(port=port, expect="closed"))
    after = node.ask(ListeningProbe(port=port))
    assert udp.verdict.passed
    assert not tcp.verdict.passed
    assert after.seen.addresses == []
    assert after.verdict.rationale.endswith("of no address; expected something to listen")


@pytest.mark.root
def test_only_the_nodes_namespace_counts(near: Node, network: Network) -> None:
    with tcp_server(until_closed) as port:
        assert not near.ask(ListeningProbe(port=port)).verdict.passed
    with tcp_server(until_closed, "10.77.0.2", near.netns) as port:
        assert near.ask(ListeningProbe(port=port, address="10.77.0.2")).verdict.passed
