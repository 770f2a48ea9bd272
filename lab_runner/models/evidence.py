"""What a probe saw: facts without an opinion, one dataclass for each probe.

Evidence is stored as JSON and judged from there, so it holds only what JSON
can: no bytes, no addresses as objects. ``problem`` fields hold a word of what
the *network* did (``timeout``, ``refused``, ``unreachable``…). That an
instrument failed is never evidence; it is a ``ProbeError``. Standard library
only: the switchboard imports this file.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

#: Raised when a field changes its meaning; old evidence is judged by its own version.
VERSION = 1


class Strict:
    """Stored evidence with a field that is not here is refused; pydantic reads this attribute."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


@dataclass(frozen=True, kw_only=True)
class DnsAnswer(Strict):
    """One exchange with a name server."""

    server: str
    qname: str
    transport: str
    #: None: nothing usable came back; ``problem`` says what happened.
    rcode: str | None = None
    #: QR AA TC RD RA AD CD (RFC 1035 section 4.1.1, RFC 4035).
    flags: list[str] = field(default_factory=list)
    #: Records of the asked type at the end of the CNAME chain, in presentation format.
    answer: list[str] = field(default_factory=list)
    cname: list[str] = field(default_factory=list)
    problem: str | None = None
    duration_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class DnsEvidence(Strict):
    """All exchanges of a dns probe, in the order in which they were made.

    With several servers in ``resolv.conf`` one question makes several exchanges;
    ``final`` holds the index of the exchange that settled each question.
    """

    exchanges: list[DnsAnswer]
    final: list[int]
    #: Milliseconds that each question took, all its exchanges together.
    question_ms: list[float]


@dataclass(frozen=True, kw_only=True)
class Target(Strict):
    """How a ``to`` was turned into an address."""

    name: str
    address: str | None
    #: ``literal``, ``hosts``, ``dns``; None where the name was not found.
    source: str | None
    #: What the resolver said, where the name was not found.
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class TcpEvidence(Strict):
    """One connection attempt."""

    target: Target
    port: int
    #: ``open``, ``refused`` (RST), ``timeout``, ``unreachable``, ``reset``, ``unresolved``.
    outcome: str
    detail: str | None = None
    banner: str | None = None
    duration_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class UdpEvidence(Strict):
    """One datagram and what came back."""

    target: Target
    port: int
    #: ``answer``, ``refused`` (ICMP port unreachable), or as in :class:`TcpEvidence`.
    outcome: str
    answer: str | None = None
    detail: str | None = None
    duration_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TlsFacts(Strict):
    """What a TLS server showed."""

    version: str | None = None
    verified: bool = False
    #: OpenSSL's words, where the chain or the name does not verify.
    verify_error: str | None = None
    subject: str | None = None
    issuer: str | None = None
    names: list[str] = field(default_factory=list)
    #: ISO 8601, UTC.
    not_after: str | None = None
    fingerprint_sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class TlsEvidence(Strict):
    """One handshake."""

    target: Target
    port: int
    server_name: str
    #: ``handshake`` (made, verified or not), else as in :class:`TcpEvidence`, or ``broken``.
    outcome: str
    detail: str | None = None
    facts: TlsFacts | None = None
    duration_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class HttpEvidence(Strict):
    """One exchange of HTTP."""

    url: str
    target: Target
    #: ``response``, else as in :class:`TcpEvidence`, ``broken`` (not HTTP, cut off), ``tls``.
    outcome: str
    detail: str | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    tls: TlsFacts | None = None
    duration_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class LoadOutcome(Strict):
    """The flows that ended in one way."""

    #: ``open``, or with http the status code (``200``); else as in :class:`TcpEvidence`,
    #: ``closed`` (no answer), ``broken`` (not HTTP), ``not-tried`` (no time was left).
    outcome: str
    flows: int
    #: From the first packet to the end of it: half of them, 95 of 100, all.
    median_ms: float
    p95_ms: float
    slowest_ms: float


