"""The node's own link: who answers for an address, who gives out addresses."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator

from lab_runner.checker.judge.verdict import Verdict, happened, listed, place, unless, verdict
from lab_runner.errors import ProbeError
from lab_runner.models.evidence import ArpEvidence, DhcpEvidence, DhcpOffer
from lab_runner.models.probes import ArpProbe, DhcpProbe


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


def judge_dhcp(probe: DhcpProbe, seen: DhcpEvidence, vantage: str) -> Verdict:
    """Did every new machine get a lease, a right one, and one of its own?"""
    asked = f"{_new_machines(len(seen.clients))} at {vantage} on {seen.interface}"
    if seen.problem is not None:
        wanted = "no offer" if probe.expect == "none" else "a lease"
        return verdict(f"{asked}: {happened(seen.problem, None)}", [wanted])
    if probe.expect == "none":
        return verdict(f"{asked}: {_outcomes(seen)}", [unless(not _offers(seen), "no offer")])
    return verdict(f"{asked}: {_outcomes(seen)}", _dhcp_unmet(probe, seen))


def _new_machines(count: int) -> str:
    return "a new machine" if count == 1 else f"{count} new machines"


_DHCP_WORDS = {
    "lease": "got a lease",
    "no-offer": "got no offer that could be taken",
    "no-answer": "got no answer to the DHCPREQUEST",
    "nak": "were refused (DHCPNAK)",
}


def _outcomes(seen: DhcpEvidence) -> str:
    """``lease of 10.0.0.7, offers from 10.0.0.1``; for many, how many."""
    counts = Counter(client.outcome for client in seen.clients)
    words = [f"{n} {_DHCP_WORDS.get(outcome, outcome)}" for outcome, n in counts.items()]
    said = listed(words, "nobody asked")
    if len(seen.clients) == 1:
        lease = seen.clients[0].lease
        said = f"lease of {lease.address}" if lease else said.removeprefix("1 ")
    return f"{said}, offers from {listed(_servers(seen), 'nobody')}"


def _offers(seen: DhcpEvidence) -> list[DhcpOffer]:
    return [offer for client in seen.clients for offer in client.offers]


def _servers(seen: DhcpEvidence) -> list[str]:
    """Who offers, by server identifier; one without is known by its address."""
    return sorted({offer.server or offer.source for offer in _offers(seen)})


def _dhcp_unmet(probe: DhcpProbe, seen: DhcpEvidence) -> Iterator[str | None]:
    leases = [client.lease for client in seen.clients if client.lease]
    every = bool(leases) and len(leases) == len(seen.clients)
    yield unless(every, "a lease" if len(seen.clients) == 1 else "a lease for each")
    if probe.servers is not None:
        met = _servers(seen) == sorted(set(probe.servers))
        yield unless(met, f"offers from {listed(probe.servers, 'nobody')} alone")
    for twice in sorted(_repeated(lease.address for lease in leases)):
        yield f"{twice} for one machine only"
    yield from _ranges_unmet(probe, seen, leases)
    yield from _options_unmet(probe, leases)


def _repeated(addresses: Iterable[str]) -> set[str]:
    return {address for address, times in Counter(addresses).items() if times > 1}


def _ranges_unmet(
    probe: DhcpProbe, seen: DhcpEvidence, leases: list[DhcpOffer]
) -> Iterator[str | None]:
    if probe.pool is not None:
        outside = [lease.address for lease in leases if not _within(lease.address, probe.pool)]
        yield unless(not outside, f"an address of {probe.pool}, not {listed(outside[:3])}")
    for span in probe.excluded:
        inside = sorted({o.address for o in _offers(seen) if _within(o.address, span)})
        yield unless(not inside, f"nothing of {span}, not {listed(inside[:3])}")


def _within(address: str, span: str) -> bool:
    """Is an address in ``10.0.0.1-10.0.0.9``, ``10.0.0.0/24`` or ``10.0.0.1``?

    Raises:
        ProbeError: The author's range is none.
    """
    try:
        first, dash, last = span.partition("-")
        if not dash:
            return ipaddress.IPv4Address(address) in ipaddress.IPv4Network(span)
        ends = ipaddress.IPv4Address(first.strip()), ipaddress.IPv4Address(last.strip())
        return ends[0] <= ipaddress.IPv4Address(address) <= ends[1]
    except ValueError as exc:
        raise ProbeError(f"{span!r} is no range of addresses: {exc}") from exc


def _options_unmet(probe: DhcpProbe, leases: list[DhcpOffer]) -> Iterator[str | None]:
    """The first lease that differs speaks for all."""
    for lease in leases:
        unmet = [text for text in _lease_unmet(probe, lease) if text]
        if unmet:
            yield from unmet
            return


def _lease_unmet(probe: DhcpProbe, lease: DhcpOffer) -> Iterator[str | None]:
    if probe.router is not None:
        met = lease.routers == [probe.router]
        yield unless(met, f"router {probe.router}, not {listed(lease.routers)}")
    if probe.dns_servers is not None:
        met = lease.dns_servers == probe.dns_servers
        wanted = listed(probe.dns_servers)
        yield unless(met, f"DNS servers {wanted}, not {listed(lease.dns_servers)}")
    if probe.domain is not None:
        met = (lease.domain or "").rstrip(".").lower() == probe.domain.rstrip(".").lower()
        yield unless(met, f"domain {probe.domain}, not {lease.domain or 'none'}")
    if probe.lease_at_most_s is not None:
        met = lease.lease_s is not None and lease.lease_s <= probe.lease_at_most_s
        yield unless(met, f"a lease of {probe.lease_at_most_s} s at most, not {lease.lease_s}")
    if probe.giaddr is not None:
        met = lease.giaddr == probe.giaddr
        yield unless(met, f"relay {probe.giaddr}, not {lease.giaddr or 'none'}")
