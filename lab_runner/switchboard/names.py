"""Names as the node would look them up: its hosts file, then its resolvers.

What glibc's NSS does with ``hosts: files dns``, done with dnspython: nothing of
the node's own is loaded into this process.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field

import dns.exception
import dns.name

from lab_runner.errors import ProbeError
from lab_runner.models.evidence import DnsAnswer, Target
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._exchange import Question, exchange
from lab_runner.switchboard.probes._text import clean
from lab_runner.switchboard.vantage import NodeFiles, Vantage

_MAXNS = 3  # resolv.conf(5): "Up to MAXNS (currently 3)"
_CAPS = {"ndots": 15, "timeout": 30, "attempts": 5}  # resolv.conf(5), options
#: Rcodes at which the stub asks the next server (glibc, res_send.c, next_ns).
_NEXT_SERVER = frozenset({"SERVFAIL", "NOTIMP", "REFUSED"})


@dataclass(frozen=True)
class StubConfig:
    """What ``/etc/resolv.conf`` says (resolv.conf(5))."""

    nameservers: list[str] = field(default_factory=lambda: ["127.0.0.1"])
    search: list[str] = field(default_factory=list)
    ndots: int = 1
    timeout_s: float = 5
    attempts: int = 2
    #: The option ``use-vc``.
    use_tcp: bool = False


@dataclass
class Lookup:
    """All exchanges that one question took, in order, and the one that settled it."""

    exchanges: list[DnsAnswer] = field(default_factory=list)
    settled_by: int = 0

    @property
    def final(self) -> DnsAnswer:
        """The exchange that settled the question."""
        return self.exchanges[self.settled_by]

    def add(self, exchanges: list[DnsAnswer]) -> DnsAnswer:
        """Note what one server said."""
        self.exchanges += exchanges
        self.settled_by = len(self.exchanges) - 1
        return self.final


def stub_config(files: NodeFiles) -> StubConfig:
    """Read the node's ``/etc/resolv.conf``; an absent one means the node itself."""
    servers: list[str] = []
    search = _own_domain(files)
    options: list[str] = []
    for line in files.text("/etc/resolv.conf").splitlines():
        # "The keyword must be at the start of the line" (resolv.conf(5)).
        keyword, *values = line.split() if line[:1].strip() else [""]
        if keyword == "nameserver" and values:
            servers += [values[0]] if _address(values[0]) else []
        elif keyword in {"search", "domain"} and values:
            search = values if keyword == "search" else values[:1]
        elif keyword == "options":
            options += values
    numbers = dict(_numbers(options))
    return StubConfig(
        nameservers=servers[:_MAXNS] or ["127.0.0.1"],
        search=search,
        ndots=numbers.get("ndots", 1),
        timeout_s=max(1, numbers.get("timeout", 5)),
        attempts=max(1, numbers.get("attempts", 2)),
        use_tcp="use-vc" in options,
    )


def _own_domain(files: NodeFiles) -> list[str]:
    _, _, domain = files.text("/etc/hostname").strip().partition(".")
    return [domain] if domain else []


def _numbers(options: list[str]) -> Iterator[tuple[str, int]]:
    for option in options:
        name, _, value = option.partition(":")
        if name in _CAPS and value.isascii() and value.isdigit():
            yield name, min(int(value[:6]), _CAPS[name])


def _address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def candidates(name: str, config: StubConfig) -> list[dns.name.Name]:
    """The names that are tried in turn (resolv.conf(5), ``search`` and ``ndots``).

    Raises:
        ProbeError: It is no domain name at all.
    """
    try:
        plain = dns.name.from_text(name)
        if name.endswith("."):
            return [plain]
        longer = [dns.name.from_text(f"{name}.{suffix}") for suffix in config.search]
    except (dns.exception.DNSException, UnicodeError) as exc:
        raise ProbeError(f"{name!r} cannot be asked for: {exc}") from exc
    first = name.count(".") >= config.ndots
    return [plain, *longer] if first else [*longer, plain]


def ask_stub(name: str, rdtype: str, config: StubConfig, deadline: Deadline) -> Lookup:
    """One question as the node's stub resolver asks it, search list and all.

    NXDOMAIN, an empty answer and SERVFAIL lead to the next candidate; silence
    ends it, as in glibc's ``res_nsearch``.
    """
    lookup = Lookup()
    settled: list[int] = []
    for candidate in candidates(name, config):
        _ask_servers(Question(candidate, rdtype), config, deadline, lookup)
        settled.append(lookup.settled_by)
        if lookup.final.answer or lookup.final.rcode is None:
            return lookup
    # The most telling answer speaks for all: "it exists, but" before "it does not".
    lookup.settled_by = min(settled, key=lambda index: _telling(lookup.exchanges[index]))
    return lookup


def _telling(answer: DnsAnswer) -> int:
    return {"NOERROR": 0, "NXDOMAIN": 2}.get(answer.rcode or "", 1)


def _ask_servers(
    question: Question, config: StubConfig, deadline: Deadline, lookup: Lookup
) -> None:
    """Each server in turn, ``attempts`` times over, until one gives a usable answer."""
    refused_by: int | None = None
    first = len(lookup.exchanges)
    transport = "tcp" if config.use_tcp else "udp"
    for server in config.nameservers * config.attempts:
        if len(lookup.exchanges) > first and not deadline.left:
            break
        answer = lookup.add(
            exchange(question, server, transport, min(config.timeout_s, deadline.left))
        )
        if answer.rcode is not None and answer.rcode not in _NEXT_SERVER:
            return
        refused_by = lookup.settled_by if answer.rcode else refused_by
        if _all_spoke(lookup.exchanges[first:], config):
            break
    if refused_by is not None:
        lookup.settled_by = refused_by


def _all_spoke(exchanges: list[DnsAnswer], config: StubConfig) -> bool:
    return {e.server for e in exchanges if e.rcode} >= set(config.nameservers)


def resolve(name: str, at: Vantage, timeout: float) -> Target:
    """Turn a ``to`` into an address: literal, hosts file, resolvers; IPv4 first."""
    if _address(name):
        return Target(name=name, address=name, source="literal")
    listed = hosts_address(name, at.files)
    if listed:
        return Target(name=name, address=listed, source="hosts")
    return _from_dns(name, stub_config(at.files), Deadline(timeout))


def hosts_address(name: str, files: NodeFiles) -> str | None:
    """The address of a name in the node's ``/etc/hosts`` (hosts(5))."""
    wanted = name.rstrip(".").lower()
    found = [
        fields[0]
        for line in files.text("/etc/hosts").splitlines()
        if len(fields := line.partition("#")[0].lower().split()) > 1
        and wanted in fields[1:]
        and _address(fields[0])
    ]
    return next((a for a in found if ":" not in a), found[0] if found else None)


def _from_dns(name: str, config: StubConfig, deadline: Deadline) -> Target:
    problem = None
    for rdtype in ("A", "AAAA"):
        answer = ask_stub(name, rdtype, config, deadline).final
        if answer.answer:
            return Target(name=name, address=answer.answer[0], source="dns")
        problem = problem or _why_not(answer)
        if answer.rcode is None:
            break  # who is silent about A is not asked for AAAA
    return Target(name=name, address=None, source=None, problem=problem)


def _why_not(answer: DnsAnswer) -> str:
    said = answer.problem or answer.rcode or "nothing"
    return clean(f"{answer.server}: {'no address' if said == 'NOERROR' else said}")
