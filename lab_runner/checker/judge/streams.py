"""Connections and datagrams: tcp, udp, tls, http, load."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from lab_runner.checker.judge.verdict import (
    Verdict,
    either,
    happened,
    listed,
    milliseconds,
    place,
    quoted,
    unless,
    verdict,
)
from lab_runner.errors import ProbeError
from lab_runner.models.evidence import (
    HttpEvidence,
    LoadEvidence,
    LoadOutcome,
    TcpEvidence,
    TlsEvidence,
    TlsFacts,
    UdpEvidence,
)
from lab_runner.models.probes import HttpProbe, LoadProbe, TcpProbe, TlsProbe, UdpProbe
from lab_runner.patterns import found

#: What each expected word is met by. A name that was not found meets none of
#: them: nothing was tried, and absence is not proof.
_MET = {
    "open": {"open"},
    "answer": {"answer"},
    "refused": {"refused"},
    "silent": {"timeout"},
    "blocked": {"refused", "timeout", "unreachable", "reset", "too-long"},
}


def judge_tcp(probe: TcpProbe, seen: TcpEvidence, vantage: str) -> Verdict:
    """Was it open, or closed in the expected way, and did it say what it should?"""
    return verdict(
        f"{vantage} to {place(seen.target, seen.port)}: {_tcp(seen)}", _tcp_unmet(probe, seen)
    )


def _tcp(seen: TcpEvidence) -> str:
    if seen.outcome != "open":
        return happened(seen.outcome, seen.detail)
    said = f", which says {quoted(seen.banner)}" if seen.banner is not None else ""
    return f"open after {milliseconds(seen.duration_ms)}{said}"


def _tcp_unmet(probe: TcpProbe, seen: TcpEvidence) -> Iterator[str | None]:
    yield unless(seen.outcome in _MET[probe.expect], probe.expect)
    if probe.banner is not None and seen.outcome == "open":
        yield unless(found(probe.banner, seen.banner), f"to hear /{probe.banner}/")


def judge_udp(probe: UdpProbe, seen: UdpEvidence, vantage: str) -> Verdict:
    """Did an answer come, and the right one?"""
    said = happened(seen.outcome, seen.detail)
    if seen.outcome == "answer":
        said = f"answered {quoted(seen.answer)} after {milliseconds(seen.duration_ms)}"
    wanted = "an answer" if probe.expect == "answer" else probe.expect
    unmet = [unless(seen.outcome in _MET[probe.expect], wanted)]
    if probe.answer is not None and seen.outcome == "answer":
        unmet.append(unless(found(probe.answer, seen.answer), f"to hear /{probe.answer}/"))
    return verdict(f"{vantage} to {place(seen.target, seen.port)}, UDP: {said}", unmet)


def judge_tls(probe: TlsProbe, seen: TlsEvidence, vantage: str) -> Verdict:
    """Does the certificate verify as it should?"""
    asked = f"{vantage} to {place(seen.target, seen.port)} as {seen.server_name}"
    if seen.outcome != "handshake" or seen.facts is None:
        said = happened(seen.outcome, seen.detail)
        return verdict(f"{asked}: {said}", ["a TLS handshake"])
    return verdict(f"{asked}: {_certificate(seen.facts)}", _tls_unmet(probe, seen.facts))


def _certificate(facts: TlsFacts) -> str:
    names = f"certificate for {listed(facts.names, facts.subject or 'nobody')}"
    until = f", valid until {facts.not_after}" if facts.not_after else ""
    verified = "verifies" if facts.verified else f"does not verify: {facts.verify_error}"
    return f"the {names} from {facts.issuer or 'an unknown issuer'}{until} {verified}"


def _tls_unmet(probe: TlsProbe, facts: TlsFacts) -> Iterator[str | None]:
    wanted = "one that verifies" if probe.verified else "one that does not verify"
    yield unless(facts.verified is probe.verified, wanted)
    if probe.name is not None:
        names = [name.lower() for name in facts.names]
        yield unless(probe.name.lower() in names, f"the name {probe.name}")
    if probe.issuer is not None:
        yield unless(found(probe.issuer, facts.issuer), f"one from /{probe.issuer}/")
    if probe.days_left is not None:
        left = _days_left(facts)
        yield unless(left >= probe.days_left, f"{probe.days_left} days left, not {left:.0f}")


def _days_left(facts: TlsFacts) -> float:
    """Counted from now: evidence that is judged again later has aged."""
    if facts.not_after is None:
        return 0.0
    try:
        end = datetime.fromisoformat(facts.not_after)
    except ValueError as exc:
        raise ProbeError(f"{facts.not_after!r} in the evidence is no date") from exc
    return (end - datetime.now(UTC)).total_seconds() / 86400


def judge_http(probe: HttpProbe, seen: HttpEvidence, vantage: str) -> Verdict:
    """Was the page served, or, where it must not be, was there no response at all?"""
    said = f"{vantage} asked {place(seen.target)} for {probe.method} {seen.url}: {_http(seen)}"
    if probe.expect == "blocked":
        # A certificate that was refused was served all the same.
        met = seen.status is None and seen.outcome in {*_MET["blocked"], "broken"}
        return verdict(said, [unless(met, "no response at all")])
    return verdict(said, _http_unmet(probe, seen))


def _http(seen: HttpEvidence) -> str:
    if seen.outcome != "response":
        status = f"status {seen.status}, then " if seen.status is not None else ""
        return status + happened(seen.outcome, seen.detail)
    return f"status {seen.status} in {milliseconds(seen.duration_ms)}"


def _http_unmet(probe: HttpProbe, seen: HttpEvidence) -> Iterator[str | None]:
    wanted = f"status {either(probe.status)}"
    yield unless(seen.outcome == "response" and seen.status in probe.status, wanted)
    if seen.outcome != "response":
        return
    if probe.body is not None and not found(probe.body, seen.body):
        yield f"a body with /{probe.body}/, not {quoted(seen.body)}"
    yield from _headers_unmet(probe, seen)
    if probe.max_ms is not None:
        yield unless(seen.duration_ms <= probe.max_ms, f"at most {probe.max_ms:g} ms")


def _headers_unmet(probe: HttpProbe, seen: HttpEvidence) -> Iterator[str | None]:
    """Header names are case-insensitive (RFC 9110 section 5.1)."""
    shown = {name.lower(): value for name, value in seen.headers.items()}
    for name, pattern in probe.response_headers.items():
        value = shown.get(name.lower())
        met = value is not None and found(pattern, value)
        yield unless(met, f"{name}: /{pattern}/, not {quoted(value)}")


def judge_load(probe: LoadProbe, seen: LoadEvidence, vantage: str) -> Verdict:
    """Did enough of the flows succeed, not too many, and fast enough?"""
    ways = [f"{o.flows} {_way(o)}" for o in seen.outcomes]
    said = f"{vantage} to {place(seen.target, seen.port)}, {probe.flows} flows: {listed(ways)}"
    return verdict(f"{said}, {seen.open_at_once} open at once", _load_unmet(probe, seen))


def _way(seen: LoadOutcome) -> str:
    said = {"open": "opened", "not-tried": "not tried"}.get(seen.outcome)
    word = said or (f"status {seen.outcome}" if seen.outcome.isdigit() else None)
    return f"{word or happened(seen.outcome, None)} (p95 {milliseconds(seen.p95_ms)})"


def _load_unmet(probe: LoadProbe, seen: LoadEvidence) -> Iterator[str | None]:
    """What was not tried is no success, and where nothing succeeds no limit is proved."""
    wanted = {str(code) for code in probe.status} if probe.protocol == "http" else {"open"}
    good = [outcome for outcome in seen.outcomes if outcome.outcome in wanted]
    share = sum(outcome.flows for outcome in good) / probe.flows
    least = probe.at_least if probe.at_least is not None else float(probe.at_most is None)
    few = "one" if least * probe.flows <= 1 else f"{least:.0%}"
    yield unless(good != [] and share >= least, f"{few} at least to succeed")
    if probe.at_most is not None:
        tried = all(outcome.outcome != "not-tried" for outcome in seen.outcomes)
        met = tried and share <= probe.at_most
        yield unless(met, f"{probe.at_most:.0%} at most to succeed")
    if probe.max_ms is not None and good:
        slow = max(outcome.p95_ms for outcome in good)
        yield unless(slow <= probe.max_ms, f"95 of 100 in {probe.max_ms:g} ms at most")
