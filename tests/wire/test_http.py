"""HTTP servers that misbehave."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lab_runner.errors import ProbeError
from lab_runner.models.probes import HttpProbe
from tests.wire.asking import Node
from tests.wire.certificates import Authority, over_tls
from tests.wire.servers import drip, pour, reset, tcp_server, until_closed

STORE = "/etc/ssl/certs/ca-certificates.crt"
PAGE = b"HTTP/1.1 200 OK\r\nServer: lab\r\nContent-Length: 8\r\n\r\nintranet"


def says(data: bytes) -> object:
    """A handler that reads the request's head and answers with these bytes."""

    def handle(conn: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head and (piece := conn.recv(4096)):
            head += piece
        conn.sendall(data)

    return handle


def fetches(port: int, **fields: object) -> HttpProbe:
    return HttpProbe(**{"url": f"http://127.0.0.1:{port}/", "timeout_s": 0.6} | fields)


def test_a_page(node: Node) -> None:
    with tcp_server(says(PAGE)) as port:
        asked = node.ask(fetches(port, body="^intra", response_headers={"server": "^lab$"}))
    assert asked.seen.outcome == "response"
    assert asked.seen.status == 200
    assert asked.seen.headers["Server"] == "lab"
    assert asked.seen.body == "intranet"
    assert asked.verdict.passed
    assert "status 200 in" in asked.verdict.rationale


def test_a_page_over_ipv6(node: Node) -> None:
    with tcp_server(says(PAGE), "::1") as port:
        by_number = node.ask(fetches(port, url=f"http://[::1]:{port}/", body="intranet"))
        by_address = node.ask(fetches(port, url=f"http://intranet.test:{port}/", address="::1"))
        not_there = node.ask(fetches(port))
    assert by_number.verdict.passed
    assert by_address.verdict.passed
    assert not not_there.verdict.passed


def test_a_secure_page_over_ipv6(node: Node, tmp_path: Path) -> None:
    authority = Authority.new()
    node.write(STORE, authority.pem)
    server = over_tls(authority.server(tmp_path, "intranet.test"), says(PAGE))
    with tcp_server(server, "::1") as port:
        asked = node.ask(fetches(port, url=f"https://intranet.test:{port}/", address="::1"))
    assert asked.verdict.passed
    assert asked.seen.tls.verified


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": [204, 301]}, "expected status 204 or 301"),
        ({"body": "shop"}, 'expected a body with /shop/, not "intranet"'),
        ({"response_headers": {"Server": "nginx"}}, 'Server: /nginx/, not "lab"'),
        ({"response_headers": {"X-Cache": "HIT"}}, "X-Cache: /HIT/, not nothing"),
        ({"max_ms": 0.001}, "expected at most 0.001 ms"),
        ({"expect": "blocked"}, "expected no response at all"),
    ],
)
def test_each_expectation_that_a_page_does_not_meet(
    node: Node, fields: dict[str, object], expected: str
) -> None:
    with tcp_server(says(PAGE)) as port:
        asked = node.ask(fetches(port, **fields))
    assert not asked.verdict.passed
    assert expected in asked.verdict.rationale


def test_the_request_is_what_the_author_wrote(node: Node) -> None:
    heard = []

    def handle(conn: socket.socket) -> None:
        heard.append(conn.recv(4096))
        conn.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with tcp_server(handle) as port:
        probe = HttpProbe(
            url=f"http://shop.lab.test:{port}/a?b=c",
            address="127.0.0.1",
            method="HEAD",
            headers={"X-Token": "t"},
            status=[204],
        )
        asked = node.ask(probe)
    assert heard[0].startswith(b"HEAD /a?b=c HTTP/1.1\r\n")
    assert f"Host: shop.lab.test:{port}\r\n".encode() in heard[0]
    assert b"X-Token: t\r\n" in heard[0]
    assert asked.verdict.passed


