"""Answers of somebody who means harm: no check passes, none hangs, none writes to a terminal."""

from __future__ import annotations

from pathlib import Path

import dns.name
import pytest

from lab_runner.errors import ProbeError
from lab_runner.models.probes import HttpProbe, Probe, TlsProbe
from lab_runner.switchboard import probes
from lab_runner.switchboard.probes._exchange import Question, _parse, _records
from tests.chaos.conftest import Provoked
from tests.chaos.hostile_servers import ESCAPES, NAME, Trap, certified, traps
from tests.wire.asking import Node
from tests.wire.servers import dns_answer, tcp_server

#: What a busy machine may take beyond a probe's own time.
_PATIENCE_S = 6.0
_SHORT_S = 0.6
#: A rationale is a sentence.
_LONGEST = 1500
_TRAPS = [pytest.param(kind, trap, id=f"{kind}: {name}") for kind, name, trap in traps()]


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """As in the switchboard: a forked probe finds its libraries in memory."""
    for word in ("dns", "http", "tls", "ssh", "ftp", "telnet", "tcp"):
        probes.load(word)


def rejected(node: Node, probe: Probe, takes_s: float) -> str:
    """Ask; the check has not passed. What it says, which no terminal obeys."""
    try:
        asked = node.ask(probe, within_s=takes_s + _PATIENCE_S)
    except ProbeError as exc:
        said = str(exc)
    else:
        assert not asked.verdict.passed, asked.verdict.rationale
        said = asked.verdict.rationale
    assert said.isprintable(), said
    assert len(said) < _LONGEST
    return said


@pytest.mark.parametrize(("kind", "trap"), _TRAPS)
def test_a_trap(node: Node, kind: str, trap: Trap, provoked: Provoked) -> None:
    with trap.serve() as port:
        rejected(node, trap.probe(port), trap.takes_s)
    provoked(f"a hostile {kind} answer")


@pytest.mark.parametrize(
    ("names", "links"),
    [
        ([f"host{n}.lab.test" for n in range(2500)], 0),
        ([f"{ESCAPES[:4]}.lab.test", "*.*.*", "a" * 300, "\0.web.lab.test"], 0),
        (["lab.test"], 300),
    ],
    ids=["names", "escapes", "chain"],
)
@pytest.mark.parametrize("verified", [True, False])
def test_a_certificate_of_their_own_making(
    node: Node,
    tmp_path: Path,
    names: list[str],
    links: int,
    verified: bool,
    provoked: Provoked,
) -> None:
    subject = f"{ESCAPES}CN={NAME}" * 2
    with tcp_server(certified(tmp_path, subject, names, links)) as port:
        probe = TlsProbe(
            to="127.0.0.1", port=port, server_name=NAME, verified=verified, name=NAME, timeout_s=2.0
        )
        rejected(node, probe, 2.0)
    provoked("a hostile TLS answer")


@pytest.mark.parametrize("store", [b"\0" * 900_000, b"-----BEGIN CERTIFICATE-----\n" * 40_000])
def test_a_trust_store_that_is_none(
    node: Node, tmp_path: Path, store: bytes, provoked: Provoked
) -> None:
    node.write("/etc/ssl/certs/ca-certificates.crt", store)
    with tcp_server(certified(tmp_path, NAME, [NAME])) as port:
        probe = TlsProbe(to="127.0.0.1", port=port, server_name=NAME, timeout_s=2.0)
        rejected(node, probe, 2.0)
    provoked("a file that a probe could trip over")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/etc/hosts", b"127.0.0.1 " + b"x" * 70_000 + b" web.lab.test\n"),
        ("/etc/hosts", b"\xff\xfe\0" * 20_000),
        ("/etc/hosts", b"127.0.0.1\x1b[2J web.lab.test\n"),
        ("/etc/resolv.conf", b"nameserver 127.0.0.1%\x1b[2J\nsearch " + b"a." * 30_000),
        ("/etc/resolv.conf", b"options ndots:99999999999999999999 timeout:-1 attempts:1e9\n"),
        ("/etc/resolv.conf", b"search " + b"\xf0\x9f\x92\xa9." * 50 + b"\n"),
    ],
)
def test_a_file_for_looking_names_up(
    node: Node, path: str, content: bytes, provoked: Provoked
) -> None:
    node.write(path, content)
    rejected(node, HttpProbe(url="http://web.lab.test/", timeout_s=_SHORT_S), 2 * _SHORT_S)
    provoked("a file that a probe could trip over")


def test_every_byte_of_an_answer_changed(provoked: Provoked) -> None:
    """In this process, which any exception but the ones that are expected would end."""
    rdtypes = {
        "A": "192.0.2.80",
        "MX": "10 mx.lab.test.",
        "TXT": '"v=spf1 -all" "more"',
        "SOA": "ns.lab.test. admin.lab.test. 1 2 3 4 5",
        "SRV": "1 2 53 ns.lab.test.",
        "CAA": '0 issue "ca.lab.test"',
        "DS": "12345 13 2 " + "ab" * 32,
        "NSEC3PARAM": "1 0 10 aabbcc",
        "HTTPS": '1 . alpn="h2" ipv4hint=192.0.2.80',
    }
    for rdtype, text in rdtypes.items():
        asked = Question(dns.name.from_text(NAME), rdtype)
        query = asked.message().to_wire()
        wire = dns_answer(query, f"{NAME}. 60 IN {rdtype} {text}").to_wire()
        for at in range(2, len(wire)):
            for byte in (0x00, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF, wire[at] ^ 1):
                changed = _parse(wire[:at] + bytes([byte]) + wire[at + 1 :])
                records, aliases = _records(changed, asked)
                assert "".join(records + aliases).isprintable()
        provoked("a hostile DNS answer")
