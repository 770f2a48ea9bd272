"""One question to one name server, over real sockets (RFC 1035 section 4.2)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from lab_runner.errors import ProbeError
from lab_runner.models.evidence import DnsAnswer
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._stream import family, sockaddr, word
from lab_runner.switchboard.probes._text import clean

_CHAIN_LIMIT = 16

# dnspython imports each record type when it first sees one; a probe imports nothing.
dns.rdata.load_all_types()  # type: ignore[no-untyped-call]  # dnspython's gap


@dataclass(frozen=True)
class Question:
    """What is asked."""

    qname: dns.name.Name
    rdtype: str
    recursion: bool = True
    port: int = 53
    #: Ask the server to say whether it has validated the answer?
    authenticated: bool = False

    def message(self) -> dns.message.QueryMessage:
        """The query, with a fresh id.

        Raises:
            ProbeError: There is no such record type.
        """
        try:
            query = dns.message.make_query(self.qname, self.rdtype)
        except dns.exception.DNSException as exc:
            raise ProbeError(f"{self.rdtype!r} is no record type") from exc
        if not self.recursion:
            query.flags &= ~dns.flags.RD
        if self.authenticated:
            query.flags |= dns.flags.AD  # "tell me whether" (RFC 6840 section 5.7)
        return query


@dataclass
class _Heard:
    """What a server's answer, or the lack of one, comes to."""

    message: dns.message.Message | None = None
    problem: str | None = None
    chain: list[str] = field(default_factory=list)


def exchange(question: Question, server: str, transport: str, limit_s: float) -> list[DnsAnswer]:
    """Ask once; after a truncated answer once more over TCP (RFC 7766 section 5)."""
    deadline = Deadline(limit_s)
    answers = [_once(question, server, transport, Deadline(deadline.left))]
    if transport == "udp" and "TC" in answers[0].flags:
        answers.append(_once(question, server, "tcp", Deadline(deadline.left)))
    return answers


def _once(question: Question, server: str, transport: str, limit: Deadline) -> DnsAnswer:
    query = question.message()
    ask = _over_tcp if transport == "tcp" else _over_udp
    try:
        heard = ask(query, server, question.port, limit)
    except OSError as exc:
        heard = _Heard(problem=word(exc))
    records, aliases = _records(heard.message, question)
    return DnsAnswer(
        server=server,
        qname=clean(question.qname.to_text(omit_final_dot=True)),
        transport=transport,
        rcode=dns.rcode.to_text(heard.message.rcode()) if heard.message else None,
        flags=_flags(heard.message),
        answer=records,
        cname=aliases,
        problem=heard.problem,
        duration_ms=limit.elapsed_ms,
    )


def _over_udp(query: dns.message.QueryMessage, server: str, port: int, limit: Deadline) -> _Heard:
    """Wait for the one datagram that answers; whatever else arrives is passed over."""
    problem = "timeout"
    with socket.socket(family(server), socket.SOCK_DGRAM) as sock:
        # Connected: the kernel drops datagrams of any other source (RFC 5452
        # section 9.1) and reports an ICMP error as ECONNREFUSED.
        sock.connect(sockaddr(server, port))
        sock.settimeout(limit.need())
        sock.send(query.to_wire())
        while limit.left:
            sock.settimeout(limit.left or None)
            try:
                message = _parse(sock.recv(65535))
            except TimeoutError:
                break
            if message is None:
                problem = "malformed"
            elif query.is_response(message):
                return _Heard(message)
    return _Heard(problem=problem)


def _parse(wire: bytes) -> dns.message.Message | None:
    try:
        return dns.message.from_wire(wire, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return None


def _over_tcp(query: dns.message.QueryMessage, server: str, port: int, limit: Deadline) -> _Heard:
    try:
        return _Heard(dns.query.tcp(query, server, timeout=limit.need(), port=port))
    except dns.exception.Timeout:
        return _Heard(problem="timeout")
    except EOFError:
        return _Heard(problem="closed")
    except (dns.exception.DNSException, ValueError):
        return _Heard(problem="malformed")


def _flags(message: dns.message.Message | None) -> list[str]:
    return dns.flags.to_text(message.flags).split() if message else []


def _records(
    message: dns.message.Message | None, question: Question
) -> tuple[list[str], list[str]]:
    """The records of the asked type, and the aliases that lead to them (RFC 1034 section 3.6.2)."""
    if message is None:
        return [], []
    wanted = dns.rdatatype.from_text(question.rdtype)
    aliases: list[str] = []
    for name in _chain(message, question.qname, wanted, aliases):
        found = message.get_rrset(message.answer, name, dns.rdataclass.IN, wanted)
        if found:
            return [clean(rdata.to_text()) for rdata in found], aliases
    return [], aliases


def _chain(
    message: dns.message.Message,
    name: dns.name.Name,
    wanted: dns.rdatatype.RdataType,
    aliases: list[str],
) -> Iterator[dns.name.Name]:
    """Each owner name on the way; a server may answer with a loop."""
    yield name
    while len(aliases) < _CHAIN_LIMIT and wanted != dns.rdatatype.CNAME:
        alias = message.get_rrset(message.answer, name, dns.rdataclass.IN, dns.rdatatype.CNAME)
        if not alias:
            return
        name = alias[0].target
        aliases.append(clean(name.to_text(omit_final_dot=True)))
        yield name