def test_a_redirection_is_not_followed(node: Node) -> None:
    with tcp_server(says(b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n\r\n")) as port:
        asked = node.ask(fetches(port, status=[301], response_headers={"Location": ":1/$"}))
    assert asked.verdict.passed


def test_chunks(node: Node) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nintra\r\n"
    with tcp_server(says(chunked + b"3\r\nnet\r\n0\r\n\r\n")) as port:
        whole = node.ask(fetches(port, body="^intranet$"))
    with tcp_server(says(chunked)) as port:
        cut = node.ask(fetches(port))
    assert whole.verdict.passed
    assert cut.seen.outcome == "broken"
    assert not cut.verdict.passed


def test_a_body_that_is_cut_off(node: Node) -> None:
    with tcp_server(says(PAGE.replace(b"Length: 8", b"Length: 800"))) as port:
        asked = node.ask(fetches(port))
    assert (asked.seen.outcome, asked.seen.detail) == ("broken", "the body stopped after 8 bytes")
    assert "status 200, then broken off" in asked.verdict.rationale
    assert not asked.verdict.passed


def test_a_body_without_end_is_cut_at_64_kib(node: Node) -> None:
    with tcp_server(lambda c: pour(c, b"HTTP/1.1 200 OK\r\n\r\n")) as port:
        asked = node.ask(fetches(port, timeout_s=3.0))
    assert len(asked.seen.body) == 64 * 1024
    assert asked.verdict.passed


def test_a_head_without_end(node: Node) -> None:
    with tcp_server(lambda c: pour(c, b"HTTP/1.1 200 OK\r\nX-Long: ")) as port:
        asked = node.ask(fetches(port, timeout_s=3.0))
    assert asked.seen.outcome == "broken"
    assert not asked.verdict.passed


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"])
def test_byte_by_byte_ends_with_the_time(node: Node, head: bytes) -> None:
    def handle(conn: socket.socket) -> None:
        conn.sendall(head)
        drip(conn, (PAGE * 20)[len(head) :])

    with tcp_server(handle) as port:
        asked = node.ask(fetches(port))
    assert asked.seen.outcome == "timeout"
    assert not asked.verdict.passed


def test_endless_interim_responses(node: Node) -> None:
    with tcp_server(lambda c: pour(c, b"HTTP/1.1 100 Continue\r\n\r\n" * 50000)) as port:
        asked = node.ask(fetches(port, timeout_s=2.0))
    assert asked.seen.outcome in {"broken", "timeout"}
    assert not asked.verdict.passed


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [
        (lambda c: c.sendall(b"SSH-2.0-OpenSSH_10.0\r\n"), "broken"),
        (lambda c: c.sendall(b"HTTP/1.1 what\r\n\r\n"), "broken"),
        (lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nno colon here\r\n"), "broken"),
        (lambda c: c.close(), "broken"),
        (reset, "broken"),
        (until_closed, "timeout"),
    ],
)
def test_what_is_no_http(node: Node, handler: object, outcome: str) -> None:
    with tcp_server(handler) as port:
        asked = node.ask(fetches(port))
    assert asked.seen.outcome in {outcome, "response"}
    assert asked.verdict.passed is (asked.seen.outcome == "response")


def test_no_connection_is_blocked(node: Node) -> None:
    with tcp_server(until_closed) as port:
        pass
    blocked = node.ask(fetches(port, expect="blocked"))
    assert blocked.seen.outcome == "refused"
    assert blocked.verdict.passed
    unknown = node.ask(fetches(port, url="http://nobody.lab.test/", expect="blocked"))
    assert unknown.seen.outcome == "unresolved"
    assert not unknown.verdict.passed


def test_escapes_in_a_page_are_shown_and_not_sent_on(node: Node) -> None:
    page = b"HTTP/1.1 200 OK\r\nServer: \x1b[2Jlab\r\n\r\n\x1b[31mintranet"
    with tcp_server(says(page)) as port:
        asked = node.ask(fetches(port, body="shop"))
    assert "\x1b" not in asked.seen.body + asked.seen.headers["Server"]
    assert asked.verdict.rationale.isprintable()


@pytest.mark.parametrize("url", ["ftp://a/", "http:///", "http://127.0.0.1:99999/", "/path"])
def test_what_is_no_url(node: Node, url: str) -> None:
    with pytest.raises(ProbeError):
        node.ask(fetches(1, url=url))


def test_https_is_verified_against_the_nodes_own_store(node: Node, tmp_path: Path) -> None:
    authority = Authority.new()
    server = over_tls(authority.server(tmp_path, "web.lab.test"), says(PAGE))
    with tcp_server(server) as port:
        url = f"https://web.lab.test:{port}/"
        strange = node.ask(fetches(port, url=url, address="127.0.0.1"))
        hidden = node.ask(fetches(port, url=url, address="127.0.0.1", expect="blocked"))
        node.write(STORE, authority.pem)
        trusted = node.ask(fetches(port, url=url, address="127.0.0.1", body="intranet"))
    assert strange.seen.outcome == "tls"
    assert strange.seen.tls.names == ["web.lab.test"]
    assert "the certificate does not verify" in strange.verdict.rationale
    assert not strange.verdict.passed
    assert not hidden.verdict.passed  # it is there, and whoever clicks on sees it
    assert trusted.seen.tls.verified
    assert trusted.verdict.passed