@dataclass(frozen=True, kw_only=True)
class LoadEvidence(Strict):
    """Many connections, the commonest outcome first."""

    target: Target
    port: int
    outcomes: list[LoadOutcome] = field(default_factory=list)
    #: The most that were open at one time.
    open_at_once: int = 0
    duration_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SshEvidence(Strict):
    """One conversation with an SSH server."""

    target: Target
    port: int
    #: ``connected`` (key exchange done), else as in :class:`TcpEvidence`, or ``broken``.
    outcome: str
    detail: str | None = None
    banner: str | None = None
    host_key_type: str | None = None
    host_key: str | None = None
    #: ``match``, ``changed``, ``revoked``, ``unknown``; None: no known_hosts was asked for.
    known_hosts: str | None = None
    #: What the server's first packet offers, by kind: ``key_exchange``, ``host_key_types``,
    #: ``ciphers``, ``macs``; None: it did not come.
    offered: dict[str, list[str]] | None = None
    methods: list[str] | None = None
    #: ``accepted``, ``refused``; None: no login was tried.
    login: str | None = None
    #: From the start until the server had said so, or had named its methods.
    login_ms: float | None = None
    command_exit: int | None = None
    output: str | None = None
    #: ``done``, ``refused``; None: it was not tried, or nobody knows.
    transfer: str | None = None
    #: ``made``, ``refused``, ``unreachable`` (allowed, but nobody answers there); None: it was
    #: not tried, or nobody knows.
    forwarding: str | None = None
    duration_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class FtpEvidence(Strict):
    """One conversation with an FTP server."""

    target: Target
    port: int
    mode: str
    #: ``connected``, else as in :class:`TcpEvidence`.
    outcome: str
    #: The last lines of the server's replies, in order: ``227 Entering Passive Mode (…)``.
    replies: list[str] = field(default_factory=list)
    #: ``accepted``, ``refused``; None: it did not come to that.
    login: str | None = None
    #: ``opened``, ``failed``; None: it was not tried.
    data: str | None = None
    #: The address that the server named (EPSV: its own); in active mode, whence it came.
    data_address: str | None = None
    data_port: int | None = None
    content: str | None = None
    #: What broke off, and how: ``PASV: timeout``, ``RETR: 550 …``, ``data: refused``.
    failed: str | None = None
    duration_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TelnetEvidence(Strict):
    """One conversation with a TELNET server."""

    target: Target
    port: int
    #: ``prompt``, else as in :class:`TcpEvidence`, ``closed``, ``too-much`` (and no prompt).
    outcome: str
    detail: str | None = None
    #: What was said up to the prompt, options left out.
    said: str = ""
    #: ``accepted``, ``refused``; None: it did not come to that.
    login: str | None = None
    output: str | None = None
    #: What broke off after the prompt: ``login: closed``, ``command: timeout``.
    failed: str | None = None
    duration_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PingEvidence(Strict):
    """Echo requests, replies and errors."""

    target: Target
    sent: int
    received: int
    rtt_ms: list[float] = field(default_factory=list)
    #: ICMP errors: ``{"type": 3, "code": 4, "from": "192.0.2.1", "mtu": 1400}``.
    icmp_errors: list[dict[str, Any]] = field(default_factory=list)
    #: The kernel refused to send: ``unreachable``, ``unresolved``…
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class ArpMachine(Strict):
    """One hardware address that answered."""

    mac: str
    replies: int


@dataclass(frozen=True, kw_only=True)
class ArpEvidence(Strict):
    """Who answered for an address."""

    target: Target
    #: Where it was asked; None: no route leads there.
    interface: str | None
    sent: int
    machines: list[ArpMachine] = field(default_factory=list)
    #: Nothing could be asked: ``unresolved``, ``unreachable``, ``no-interface``; or the
    #: address is not on this link: ``own-address``, ``behind 192.0.2.1``.
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class DhcpOffer(Strict):
    """What a DHCPOFFER or a DHCPACK holds."""

    address: str
    #: The server identifier (RFC 2132 section 9.7); None: it has none, so nobody can take it.
    server: str | None
    #: The address in the IP header: the server's, or a relay's.
    source: str
    giaddr: str | None = None
    routers: list[str] = field(default_factory=list)
    dns_servers: list[str] = field(default_factory=list)
    domain: str | None = None
    lease_s: int | None = None


@dataclass(frozen=True, kw_only=True)
class DhcpClient(Strict):
    """One made-up machine."""

    mac: str
    #: ``lease``; ``no-offer``, ``no-answer`` (to its DHCPREQUEST); ``nak``, however
    #: often it began again.
    outcome: str
    #: Different ones only, the first sixteen.
    offers: list[DhcpOffer] = field(default_factory=list)
    lease: DhcpOffer | None = None


