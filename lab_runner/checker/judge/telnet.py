"""Conversations with TELNET servers."""

from __future__ import annotations

from collections.abc import Iterator

from lab_runner.checker.judge.verdict import (
    Verdict,
    happened,
    place,
    quoted,
    unless,
    verdict,
)
from lab_runner.models.evidence import TelnetEvidence
from lab_runner.models.probes import TelnetProbe
from lab_runner.patterns import found

#: No prompt, in a way that is the network's or the server's; a name that was not found is none.
_BLOCKED = {"refused", "timeout", "unreachable", "reset", "too-long", "closed"}


def judge_telnet(probe: TelnetProbe, seen: TelnetEvidence, vantage: str) -> Verdict:
    """Was there a prompt, and behind it what should be?"""
    said = f"{vantage} to {place(seen.target, seen.port)}: {_said(seen)}"
    if probe.expect == "blocked":
        return verdict(said, [unless(seen.outcome in _BLOCKED, "no prompt")])
    return verdict(said, _unmet(probe, seen))


def _said(seen: TelnetEvidence) -> str:
    if seen.outcome != "prompt":
        heard = f" after {quoted(seen.said)}" if seen.said else ""
        return f"{happened(seen.outcome, seen.detail)}{heard}"
    login = f", login {seen.login}" if seen.login else ""
    failed = f" ({seen.failed})" if seen.failed else ""
    return f"a prompt{login}{failed}"


def _unmet(probe: TelnetProbe, seen: TelnetEvidence) -> Iterator[str | None]:
    yield unless(seen.outcome == "prompt", f"a prompt, /{probe.prompt}/")
    if seen.outcome != "prompt" or probe.user is None:
        return
    wanted = probe.login or "accepted"
    yield unless(seen.login == wanted, f"a login that is {wanted}")
    if probe.output is not None and seen.login == "accepted":
        met = seen.output is not None and found(probe.output, seen.output)
        yield unless(met, f"/{probe.output}/ in the output, not {quoted(seen.output)}")
