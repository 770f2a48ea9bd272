"""Packets on the way: ping, path, pmtu, nat, capture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
from lab_runner.models.evidence import (
    CaptureEvidence,
    NatEvidence,
    PathEvidence,
    PingEvidence,
    PmtuEvidence,
    PmtuSize,
)
from lab_runner.models.probes import CaptureProbe, NatProbe, PathProbe, PingProbe, PmtuProbe


def judge_ping(probe: PingProbe, seen: PingEvidence, vantage: str) -> Verdict:
    """Did enough replies come, or, where none may come, did requests leave in vain?"""
    size = f" of {probe.size} bytes" + (", not to be fragmented" if probe.dont_fragment else "")
    said = f"{vantage} to {place(seen.target)}: {_replies(seen)} to {seen.sent} echo requests{size}"
    if probe.expect == "none":
        tried = seen.problem != "unresolved"
        return verdict(said, [unless(tried and not seen.received, "no reply to an echo request")])
    lost = 1 - seen.received / seen.sent if seen.sent else 1.0
    met = seen.received > 0 and lost <= probe.max_loss
    return verdict(said, [unless(met, _share(probe.max_loss))])


def _replies(seen: PingEvidence) -> str:
    errors = [_icmp(error) for error in seen.icmp_errors]
    extra = ([happened(seen.problem, None)] if seen.problem else []) + sorted(set(errors))
    time = f" in {milliseconds(max(seen.rtt_ms))}" if seen.rtt_ms else ""
    return f"{seen.received} replies{time}" + (f" ({', '.join(extra)})" if extra else "")


def _icmp(error: dict[str, Any]) -> str:
    mtu = f", next-hop MTU {error['mtu']}" if error.get("mtu") else ""
    return f"ICMP {error.get('type')}/{error.get('code')} from {error.get('from')}{mtu}"


def _share(max_loss: float) -> str:
    return f"at most {max_loss:.0%} lost" if max_loss else "a reply to each"


def judge_path(probe: PathProbe, seen: PathEvidence, vantage: str) -> Verdict:
    """Is the way the expected one?"""
    hops = ", ".join(hop or "(silent)" for hop in seen.hops) or "nobody"
    end = "" if seen.reached else f", not there yet{_because(seen)}"
    return verdict(f"{vantage} to {place(seen.target)} by way of {hops}{end}", _path(probe, seen))


def _because(seen: PathEvidence) -> str:
    return f": {happened(seen.problem, None)}" if seen.problem else ""


def _path(probe: PathProbe, seen: PathEvidence) -> Iterator[str | None]:
    """Without any expectation the destination has to be reached."""
    if probe.hops is not None:
        yield unless(seen.hops == probe.hops, f"{', '.join(probe.hops) or 'nobody'}")
    if probe.through is not None:
        yield unless(probe.through in seen.hops, f"{probe.through} on the way")
    if probe.avoids is not None:
        # A way that was not walked to its end avoids nothing.
        met = seen.reached and probe.avoids not in seen.hops
        yield unless(met, f"the destination without {probe.avoids} on the way")
    if probe.hops is None and probe.avoids is None:
        yield unless(seen.reached, "the destination")


def judge_pmtu(probe: PmtuProbe, seen: PmtuEvidence, vantage: str) -> Verdict:
    """Do the sizes pass that should, and does the way say so of those that do not fit?"""
    asked = f"{vantage} to {place(seen.target)}, not to be fragmented"
    said = happened(seen.problem, None) if seen.problem else "; ".join(map(_size, seen.sizes))
    return verdict(f"{asked}: {said}", _pmtu_unmet(probe, seen))


def _size(seen: PmtuSize) -> str:
    if seen.outcome == "told":
        mtu = f", next-hop MTU {seen.mtu}" if seen.mtu else ", no next-hop MTU"
        return f"{seen.size} bytes too big says {seen.detail}{mtu}"
    words = {"passed": "pass", "silent": "no word of them", "too-long": "longer than its own MTU"}
    extra = f" ({seen.detail})" if seen.detail else ""
    return f"{seen.size} bytes {words.get(seen.outcome, seen.outcome)}{extra}"


def _pmtu_unmet(probe: PmtuProbe, seen: PmtuEvidence) -> Iterator[str | None]:
    found = {one.size: one for one in seen.sizes}
    stuck = [size for size in probe.passes if _outcome(found.get(size)) != "passed"]
    yield unless(not stuck, f"{listed(stuck)} bytes to pass")
    unsaid = [size for size in probe.told if _outcome(found.get(size)) != "told"]
    yield unless(not unsaid, f"to be told that {listed(unsaid)} bytes are too big")
    mtus = [one.mtu or 0 for one in seen.sizes if one.outcome == "told"]
    if probe.mtu_at_least is not None and mtus:
        met = min(mtus) >= probe.mtu_at_least
        yield unless(met, f"a next-hop MTU of {probe.mtu_at_least} at least")
    if probe.mtu_at_most is not None and mtus:
        met = min(mtus) > 0 and max(mtus) <= probe.mtu_at_most
        yield unless(met, f"a next-hop MTU of {probe.mtu_at_most} at most")
    if not (probe.passes or probe.told):
        yield unless(any(one.outcome == "passed" for one in seen.sizes), "one of them to pass")


def _outcome(seen: PmtuSize | None) -> str | None:
    return seen.outcome if seen else None


def judge_nat(probe: NatProbe, seen: NatEvidence, vantage: str) -> Verdict:
    """Was the token seen at the far end, with the expected source?"""
    asked = f"{vantage} to {place(seen.target, seen.port)}"
    wanted = f"source {either(probe.observed_source)}"
    if seen.observed_source is None:
        said = "" if seen.outcome in {"open", "sent"} else f" ({happened(seen.outcome, None)})"
        return verdict(f"{asked}: nothing of it was seen at {probe.at}{said}", [wanted])
    met = not probe.observed_source or seen.observed_source in probe.observed_source
    said = f"{asked}: {probe.at} sees it come from {seen.observed_source}"
    return verdict(said, [unless(met, wanted)])


def judge_capture(probe: CaptureProbe, seen: CaptureEvidence, _vantage: str) -> Verdict:
    """Did matching frames cross, or none? Where nothing left, none proves nothing."""
    asked = seen.during.get("probe")
    said = f'{seen.frames} of {seen.frames_seen} frames on {seen.on} match "{seen.filter}"'
    if probe.expect == "present":
        few = f"at least {probe.at_least}"
        return verdict(f"{said}{_first(seen)}", [unless(seen.frames >= probe.at_least, few)])
    if not seen.frames and (not seen.frames_seen or _never_left(seen.during)):
        nothing = f"nothing of the {asked} question crossed {seen.on}"
        return Verdict(False, f"{nothing}, so that absence proves nothing")
    return verdict(f"{said}{_first(seen)}", [unless(not seen.frames, "none")])


def _never_left(during: dict[str, Any]) -> bool:
    """Did the node itself not know where to send the question? Other frames may have crossed."""
    evidence = during.get("evidence") or {}
    outcomes = [exchange.get("problem") for exchange in evidence.get("exchanges") or ()]
    outcomes = outcomes or [evidence.get("outcome") or evidence.get("problem")]
    told = str(evidence.get("detail")).startswith("ICMP")  # by a router that it did reach
    return not told and all(outcome in {"unresolved", "unreachable"} for outcome in outcomes)


def _first(seen: CaptureEvidence) -> str:
    return f", first {quoted(seen.summaries[0])}" if seen.summaries else ""
