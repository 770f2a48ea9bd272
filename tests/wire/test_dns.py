"""Name servers that misbehave, and the stub resolver's way round them."""

from __future__ import annotations

import dns.flags
import dns.message
import pytest

from lab_runner.errors import ProbeError
from lab_runner.models.probes import DnsProbe
from tests.wire.asking import Node
from tests.wire.servers import dns_answer, dns_server, drip, tcp_dns, tcp_server, udp_server

WEB = "web.lab.test. 60 IN A 192.0.2.80"


def question(port: int, **fields: object) -> DnsProbe:
    return DnsProbe(
        **{"qname": "web.lab.test", "server": "127.0.0.1", "port": port, "timeout_s": 0.4} | fields
    )


def test_an_answer_is_read_and_judged(node: Node) -> None:
    with dns_server(lambda q: [dns_answer(q, WEB, flags=dns.flags.AA)]) as port:
        asked = node.ask(question(port, answer=["192.0.2.80"], authoritative=True))
    assert asked.seen.exchanges[0].flags == ["QR", "AA", "RD"]
    assert asked.seen.final == [0]
    assert asked.verdict.passed
    assert asked.verdict.rationale.startswith("asked 127.0.0.1 for web.lab.test A: 192.0.2.80 in")


@pytest.mark.parametrize("validates", [True, False])
def test_whether_an_answer_was_validated(node: Node, validates: bool) -> None:
    """The server says so only to whoever asks for it (RFC 6840 section 5.7)."""

    def answers(query: bytes) -> list[object]:
        wants_to_know = bool(dns.message.from_wire(query).flags & dns.flags.AD)
        return [dns_answer(query, WEB, flags=dns.flags.AD if validates and wants_to_know else 0)]

    with dns_server(answers) as port:
        yes = node.ask(question(port, authenticated=True))
        no = node.ask(question(port, authenticated=False))
        either = node.ask(question(port))
    assert [yes.verdict.passed, no.verdict.passed, either.verdict.passed] == [
        validates,
        not validates,
        True,
    ]
    assert "AD" not in either.seen.exchanges[0].flags
    assert validates or yes.verdict.rationale.endswith("expected a validated answer (AD)")


def test_a_stub_resolver_does_not_ask_for_validation() -> None:
    with pytest.raises(ValueError, match="name the server"):
        DnsProbe(qname="web.lab.test", authenticated=True)


def test_another_address_than_expected_fails(node: Node) -> None:
    with dns_server(lambda q: [dns_answer(q, WEB)]) as port:
        asked = node.ask(question(port, answer=["192.0.2.81"]))
    assert not asked.verdict.passed
    assert asked.verdict.rationale.endswith("A: 192.0.2.80; expected 192.0.2.81")


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NXDOMAIN", "NOTIMP"])
def test_every_rcode_is_named(node: Node, rcode: str) -> None:
    with dns_server(lambda q: [dns_answer(q, rcode=rcode)]) as port:
        red = node.ask(question(port, answer=["192.0.2.80"]))
        green = node.ask(question(port, rcode=[rcode]))
    assert red.seen.exchanges[0].rcode == rcode
    assert f"{rcode}" in red.verdict.rationale
    assert not red.verdict.passed
    assert green.verdict.passed


def test_an_empty_answer_is_not_an_unknown_name(node: Node) -> None:
    with dns_server(lambda q: [dns_answer(q)]) as port:
        empty = node.ask(question(port, answer=["192.0.2.80"]))
        none = node.ask(question(port, answer=[]))
    assert "the name exists, but has no A record" in empty.verdict.rationale
    assert not empty.verdict.passed
    assert none.verdict.passed


def test_aliases_are_followed_and_a_loop_ends(node: Node) -> None:
    chain = ["web.lab.test. 1 IN CNAME w.lab.test.", "w.lab.test. 1 IN A 192.0.2.1"]
    with dns_server(lambda q: [dns_answer(q, *chain)]) as port:
        asked = node.ask(question(port, answer=["192.0.2.1"]))
    assert asked.seen.exchanges[0].cname == ["w.lab.test"]
    assert asked.verdict.passed
    loop = ["web.lab.test. 1 IN CNAME w.lab.test.", "w.lab.test. 1 IN CNAME web.lab.test."]
    with dns_server(lambda q: [dns_answer(q, *loop)]) as port:
        asked = node.ask(question(port, answer=["192.0.2.1"]))
    assert len(asked.seen.exchanges[0].cname) == 16
    assert not asked.verdict.passed


def test_a_truncated_answer_is_asked_for_again_over_tcp(node: Node) -> None:
    full = tcp_dns(lambda q: dns_answer(q, WEB).to_wire())
    with (
        tcp_server(full) as port,
        dns_server(lambda q: [dns_answer(q, flags=dns.flags.TC)], port=port),
    ):
        asked = node.ask(question(port, answer=["192.0.2.80"]))
    assert [e.transport for e in asked.seen.exchanges] == ["udp", "tcp"]
    assert "TC" in asked.seen.exchanges[0].flags
    assert asked.seen.final == [1]
    assert asked.verdict.passed


def test_a_truncated_answer_without_tcp_behind_it(node: Node) -> None:
    with dns_server(lambda q: [dns_answer(q, flags=dns.flags.TC)]) as port:
        asked = node.ask(question(port, answer=["192.0.2.80"]))
    assert asked.seen.exchanges[1].problem == "refused"
    assert not asked.verdict.passed


