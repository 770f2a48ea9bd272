"""UDP servers that answer, refuse, or let one wait."""

from __future__ import annotations

import pytest

from lab_runner.models.probes import UdpProbe
from tests.wire.asking import Node
from tests.wire.conftest import Network
from tests.wire.servers import udp_server


def sends(port: int, **fields: object) -> UdpProbe:
    return UdpProbe(**{"to": "127.0.0.1", "port": port, "send": "hello", "timeout_s": 0.4} | fields)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_answer(node: Node, host: str) -> None:
    with udp_server(lambda d: [b"you said " + d], host) as port:
        right = node.ask(sends(port, to=host, answer="said hello$"))
        wrong = node.ask(sends(port, to=host, answer="goodbye"))
    assert right.seen.outcome == "answer"
    assert right.verdict.passed
    assert 'answered "you said hello"' in wrong.verdict.rationale
    assert not wrong.verdict.passed


def test_a_closed_port(node: Node) -> None:
    with udp_server(lambda _: []) as port:
        pass
    refused = node.ask(sends(port, expect="refused", timeout_s=9.0), within_s=0.1)
    assert refused.seen.outcome == "refused"
    assert refused.seen.detail == "ICMP 3/3 from 127.0.0.1"
    assert refused.verdict.passed
    assert node.ask(sends(port, expect="blocked")).verdict.passed
    assert not node.ask(sends(port)).verdict.passed


def test_silence(node: Node) -> None:
    with udp_server(lambda _: []) as port:
        asked = node.ask(sends(port, expect="silent"))
        red = node.ask(sends(port))
    assert asked.seen.outcome == "timeout"
    assert asked.verdict.passed
    assert red.verdict.rationale.endswith("no answer in time; expected an answer")


def test_an_answer_from_another_address_is_none(node: Node) -> None:
    with udp_server(lambda d: [d], answer_from="127.0.0.9") as port:
        asked = node.ask(sends(port))
    assert asked.seen.outcome == "timeout"
    assert not asked.verdict.passed


def test_an_answer_cannot_write_to_the_terminal(node: Node) -> None:
    with udp_server(lambda _: [b"\x1b]0;title\x07" * 4000]) as port:
        asked = node.ask(sends(port))
    assert "\x1b" not in asked.seen.answer
    assert asked.verdict.rationale.isprintable()


@pytest.mark.root
def test_a_prohibition_on_the_way_and_one_at_home(near: Node, network: Network) -> None:
    network.nft(
        "mid",
        """table ip f { chain c { type filter hook forward priority 0;
        udp dport 82 reject with icmp type admin-prohibited; }; }""",
    )
    network.nft(
        "near",
        "table ip f { chain c { type filter hook output priority 0; udp dport 83 drop; }; }",
    )
    away = near.ask(sends(82, to="198.51.100.2", expect="blocked"))
    home = near.ask(sends(83, to="198.51.100.2", expect="blocked"))
    assert (away.seen.outcome, away.seen.detail) == ("unreachable", "ICMP 3/13 from 10.77.0.1")
    assert home.seen.outcome == "unreachable"
    assert away.verdict.passed
    assert home.verdict.passed