@dataclass(frozen=True, kw_only=True)
class DhcpEvidence(Strict):
    """What machines got that had never been here before."""

    interface: str
    clients: list[DhcpClient]
    #: Nothing could be asked: ``no-interface``, ``unreachable`` (it is down).
    problem: str | None = None
    duration_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PathEvidence(Strict):
    """The hops that answered; None for one that was silent."""

    target: Target
    hops: list[str | None]
    reached: bool
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class PmtuSize(Strict):
    """What became of packets of one size."""

    size: int
    #: ``passed``; ``told`` (too big for a next hop); ``silent``; ``too-long`` (for the
    #: node's own interface); ``unreachable`` (another ICMP error, or the kernel's word).
    outcome: str
    #: With ``told``: the next-hop MTU; None: not said (RFC 1191 section 4, 0).
    mtu: int | None = None
    #: Who said so: ``10.0.0.1``, ``ICMP 3/13 from 10.0.0.1``.
    detail: str | None = None


@dataclass(frozen=True, kw_only=True)
class PmtuEvidence(Strict):
    """Packets of several sizes that must not be fragmented."""

    target: Target
    protocol: str
    sizes: list[PmtuSize] = field(default_factory=list)
    #: The name was not found: ``unresolved``.
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class NatEvidence(Strict):
    """The near and the far side of one connection."""

    target: Target
    port: int
    protocol: str
    #: As in :class:`TcpEvidence`, on the near side.
    outcome: str
    #: None: the token was not seen at the far end.
    observed_source: str | None = None
    observed_port: int | None = None
    observed_destination: str | None = None
    duration_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class CaptureEvidence(Strict):
    """Frames that matched, and what was asked meanwhile."""

    on: str
    filter: str
    frames: int
    #: One line each, the first twenty.
    summaries: list[str]
    #: All frames that crossed meanwhile, matching or not.
    frames_seen: int
    #: ``{"probe": "dns", "from": "pc", "evidence": {…}}``
    during: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ListeningEvidence(Strict):
    """The addresses on which the port is listened on."""

    port: int
    protocol: str
    addresses: list[str]


@dataclass(frozen=True, kw_only=True)
class ProcessEvidence(Strict):
    """Processes of that name."""

    name: str
    #: Their count.
    running: int


@dataclass(frozen=True, kw_only=True)
class FileEvidence(Strict):
    """One file."""

    path: str
    #: ``regular``, ``directory``, ``symlink``, ``other``; None: not there.
    kind: str | None
    mode: str | None = None
    uid: int | None = None
    gid: int | None = None
    size: int | None = None
    #: The first 64 KiB, undecodable bytes replaced.
    content: str | None = None
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class SysctlEvidence(Strict):
    """One kernel parameter; None: there is none of that name."""

    key: str
    value: str | None


@dataclass(frozen=True, kw_only=True)
class CommandEvidence(Strict):
    """One program's end."""

    argv: list[str]
    exit_status: int | None
    stdout: str
    stderr: str
    problem: str | None = None
    duration_ms: float = 0.0


Evidence = (
    DnsEvidence
    | TcpEvidence
    | UdpEvidence
    | HttpEvidence
    | LoadEvidence
    | TlsEvidence
    | SshEvidence
    | FtpEvidence
    | TelnetEvidence
    | PingEvidence
    | ArpEvidence
    | DhcpEvidence
    | PathEvidence
    | PmtuEvidence
    | NatEvidence
    | CaptureEvidence
    | ListeningEvidence
    | ProcessEvidence
    | FileEvidence
    | SysctlEvidence
    | CommandEvidence
)

#: What each probe brings back.
EVIDENCE: dict[str, type[Evidence]] = {
    "dns": DnsEvidence,
    "tcp": TcpEvidence,
    "udp": UdpEvidence,
    "http": HttpEvidence,
    "load": LoadEvidence,
    "tls": TlsEvidence,
    "ssh": SshEvidence,
    "ftp": FtpEvidence,
    "telnet": TelnetEvidence,
    "ping": PingEvidence,
    "arp": ArpEvidence,
    "dhcp": DhcpEvidence,
    "path": PathEvidence,
    "pmtu": PmtuEvidence,
    "nat": NatEvidence,
    "capture": CaptureEvidence,
    "listening": ListeningEvidence,
    "process": ProcessEvidence,
    "file": FileEvidence,
    "sysctl": SysctlEvidence,
    "command": CommandEvidence,
}


def to_json(probe: str, evidence: Evidence) -> dict[str, Any]:
    """The evidence as it is stored: its fields, the probe's name and the version."""
    return {"probe": probe, "version": VERSION, **asdict(evidence)}
