"""Answers of name servers."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from lab_runner.checker.judge.verdict import (
    Verdict,
    either,
    happened,
    listed,
    milliseconds,
    unless,
    verdict,
)
from lab_runner.errors import ProbeError
from lab_runner.models.evidence import DnsAnswer, DnsEvidence
from lab_runner.models.probes import DnsProbe

#: In a ``rcode`` list: no answer at all.
SILENCE = "SILENCE"
#: Record types in whose text letter case says something.
_LITERAL = frozenset({"TXT", "SPF", "CAA", "NAPTR", "DNSKEY", "RRSIG", "SSHFP", "TLSA"})


def judge_dns(probe: DnsProbe, seen: DnsEvidence, _vantage: str) -> Verdict:
    """Compare what settled each question with what is expected.

    NXDOMAIN and an empty NOERROR are different answers (RFC 2308 section 2): the
    first means that the name is unknown, the second that it has no such records.
    """
    finals = [_exchange(seen, index) for index in seen.final]
    if not finals:
        raise ProbeError("the evidence holds no answer")
    verdicts = [_one(probe, answer) for answer in finals]
    wrong = next((v for v in verdicts if not v.passed), None)
    return wrong or _in_time(probe, seen, verdicts)


def _exchange(seen: DnsEvidence, index: int) -> DnsAnswer:
    try:
        return seen.exchanges[index]
    except IndexError as exc:
        raise ProbeError(f"the evidence has no exchange number {index}") from exc


def _one(probe: DnsProbe, answer: DnsAnswer) -> Verdict:
    if answer.rcode is None:
        return _silent(probe, answer)
    asked = f"asked {answer.server} for {answer.qname} {probe.rdtype}"
    return verdict(f"{asked}: {_said(probe, answer)}", _unmet(probe, answer))


def _silent(probe: DnsProbe, answer: DnsAnswer) -> Verdict:
    """``SILENCE`` is met by no answer; that the server's own name is unknown proves nothing."""
    asked = f"asked {answer.server} for {answer.qname} {probe.rdtype}"
    said = f"{asked}: {happened(answer.problem or 'timeout', None)}"
    met = SILENCE in _rcodes(probe) and answer.problem != "unresolved"
    return verdict(said, [unless(met, _expected(probe))])


def _said(probe: DnsProbe, answer: DnsAnswer) -> str:
    if answer.answer:
        return listed(answer.answer)
    if answer.rcode == "NOERROR":
        return f"the name exists, but has no {probe.rdtype} record (NOERROR, empty)"
    meaning = {"NXDOMAIN": " (there is no such name)"}.get(answer.rcode or "", "")
    return f"{answer.rcode}{meaning}"


def _unmet(probe: DnsProbe, answer: DnsAnswer) -> Iterator[str | None]:
    right = answer.rcode in _rcodes(probe)
    if right and probe.answer is not None:
        right = _canonical(probe, answer.answer) == _canonical(probe, probe.answer)
    yield unless(right, _expected(probe))
    if probe.authoritative is not None:
        adjective = "an authoritative" if probe.authoritative else "a non-authoritative"
        met = ("AA" in answer.flags) is probe.authoritative
        yield unless(met, f"{adjective} answer")
    if probe.authenticated is not None:
        adjective = "a validated" if probe.authenticated else "no validated"
        yield unless(("AD" in answer.flags) is probe.authenticated, f"{adjective} answer (AD)")


def _rcodes(probe: DnsProbe) -> list[str]:
    return [rcode.upper() for rcode in probe.rcode]


def _expected(probe: DnsProbe) -> str:
    """The wanted records where there are any, else the wanted rcode."""
    if probe.answer:
        return listed(probe.answer)
    if probe.answer is not None and "NOERROR" in _rcodes(probe):
        return f"no {probe.rdtype} record"
    return either("no answer at all" if r == SILENCE else r for r in _rcodes(probe))


def _canonical(probe: DnsProbe, records: list[str]) -> list[str]:
    return sorted({_record(probe.rdtype.upper(), record) for record in records})


def _record(rdtype: str, record: str) -> str:
    """One spelling of each record: names without final dot and case (RFC 4343), TXT unquoted."""
    if rdtype in {"A", "AAAA"}:
        try:
            return str(ipaddress.ip_address(record))
        except ValueError:
            return record
    if rdtype in _LITERAL:
        return record.replace('" "', "").strip('"')
    return " ".join(word.rstrip(".").lower() or "." for word in record.split())


def _in_time(probe: DnsProbe, seen: DnsEvidence, verdicts: list[Verdict]) -> Verdict:
    slowest = max(seen.question_ms, default=0.0)
    questions = f", {len(verdicts)} questions" if len(verdicts) > 1 else ""
    said = f"{verdicts[0].rationale} in {milliseconds(slowest)}{questions}"
    limit = probe.max_ms
    return verdict(said, [unless(limit is None or slowest <= limit, f"at most {limit} ms")])
