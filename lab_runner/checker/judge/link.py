"""The node's own link: who answers for an address."""

from __future__ import annotations

from collections.abc import Iterator

from lab_runner.checker.judge.verdict import Verdict, happened, listed, place, unless, verdict
from lab_runner.models.evidence import ArpEvidence
from lab_runner.models.probes import ArpProbe


def judge_arp(probe: ArpProbe, seen: ArpEvidence, vantage: str) -> Verdict:
    """Did as many machines answer as should? What could not be asked proves no absence."""
    where = f" on {seen.interface}" if seen.interface else ""
    asked = f"{vantage} asked{where} who has {place(seen.target)}"
    if seen.problem is not None:
        return verdict(f"{asked}: {_not_asked(seen.problem)}", [_machines(probe.answers)])
    answered = [f"{machine.mac} ({machine.replies} times)" for machine in seen.machines]
    said = f"{asked} {seen.sent} times: answers from {listed(answered, 'nobody')}"
    return verdict(said, _arp_unmet(probe, seen))


def _not_asked(problem: str) -> str:
    if problem == "own-address":
        return "it is the node's own address"
    if problem.startswith("behind "):
        return f"it is not on this link but {problem}"
    return happened(problem, None)


def _machines(count: int) -> str:
    return {0: "nobody", 1: "one machine"}.get(count, f"{count} machines")


def _arp_unmet(probe: ArpProbe, seen: ArpEvidence) -> Iterator[str | None]:
    yield unless(len(seen.machines) == probe.answers, _machines(probe.answers))
    if probe.mac is not None:
        known = [machine.mac.lower() for machine in seen.machines]
        yield unless(probe.mac.lower() in known, f"an answer from {probe.mac}")
