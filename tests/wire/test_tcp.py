"""TCP servers that misbehave."""

from __future__ import annotations

import pytest

from lab_runner.errors import ProbeError
from lab_runner.models.probes import TcpProbe
from tests.wire.asking import Node
from tests.wire.conftest import Network
from tests.wire.servers import drip, pour, reset, tcp_server, until_closed


def dials(port: int, **fields: object) -> TcpProbe:
    return TcpProbe(**{"to": "127.0.0.1", "port": port, "timeout_s": 0.5} | fields)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_open_port(node: Node, host: str) -> None:
    with tcp_server(until_closed, host) as port:
        asked = node.ask(dials(port, to=host))
    assert asked.seen.outcome == "open"
    assert asked.seen.banner is None
    assert asked.verdict.passed


def test_a_closed_port(node: Node) -> None:
    with tcp_server(until_closed) as port:
        pass
    for expect, passed in {
        "refused": True,
        "blocked": True,
        "open": False,
        "silent": False,
    }.items():
        asked = node.ask(dials(port, expect=expect, timeout_s=9.0), within_s=0.1)
        assert asked.seen.outcome == "refused"
        assert asked.verdict.passed is passed
    assert "refused; expected silent" in asked.verdict.rationale


def test_a_banner_is_read(node: Node) -> None:
    with tcp_server(lambda c: c.sendall(b"220 mail.lab.test ESMTP\r\n")) as port:
        right = node.ask(dials(port, banner=r"^220 .*ESMTP$"))
        wrong = node.ask(dials(port, banner="^SSH-"))
    assert right.seen.banner == "220 mail.lab.test ESMTP\n"
    assert right.verdict.passed
    assert wrong.verdict.rationale.endswith("expected to hear /^SSH-/")


def test_a_reply_to_what_is_sent(node: Node) -> None:
    with tcp_server(lambda c: c.sendall(b"you said " + c.recv(100))) as port:
        asked = node.ask(dials(port, send="hello", banner="you said hello"))
    assert asked.verdict.passed


@pytest.mark.parametrize("word", ["open", "blocked"])
def test_a_half_open_server_is_open_but_silent(node: Node, word: str) -> None:
    with tcp_server(until_closed) as port:
        asked = node.ask(dials(port, banner="^220", expect=word))
    assert asked.seen.outcome == "open"
    assert asked.seen.detail == "timeout"
    assert asked.seen.banner == ""
    assert not asked.verdict.passed


def test_a_banner_byte_by_byte_ends_with_the_time(node: Node) -> None:
    with tcp_server(lambda c: drip(c, b"a" * 400)) as port:
        asked = node.ask(dials(port, banner="^220"))
    assert 0 < len(asked.seen.banner) < 400
    assert not asked.verdict.passed


def test_a_banner_without_end_is_cut(node: Node) -> None:
    with tcp_server(pour) as port:
        asked = node.ask(dials(port, banner="^220", timeout_s=3.0))
    assert len(asked.seen.banner) == 64 * 1024
    assert not asked.verdict.passed


def test_a_reset_after_the_handshake(node: Node) -> None:
    with tcp_server(reset) as port:
        asked = node.ask(dials(port, banner="^220"))
    assert asked.seen.outcome == "open"
    assert not asked.verdict.passed


def test_a_banner_cannot_write_to_the_terminal(node: Node) -> None:
    with tcp_server(lambda c: c.sendall(b"220 \x1b[2J\x9b31m\x07\xe2\x80\xae ok\n")) as port:
        asked = node.ask(dials(port, banner="^220"))
    assert asked.seen.banner == "220 \\x1b[2J\N{REPLACEMENT CHARACTER}31m\\x07\\u202e ok\n"
    assert asked.verdict.rationale.isprintable()


def test_an_authors_broken_pattern_is_nobodys_fault_on_the_network(node: Node) -> None:
    with tcp_server(until_closed) as port, pytest.raises(ProbeError, match="regular expression"):
        node.ask(dials(port, banner="("))


@pytest.mark.root
def test_silence_prohibition_and_no_route(near: Node, network: Network) -> None:
    network.nft(
        "mid",
        """table ip f { chain c { type filter hook forward priority 0;
        tcp dport 81 drop
        tcp dport 82 reject with icmp type admin-prohibited
        tcp dport 83 reject with icmp type port-unreachable; }; }""",
    )
    silent = near.ask(dials(81, to="198.51.100.2", expect="silent"))
    prohibited = near.ask(dials(82, to="198.51.100.2", expect="blocked"))
    unreachable = near.ask(dials(83, to="198.51.100.2", expect="refused"))
    network.run("near", "ip route del default")
    nowhere = near.ask(dials(80, to="198.51.100.2", expect="blocked"))
    assert silent.seen.outcome == "timeout"
    assert prohibited.seen.outcome == "unreachable"
    assert prohibited.seen.detail == "ICMP 3/13 from 10.77.0.1"
    assert unreachable.seen.outcome == "refused"
    assert unreachable.seen.detail == "ICMP 3/3 from 10.77.0.1"
    assert nowhere.seen.outcome == "unreachable"
    assert nowhere.seen.detail == "Network is unreachable"
    assert all(a.verdict.passed for a in (silent, prohibited, unreachable, nowhere))


@pytest.mark.root
def test_prohibition_over_ipv6(near: Node, network: Network) -> None:
    network.nft(
        "mid",
        """table ip6 f { chain c { type filter hook forward priority 0;
        tcp dport 82 reject with icmpv6 type admin-prohibited; }; }""",
    )
    asked = near.ask(dials(82, to="fd78::2", expect="blocked"))
    assert asked.seen.detail == "ICMP 1/1 from fd77::1"
    assert asked.verdict.passed