def test_a_wrong_id_is_passed_over(node: Node) -> None:
    def answers(query: bytes) -> list[object]:
        forged = dns_answer(query, "web.lab.test. 60 IN A 203.0.113.66")
        forged.id ^= 1
        return [forged, dns_answer(query, WEB)]

    with dns_server(answers) as port:
        asked = node.ask(question(port, answer=["192.0.2.80"]))
    assert asked.verdict.passed


def test_only_wrong_ids_are_silence(node: Node) -> None:
    def forged(query: bytes) -> list[object]:
        answer = dns_answer(query, WEB)
        answer.id ^= 1
        return [answer]

    with dns_server(forged) as port:
        asked = node.ask(question(port, answer=["192.0.2.80"]))
        silent = node.ask(question(port, rcode=["SILENCE"]))
    assert asked.seen.exchanges[0].problem == "timeout"
    assert "no answer in time; expected 192.0.2.80" in asked.verdict.rationale
    assert silent.verdict.passed


def test_an_answer_from_another_address_is_passed_over(node: Node) -> None:
    with dns_server(lambda q: [dns_answer(q, WEB)], answer_from="127.0.0.9") as port:
        asked = node.ask(question(port, answer=["192.0.2.80"]))
    assert asked.seen.exchanges[0].problem == "timeout"
    assert not asked.verdict.passed


@pytest.mark.parametrize("junk", [b"", b"\x00", b"\xff" * 600])
def test_junk_is_malformed(node: Node, junk: bytes) -> None:
    with dns_server(lambda q: [q[:2] + junk]) as port:
        asked = node.ask(question(port, answer=["192.0.2.80"]))
    assert asked.seen.exchanges[0].problem == "malformed"
    assert "cannot be understood" in asked.verdict.rationale


def test_a_closed_port_is_refused_at_once(node: Node) -> None:
    with udp_server(lambda _: []) as port:
        pass
    asked = node.ask(question(port, timeout_s=5.0), within_s=0.1)
    assert asked.seen.exchanges[0].problem == "refused"
    assert not asked.verdict.passed


@pytest.mark.parametrize("size", [b"\x00\x20", b"\xff\xff"])
def test_a_tcp_answer_byte_by_byte_does_not_outlast_its_time(node: Node, size: bytes) -> None:
    with tcp_server(lambda conn: drip(conn, size + b"\0" * 500)) as port:
        asked = node.ask(question(port, transport="tcp", rcode=["NOERROR"]))
    assert asked.seen.exchanges[0].problem == "timeout"
    assert not asked.verdict.passed


def test_tcp_that_closes_or_talks_nonsense(node: Node) -> None:
    with tcp_server(lambda conn: conn.close()) as port:
        closed = node.ask(question(port, transport="tcp"))
    with tcp_server(tcp_dns(lambda q: b"\0" * 40)) as port:
        nonsense = node.ask(question(port, transport="tcp"))
    assert closed.seen.exchanges[0].problem in {"closed", "reset"}
    assert nonsense.seen.exchanges[0].problem == "malformed"
    assert not nonsense.verdict.passed


def test_each_question_has_a_label_that_no_cache_knows(node: Node) -> None:
    with dns_server(lambda q: [dns_answer(q)]) as port:
        asked = node.ask(question(port, qname="*.lab.test", repeat=3), within_s=2)
    assert len({e.qname for e in asked.seen.exchanges}) == 3
    assert asked.seen.final == [0, 1, 2]
    assert len(asked.seen.question_ms) == 3


def test_a_slow_answer_breaks_its_limit(node: Node) -> None:
    with dns_server(lambda q: [dns_answer(q, WEB)]) as port:
        asked = node.ask(question(port, answer=["192.0.2.80"], max_ms=0.0))
    assert not asked.verdict.passed
    assert asked.verdict.rationale.endswith("expected at most 0.0 ms")


def test_escapes_in_an_answer_are_shown_and_not_sent_on(node: Node) -> None:
    with dns_server(lambda q: [dns_answer(q, 'web.lab.test. 1 IN TXT "\\027[2J"')]) as port:
        asked = node.ask(question(port, rdtype="TXT"))
    assert "\x1b" not in asked.seen.exchanges[0].answer[0]
    assert "\x1b" not in asked.verdict.rationale


def test_an_address_is_turned_round_for_ptr(node: Node) -> None:
    record = "80.2.0.192.in-addr.arpa. 1 IN PTR web.lab.test."
    with dns_server(lambda q: [dns_answer(q, record)]) as port:
        asked = node.ask(question(port, qname="192.0.2.80", rdtype="PTR", answer=["WEB.lab.test"]))
    assert asked.verdict.passed


def test_a_server_whose_own_name_is_unknown_is_not_silence(node: Node) -> None:
    node.resolver("nameserver 127.0.0.1")
    asked = node.ask(question(53, server="ns.lab.test", rcode=["SILENCE"]))
    assert asked.seen.exchanges[0].problem == "unresolved"
    assert not asked.verdict.passed


@pytest.mark.parametrize("fields", [{"rdtype": "NONSENSE"}, {"qname": "a..b"}])
def test_what_cannot_be_asked_is_the_instruments_fault(node: Node, fields: dict[str, str]) -> None:
    with pytest.raises(ProbeError):
        node.ask(question(53, **fields))
