"""Names as the node's own stub resolver finds them (resolv.conf(5))."""

from __future__ import annotations

from contextlib import ExitStack

import dns.message
import pytest

from lab_runner.models.probes import DnsProbe, TcpProbe
from tests.wire.asking import Node
from tests.wire.servers import dns_answer, dns_server

pytestmark = pytest.mark.root
WEB = "web.lab.test. 60 IN A 127.0.0.80"


def asks(**fields: object) -> DnsProbe:
    return DnsProbe(**{"qname": "web.lab.test", "timeout_s": 3.0} | fields)


def knows(query: bytes) -> list[object]:
    """The answer of a server that knows web.lab.test and nothing else."""
    name = dns.message.from_wire(query).question[0].name.to_text()
    return [
        dns_answer(query, WEB) if name == "web.lab.test." else dns_answer(query, rcode="NXDOMAIN")
    ]


def serve(stack: ExitStack, node: Node, host: str, answer: object) -> None:
    stack.enter_context(dns_server(answer, host, 53, netns=node.netns))


def test_the_second_server_is_asked_when_the_first_is_silent(alone: Node) -> None:
    alone.resolver("nameserver 127.0.0.1", "nameserver 127.0.0.2", "options timeout:1")
    with ExitStack() as stack:
        serve(stack, alone, "127.0.0.1", lambda _: [])
        serve(stack, alone, "127.0.0.2", knows)
        asked = alone.ask(asks(answer=["127.0.0.80"]))
        slow = alone.ask(asks(answer=["127.0.0.80"], max_ms=500))
    assert [e.problem for e in asked.seen.exchanges] == ["timeout", None]
    assert asked.seen.final == [1]
    assert asked.seen.question_ms[0] > 1000
    assert asked.verdict.passed
    assert not slow.verdict.passed


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED"])
def test_the_second_server_is_asked_when_the_first_refuses(alone: Node, rcode: str) -> None:
    alone.resolver("nameserver 127.0.0.1", "nameserver 127.0.0.2")
    with ExitStack() as stack:
        serve(stack, alone, "127.0.0.1", lambda q: [dns_answer(q, rcode=rcode)])
        serve(stack, alone, "127.0.0.2", knows)
        asked = alone.ask(asks(answer=["127.0.0.80"]))
    assert [e.rcode for e in asked.seen.exchanges] == [rcode, "NOERROR"]
    assert asked.verdict.passed


def test_a_refusal_of_all_is_told_as_such(alone: Node) -> None:
    alone.resolver("nameserver 127.0.0.1")
    with ExitStack() as stack:
        serve(stack, alone, "127.0.0.1", lambda q: [dns_answer(q, rcode="SERVFAIL")])
        asked = alone.ask(asks(answer=["127.0.0.80"]))
    assert len(asked.seen.exchanges) == 1
    assert asked.verdict.rationale.endswith("A: SERVFAIL; expected 127.0.0.80")


def test_nxdomain_of_the_first_server_is_final(alone: Node) -> None:
    alone.resolver("nameserver 127.0.0.1", "nameserver 127.0.0.2")
    with ExitStack() as stack:
        serve(stack, alone, "127.0.0.1", lambda q: [dns_answer(q, rcode="NXDOMAIN")])
        serve(stack, alone, "127.0.0.2", knows)
        asked = alone.ask(asks(answer=["127.0.0.80"]))
    assert asked.seen.exchanges[asked.seen.final[0]].rcode == "NXDOMAIN"
    assert "no such name" in asked.verdict.rationale


def test_a_short_name_is_completed_from_the_search_list(alone: Node) -> None:
    alone.resolver("nameserver 127.0.0.1", "search other.test lab.test")
    with ExitStack() as stack:
        serve(stack, alone, "127.0.0.1", knows)
        asked = alone.ask(asks(qname="web", answer=["127.0.0.80"]))
    assert [e.qname for e in asked.seen.exchanges] == ["web.other.test", "web.lab.test"]
    assert asked.verdict.passed


def test_all_servers_silent_takes_the_time_limit_and_no_longer(alone: Node) -> None:
    alone.resolver("nameserver 127.0.0.1", "nameserver 127.0.0.2", "options timeout:1")
    with ExitStack() as stack:
        serve(stack, alone, "127.0.0.1", lambda _: [])
        serve(stack, alone, "127.0.0.2", lambda _: [])
        asked = alone.ask(asks(timeout_s=1.2))
    assert asked.seen.exchanges[-1].problem == "timeout"
    assert not asked.verdict.passed


def test_where_a_to_leads_is_looked_up_like_that_too(alone: Node) -> None:
    alone.resolver("nameserver 127.0.0.1", "search lab.test")
    alone.write("/etc/hosts", "127.0.0.99 listed\n::1 listed # IPv4 goes first\n")
    with ExitStack() as stack:
        serve(stack, alone, "127.0.0.1", knows)
        resolved = alone.ask(TcpProbe(to="web", port=1, expect="refused"))
        listed = alone.ask(TcpProbe(to="listed", port=1, expect="refused"))
        unknown = alone.ask(TcpProbe(to="nobody", port=1, expect="blocked"))
    assert (resolved.seen.target.address, resolved.seen.target.source) == ("127.0.0.80", "dns")
    assert (listed.seen.target.address, listed.seen.target.source) == ("127.0.0.99", "hosts")
    assert resolved.verdict.passed
    assert unknown.seen.outcome == "unresolved"
    assert unknown.seen.target.problem == "127.0.0.1: NXDOMAIN"
    assert not unknown.verdict.passed  # nothing was tried: absence is not proof


def test_an_ipv6_address_will_do_where_there_is_no_other(alone: Node) -> None:
    alone.resolver("nameserver ::1")

    def only_v6(query: bytes) -> list[object]:
        v6 = dns.message.from_wire(query).question[0].rdtype == dns.rdatatype.AAAA
        return [dns_answer(query, *(["web.lab.test. 1 IN AAAA ::1"] if v6 else []))]

    with ExitStack() as stack:
        serve(stack, alone, "::1", only_v6)
        asked = alone.ask(TcpProbe(to="web.lab.test", port=1, expect="refused"))
    assert asked.seen.target.address == "::1"
    assert asked.verdict.passed
