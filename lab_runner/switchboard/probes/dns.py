"""Questions to a name server, or to the node's own stub resolver (RFC 1035)."""

from __future__ import annotations

import ipaddress
import secrets

import dns.exception
import dns.name
import dns.reversename

from lab_runner.errors import ProbeError
from lab_runner.models.evidence import DnsAnswer, DnsEvidence
from lab_runner.models.probes import DnsProbe
from lab_runner.switchboard.names import Lookup, ask_stub, resolve, stub_config
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._exchange import Question, exchange
from lab_runner.switchboard.vantage import Vantage


def ask(probe: DnsProbe, at: Vantage) -> DnsEvidence:
    """Ask ``repeat`` times; each question has ``timeout_s`` for all its exchanges."""
    exchanges: list[DnsAnswer] = []
    final: list[int] = []
    durations: list[float] = []
    for _ in range(probe.repeat):
        deadline = Deadline(probe.timeout_s)
        lookup = _question(probe, at, deadline)
        final.append(len(exchanges) + lookup.settled_by)
        exchanges += lookup.exchanges
        durations.append(deadline.elapsed_ms)
    return DnsEvidence(exchanges=exchanges, final=final, question_ms=durations)


def _question(probe: DnsProbe, at: Vantage, deadline: Deadline) -> Lookup:
    text = _spelled(probe)
    if probe.server is None:
        return ask_stub(text, probe.rdtype, stub_config(at.files), deadline)
    lookup = Lookup()
    server = resolve(probe.server, at, deadline.left)
    if server.address is None:
        lookup.add([_unasked(probe, text)])
        return lookup
    asks = probe.authenticated is not None
    question = Question(_name(text), probe.rdtype, probe.recursion, probe.port, asks)
    lookup.add(exchange(question, server.address, probe.transport, deadline.left))
    return lookup


def _unasked(probe: DnsProbe, qname: str) -> DnsAnswer:
    """The server's own name was not found."""
    return DnsAnswer(
        server=str(probe.server), qname=qname, transport=probe.transport, problem="unresolved"
    )


def _spelled(probe: DnsProbe) -> str:
    """The qname: ``*`` filled in, and an address turned round for PTR (RFC 1035 section 3.5)."""
    text = probe.qname.replace("*", secrets.token_hex(8))
    if probe.rdtype.upper() != "PTR":
        return text
    try:
        return dns.reversename.from_address(str(ipaddress.ip_address(text))).to_text()
    except ValueError:
        return text


def _name(text: str) -> dns.name.Name:
    try:
        return dns.name.from_text(text)
    except (dns.exception.DNSException, UnicodeError) as exc:
        raise ProbeError(f"{text!r} cannot be asked for: {exc}") from exc
