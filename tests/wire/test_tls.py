"""TLS servers whose certificates are wrong in each way."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_runner.models.probes import TlsProbe
from tests.wire.asking import Node
from tests.wire.certificates import Authority, over_tls
from tests.wire.servers import drip, reset, tcp_server, until_closed

STORE = "/etc/ssl/certs/ca-certificates.crt"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.new()


def shakes(port: int, **fields: object) -> TlsProbe:
    return TlsProbe(
        **{"to": "127.0.0.1", "port": port, "server_name": "web.lab.test", "timeout_s": 1.0}
        | fields
    )


def test_a_certificate_that_verifies(node: Node, authority: Authority, tmp_path: Path) -> None:
    node.write(STORE, authority.pem)
    server = over_tls(authority.server(tmp_path, "web.lab.test"), until_closed)
    with tcp_server(server) as port:
        asked = node.ask(shakes(port, name="web.lab.test", days_left=30))
        old = node.ask(shakes(port, days_left=31))
        same, other = (node.ask(shakes(port, issuer=f"CN={name}$")) for name in ("Lab CA", "CA"))
    facts = asked.seen.facts
    assert facts.verified
    assert facts.version == "TLSv1.3"
    assert facts.names == ["web.lab.test"]
    assert facts.issuer == "CN=Lab CA"
    assert len(facts.fingerprint_sha256) == 64
    assert asked.verdict.passed
    assert not old.verdict.passed
    assert "31 days left, not 30" in old.verdict.rationale
    assert same.verdict.passed
    assert other.verdict.rationale.endswith("expected one from /CN=CA$/")


@pytest.mark.parametrize(
    ("name", "days", "why"),
    [("other.lab.test", 30, "Hostname mismatch"), ("web.lab.test", -3, "certificate has expired")],
)
def test_wrong_name_and_expired(
    node: Node, authority: Authority, tmp_path: Path, name: str, days: int, why: str
) -> None:
    node.write(STORE, authority.pem)
    server = over_tls(authority.server(tmp_path, name, days), until_closed)
    with tcp_server(server) as port:
        red = node.ask(shakes(port))
        green = node.ask(shakes(port, verified=False))
    assert red.seen.outcome == "handshake"
    assert why in red.seen.facts.verify_error
    assert red.seen.facts.names == [name]
    assert red.seen.facts.not_after is not None
    assert f"certificate for {name} from CN=Lab CA" in red.verdict.rationale
    assert not red.verdict.passed
    assert green.verdict.passed


@pytest.mark.parametrize("store", [None, b"", b"no certificate at all", "another"])
def test_an_authority_that_the_node_does_not_trust(
    node: Node, authority: Authority, tmp_path: Path, store: bytes | str | None
) -> None:
    if store is not None:
        node.write(STORE, Authority.new().pem if isinstance(store, str) else store)
    server = over_tls(authority.server(tmp_path, "web.lab.test"), until_closed)
    with tcp_server(server) as port:
        asked = node.ask(shakes(port))
    assert not asked.seen.facts.verified
    assert asked.seen.facts.names == ["web.lab.test"]
    assert "does not verify" in asked.verdict.rationale
    assert not asked.verdict.passed


def test_an_address_in_the_certificate(node: Node, authority: Authority, tmp_path: Path) -> None:
    node.write(STORE, authority.pem)
    with tcp_server(over_tls(authority.server(tmp_path, "127.0.0.1"), until_closed)) as port:
        asked = node.ask(shakes(port, server_name=None, name="127.0.0.1"))
    assert asked.verdict.passed


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [
        (until_closed, "timeout"),
        (reset, "broken"),
        (lambda c: c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "broken"),
        (lambda c: drip(c, b"\x16\x03\x03\x20\x00" + b"\0" * 400), "timeout"),
    ],
)
def test_what_is_no_tls(node: Node, handler: object, outcome: str) -> None:
    with tcp_server(handler) as port:
        asked = node.ask(shakes(port, timeout_s=0.5))
    assert asked.seen.outcome == outcome
    assert asked.seen.facts is None
    assert asked.verdict.rationale.endswith("expected a TLS handshake")


def test_a_closed_port(node: Node) -> None:
    with tcp_server(until_closed) as port:
        pass
    asked = node.ask(shakes(port, verified=False))
    assert asked.seen.outcome == "refused"
    assert not asked.verdict.passed
