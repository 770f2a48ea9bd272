"""Many flows: to servers that stand them, that limit, stall and lie, and through full NATs."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable

import pytest

from lab_runner.checker.judge import judge
from lab_runner.models.probes import LoadProbe
from tests.wire.asking import Node
from tests.wire.conftest import Network
from tests.wire.servers import drip, pour, reset, tcp_server, until_closed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def loads(port: int, **fields: object) -> LoadProbe:
    return LoadProbe(**{"to": "127.0.0.1", "port": port, "flows": 20, "timeout_s": 0.8} | fields)


def served(conn: socket.socket, answer: bytes = OK) -> None:
    conn.recv(65536)
    conn.sendall(answer)
    until_closed(conn)


def outcomes(asked: object) -> dict[str, int]:
    return {one.outcome: one.flows for one in asked.seen.outcomes}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_together_all_are_open_at_once(node: Node, host: str) -> None:
    with tcp_server(until_closed, host) as port:
        asked = node.ask(loads(port, to=host))
    assert outcomes(asked) == {"open": 20}
    assert asked.seen.open_at_once == 20
    assert asked.verdict.passed
    assert ", 20 flows: 20 opened (p95 " in asked.verdict.rationale


def test_in_a_row_one_is_open_at_a_time(node: Node) -> None:
    with tcp_server(until_closed) as port:
        asked = node.ask(loads(port, together=False))
    assert outcomes(asked) == {"open": 20}
    assert asked.seen.open_at_once == 1


@pytest.mark.parametrize("together", [True, False])
def test_requests(node: Node, together: bool) -> None:
    heard: list[bytes] = []

    def note(conn: socket.socket) -> None:
        heard.append(conn.recv(65536))
        conn.sendall(OK)

    with tcp_server(note) as port:
        probe = loads(port, protocol="http", path="/x", host="web.test", together=together)
        asked = node.ask(probe)
    assert outcomes(asked) == {"200": 20}
    assert asked.verdict.passed
    assert heard[0] == b"GET /x HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n"
    assert len(heard) == 20


def test_the_rate_is_kept(node: Node) -> None:
    with tcp_server(until_closed) as port:
        asked = node.ask(loads(port, flows=11, per_second=10), within_s=2)
    assert 900 < asked.seen.duration_ms < 2500
    assert asked.verdict.passed


def test_a_server_that_refuses_some(node: Node) -> None:
    turns = itertools.count()

    def half(conn: socket.socket) -> None:
        served(conn, OK if next(turns) % 2 else OK.replace(b"200", b"503"))

    with tcp_server(half) as port:
        asked = node.ask(loads(port, protocol="http", at_least=0.5))
    assert outcomes(asked) == {"200": 10, "503": 10}
    assert asked.verdict.passed
    with tcp_server(half) as port:
        red = node.ask(loads(port, protocol="http", at_least=0.6))
        both = node.ask(loads(port, protocol="http", status=[200, 503]))
    assert red.verdict.rationale.endswith("expected 60% at least to succeed")
    assert both.verdict.passed


Handler = Callable[[socket.socket], None]
MISBEHAVING: dict[str, tuple[Handler, str]] = {
    "silent": (until_closed, "timeout"),
    "reset": (lambda c: (c.recv(9), reset(c)), "reset"),  # type: ignore[dict-item,return-value]
    "closing": (lambda c: c.recv(65536) and None, "closed"),
    "cut off": (lambda c: c.recv(65536) and c.sendall(b"HTTP/1.1 200 OK\r\nX"), "broken"),
    "garbage": (lambda c: served(c, b"SSH-2.0-x\r\n\r\n"), "broken"),
    "endless header": (lambda c: pour(c, b"HTTP/1.1 200 OK\r\nX: "), "broken"),
    "byte by byte": (lambda c: drip(c, OK), "timeout"),
}


@pytest.mark.parametrize("name", MISBEHAVING)
def test_what_is_no_success(node: Node, name: str) -> None:
    handler, outcome = MISBEHAVING[name]
    with tcp_server(handler) as port:
        asked = node.ask(loads(port, protocol="http", flows=3, at_least=0.1))
    assert outcomes(asked) == {outcome: 3}
    assert not asked.verdict.passed


def test_a_closed_port_and_an_unknown_name(node: Node) -> None:
    with tcp_server(until_closed) as port:
        pass
    closed = node.ask(loads(port, at_most=0.5))
    unknown = node.ask(loads(port, to="nobody", at_most=0.5))
    assert outcomes(closed) == {"refused": 20}
    assert closed.verdict.rationale.endswith("expected one at least to succeed")
    assert outcomes(unknown) == {"unresolved": 20}
    assert not unknown.verdict.passed


def test_a_slow_server_is_too_slow_for_some(node: Node) -> None:
    turns = itertools.count()

    def slow(conn: socket.socket) -> None:
        conn.recv(65536)
        time.sleep(0.4 if next(turns) >= 15 else 0)
        conn.sendall(OK)

    with tcp_server(slow) as port:
        asked = node.ask(loads(port, protocol="http", max_ms=200))
    row = asked.seen.outcomes[0]
    assert row.median_ms < 350
    assert 400 <= row.p95_ms <= row.slowest_ms
    assert asked.verdict.rationale.endswith("expected 95 of 100 in 200 ms at most")


def test_what_there_was_no_time_for_is_not_counted_as_tried(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab_runner.switchboard.probes.flows._LONGEST_S", 0.5)
    with tcp_server(until_closed) as port:
        asked = node.ask(loads(port, per_second=10, at_most=0.9, at_least=0.1))
    assert outcomes(asked)["not-tried"] > 10
    assert asked.verdict.rationale.endswith("expected 90% at most to succeed")


@pytest.mark.root
def test_a_limit_on_connections_is_seen_only_together(near: Node, network: Network) -> None:
    network.nft(
        "far",
        """table ip f { set s { type ipv4_addr; size 64; flags dynamic; };
        chain c { type filter hook input priority 0;
        tcp dport 81 ct state new add @s { ip saddr ct count over 4 } drop; }; }""",
    )
    with tcp_server(until_closed, "198.51.100.2", network.netns("far"), 81):
        probe = loads(81, to="198.51.100.2", flows=6, per_second=5, together=False)
        single = near.ask(probe, within_s=3)
    network.run("far", "nft flush set ip f s")
    with tcp_server(until_closed, "198.51.100.2", network.netns("far"), 81):
        together = near.ask(loads(81, to="198.51.100.2"))
    assert single.verdict.passed, single.verdict.rationale
    assert outcomes(together) == {"timeout": 16, "open": 4}
    assert not together.verdict.passed
    for most, holds in {0.3: True, 0.1: False}.items():
        limit = loads(81, to="198.51.100.2", at_most=most)
        assert judge(limit, together.seen, vantage="desk").passed is holds


@pytest.mark.root
def test_a_translation_that_runs_out_of_ports(near: Node, network: Network) -> None:
    network.nft(
        "mid",
        """table ip n { chain c { type nat hook postrouting priority srcnat;
        oifname "eth1" meta l4proto tcp snat to 198.51.100.1:40000-40015; }; }""",
    )
    with tcp_server(until_closed, "198.51.100.2", network.netns("far")) as port:
        asked = near.ask(loads(port, to="198.51.100.2", flows=40))
    assert outcomes(asked)["open"] == 16
    assert not asked.verdict.passed


@pytest.mark.root
def test_three_hundred(near: Node, network: Network) -> None:
    ended = threading.Event()
    with tcp_server(lambda _: ended.wait(6), "198.51.100.2", network.netns("far")) as port:  # type: ignore[arg-type,return-value]
        asked = near.ask(
            loads(port, to="198.51.100.2", flows=300, per_second=200, timeout_s=3.0), within_s=5
        )
        ended.set()
    assert outcomes(asked) == {"open": 300}
    assert asked.seen.open_at_once == 300


@pytest.mark.root
def test_a_prohibition_and_no_route(near: Node, network: Network) -> None:
    network.nft(
        "mid",
        """table ip f { chain c { type filter hook forward priority 0;
        tcp dport 82 reject with icmp type admin-prohibited; }; }""",
    )
    prohibited = near.ask(loads(82, to="198.51.100.2", flows=3))
    network.run("near", "ip route del default")
    nowhere = near.ask(loads(82, to="198.51.100.2", flows=3))
    assert outcomes(prohibited) == outcomes(nowhere) == {"unreachable": 3}


@pytest.mark.parametrize("fields", [{"flows": 301}, {"flows": 0}, {"per_second": 1000}])
def test_bounds(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="is not between"):
        loads(80, **fields)
