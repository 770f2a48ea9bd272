"""What can be asked on the wire, and what a healthy network answers.

One dataclass for each probe. Its fields are the keys of the probe's block in a
check (``dns: {qname: …, answer: […]}``): first what is asked, which the
switchboard reads, then, under *expected*, what the judge compares the evidence
with. Standard library only: the switchboard imports this file.

Where a probe has a ``to``, it is a host name or an address; a name is looked up
as the vantage node would look it up, through its own hosts file and resolvers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

#: Refuse a key that no field has; pydantic reads this attribute.
STRICT: dict[str, str] = {"extra": "forbid"}


def _bounded(name: str, value: float, least: float, most: float) -> None:
    """Refuse a number that would make a probe a nuisance, or nothing at all.

    Raises:
        ValueError: It is out of bounds.
    """
    if not least <= value <= most:
        raise ValueError(f"{name}: {value:g} is not between {least:g} and {most:g}")


@dataclass(frozen=True, kw_only=True)
class DnsProbe:
    """Ask a name server one question, or the same kind of question several times (RFC 1035).

    Without ``server`` the node's own ``/etc/resolv.conf`` is used as its stub
    resolver would: servers in order, with their time limits. An asterisk in
    ``qname`` stands for a fresh random label in each of ``repeat`` questions, so
    that no cache can answer. All exchanges of one question together take
    ``timeout_s`` at most: raise it above the node's own limit (5 s a server,
    unless ``resolv.conf`` has another) to see its resolver fall back.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    qname: str
    rdtype: str = "A"
    server: str | None = None
    port: int = 53
    transport: Literal["udp", "tcp"] = "udp"
    recursion: bool = True
    repeat: int = 1
    timeout_s: float = 2.0
    #: Expected: the RRset's records in presentation format, in any order; None: any.
    answer: list[str] | None = None
    #: Expected: any of these rcodes; ``SILENCE`` is no answer at all.
    rcode: list[str] = field(default_factory=lambda: ["NOERROR"])
    #: Expected: the AA bit (RFC 1035 section 4.1.1); None: either.
    authoritative: bool | None = None
    #: Expected: the AD bit (RFC 4035 section 3.2.3): ``server`` has validated all of the
    #: answer; None: either.
    authenticated: bool | None = None
    #: Expected: the slowest of the answers takes no longer.
    max_ms: float | None = None

    def __post_init__(self) -> None:
        if self.authenticated is not None and self.server is None:
            raise ValueError("authenticated: name the server, a stub resolver does not ask for it")


@dataclass(frozen=True, kw_only=True)
class TcpProbe:
    """Open a TCP connection; where asked to, read what the server says first (RFC 9293)."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    to: str
    port: int
    send: str | None = None
    timeout_s: float = 2.0
    #: Expected. ``blocked``: not open in whatever way (reset, silence, ICMP error).
    expect: Literal["open", "refused", "silent", "blocked"] = "open"
    #: Expected: a regular expression found in what the server says first.
    banner: str | None = None


@dataclass(frozen=True, kw_only=True)
class UdpProbe:
    """Send one datagram and wait for an answer (RFC 768)."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    to: str
    port: int
    send: str = ""
    timeout_s: float = 1.0
    #: Expected. ``blocked``: no answer in whatever way (silence, ICMP error).
    expect: Literal["answer", "refused", "silent", "blocked"] = "answer"
    #: Expected: a regular expression found in the answer.
    answer: str | None = None


@dataclass(frozen=True, kw_only=True)
class HttpProbe:
    """Fetch one URL without following redirections (RFC 9110); https is verified."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    url: str
    #: Connect here in place of what the URL's host resolves to.
    address: str | None = None
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    timeout_s: float = 3.0
    #: Expected: ``served`` with the rest below, or ``blocked`` (no HTTP response at all).
    expect: Literal["served", "blocked"] = "served"
    #: Expected: any of these status codes.
    status: list[int] = field(default_factory=lambda: [200])
    #: Expected: a regular expression found in the first 64 KiB of the body.
    body: str | None = None
    #: Expected: response headers, each a regular expression on the value.
    response_headers: dict[str, str] = field(default_factory=dict)
    max_ms: float | None = None


@dataclass(frozen=True, kw_only=True)
class LoadProbe:
    """Many connections, or requests over many: what one alone does not show.

    Together, every connection is held until the last has its answer or its time
    is over, so all of them are open at once; else each is closed before the next
    is made. No retries: each flow has one attempt, ``timeout_s`` long.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    to: str
    port: int
    #: ``http``: over each connection one GET, up to the end of the response's header.
    protocol: Literal["tcp", "http"] = "tcp"
    #: With http: the request target and the Host header (default: ``to``).
    path: str = "/"
    host: str | None = None
    flows: int = 40
    together: bool = True
    #: New connections a second, at most.
    per_second: int = 100
    timeout_s: float = 3.0
    #: Expected: this share of the flows succeeds, 0 to 1; default: all of them, or, with
    #: ``at_most``, one at least.
    at_least: float | None = None
    #: Expected: no more than this share does (a limit that must hold).
    at_most: float | None = None
    #: Expected with http: any of these status codes is success.
    status: list[int] = field(default_factory=lambda: [200])
    #: Expected: 95 of 100 successes take no longer.
    max_ms: float | None = None

    def __post_init__(self) -> None:
        _bounded("flows", self.flows, 1, 300)
        _bounded("per_second", self.per_second, 1, 200)


@dataclass(frozen=True, kw_only=True)
class TlsProbe:
    """Make a TLS handshake and verify the chain against the node's own trust store (RFC 8446)."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    to: str
    port: int = 443
    #: SNI and the name to verify (RFC 6066 section 3, RFC 9525); default: ``to``.
    server_name: str | None = None
    timeout_s: float = 3.0
    #: Expected: does the chain verify, for that name, today?
    verified: bool = True
    #: Expected: a name among the certificate's subjectAltNames.
    name: str | None = None
    #: Expected: a regular expression found in the name of whoever signed the certificate.
    issuer: str | None = None
    #: Expected: days until the certificate ends, at least.
    days_left: int | None = None


@dataclass(frozen=True, kw_only=True)
class SshProbe:
    """Speak SSH: host key, offered authentication methods, a login (RFC 4252, RFC 4253)."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    to: str
    port: int = 22
    user: str = "root"
    #: OpenSSH private key to log in with; without it only the methods are read.
    private_key: str | None = None
    password: str | None = None
    #: Run after a successful login.
    command: str | None = None
    #: Into this folder, after a login, a small file is put by SFTP; it is read back and removed.
    sftp: str | None = None
    #: To this ``host:port`` a connection by way of the server is asked for, after a login
    #: (RFC 4254 section 7.2).
    forward: str | None = None
    #: Algorithms that are offered, and no others (RFC 4253 section 7.1), as an old client would,
    #: or a strict one; default: all that the probe knows.
    key_exchange: list[str] | None = None
    host_key_types: list[str] | None = None
    ciphers: list[str] | None = None
    macs: list[str] | None = None
    timeout_s: float = 5.0
    #: Expected: the host key's fingerprint, ``SHA256:…`` as ``ssh-keygen -l`` prints it.
    host_key: str | None = None
    #: Expected: the vantage's known_hosts file (a path on the node) accepts the host key.
    known_hosts: str | None = None
    #: Expected: exactly these authentication methods are offered.
    methods: list[str] | None = None
    #: Expected: does the login succeed?
    login: Literal["accepted", "refused"] | None = None
    #: Expected: it is let in, or told that it is not, no later than this.
    max_ms: float | None = None
    #: Expected: a regular expression found in the command's output.
    output: str | None = None
    #: Expected: does the file come back as it was, or is it refused, at the login or later?
    transfer: Literal["done", "refused"] | None = None
    #: Expected: is the connection made, or refused, at the login or later? Where nobody answers
    #: at its end it is neither: the server would have allowed it.
    forwarding: Literal["made", "refused"] | None = None
    #: Expected: nothing that the server offers, of any kind, matches these regular expressions.
    lacks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.destination()

    def destination(self) -> tuple[str, int] | None:
        """Host and port of ``forward``, if there is one; an IPv6 address stands in brackets.

        Raises:
            ValueError: It is no ``host:port``.
        """
        if self.forward is None:
            return None
        host, _, port = self.forward.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"forward: {self.forward!r} is no host:port")
        return host.removeprefix("[").removesuffix("]"), int(port)


@dataclass(frozen=True, kw_only=True)
class FtpProbe:
    """Log in to an FTP server and have one listing or file sent (RFC 959, RFC 2428).

    In passive mode the data connection goes to the address that the server
    names, whoever that is; in active mode the node's own address is named.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    to: str
    port: int = 21
    user: str = "anonymous"
    password: str = "guest@"  # noqa: S105 - what RFC 1635 has a guest say
    mode: Literal["passive", "extended-passive", "active"] = "passive"
    command: Literal["LIST", "RETR"] = "LIST"
    path: str = ""
    timeout_s: float = 5.0
    #: Expected: does the login succeed? Default: it does.
    login: Literal["accepted", "refused"] = "accepted"
    #: Expected, after a login: the data connection is made and all is sent, or it is not made.
    data: Literal["opened", "failed"] = "opened"
    #: Expected: whom the data connection goes to; in active mode, whom it comes from.
    data_address: str | None = None
    #: Expected: a regular expression found in the first 64 KiB of the listing or file.
    content: str | None = None


@dataclass(frozen=True, kw_only=True)
class TelnetProbe:
    """Speak TELNET without any option, up to a prompt; where asked to, log in (RFC 854)."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    to: str
    port: int = 23
    #: A regular expression that ends what the server says first.
    prompt: str = r"(?<!Last )login: *$"
    #: Typed at the prompt; without it only the prompt is waited for.
    user: str | None = None
    password: str = ""
    #: What ends everything that is said after a login, and after a command.
    shell: str = r"[$#>] *$"
    #: Typed after a login.
    command: str | None = None
    timeout_s: float = 6.0
    #: Expected. ``blocked``: no prompt in whatever way (refused, closed, silence).
    expect: Literal["prompt", "blocked"] = "prompt"
    #: Expected: does the login succeed? Default, where there is a user: it does.
    login: Literal["accepted", "refused"] | None = None
    #: Expected: a regular expression found in the command's output.
    output: str | None = None


@dataclass(frozen=True, kw_only=True)
class PingProbe:
    """ICMP echo requests (RFC 792)."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    to: str
    count: int = 1
    #: Bytes of ICMP payload.
    size: int = 56
    dont_fragment: bool = False
    timeout_s: float = 1.0
    #: Expected.
    expect: Literal["reply", "none"] = "reply"
    #: Expected: share of lost requests at most, 0 to 1.
    max_loss: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ArpProbe:
    """Who on the node's own link answers for an IPv4 address (RFC 826)."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    to: str
    #: The interface it is asked on; without it the one that the node's route names.
    interface: str | None = None
    #: Requests, spread over ``timeout_s``; all of that time is listened.
    count: int = 3
    #: As an ARP Probe (RFC 5227 section 2.1.1): the sender's address is 0.0.0.0.
    probe: bool = False
    timeout_s: float = 1.0
    #: Expected: so many different machines answer.
    answers: int = 1
    #: Expected: one of them has this hardware address.
    mac: str | None = None

    def __post_init__(self) -> None:
        _bounded("count", self.count, 1, 20)


@dataclass(frozen=True, kw_only=True)
class DhcpProbe:
    """Ask for a lease as machines would that were never here before (RFC 2131).

    Frames of made-up machines leave from the node's interface; the node's own
    address and lease are not touched. All ``clients`` ask at once and hold their
    leases until the last of them is done, then each gives its lease back. A
    server may take its time: ISC's pings an address for 1 s before it offers it,
    dnsmasq for 3 s, so a ``window_s`` below that may miss one.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    interface: str = "eth0"
    clients: int = 1
    #: The one client's hardware address, for a reservation; default: random ones.
    mac: str | None = None
    #: Take this server's offer; default: the first one.
    server: str | None = None
    #: Offers are collected for so long before one is taken.
    window_s: float = 3.5
    #: For all of it, the window included.
    timeout_s: float = 8.0
    #: Expected: each client gets a lease, or nobody is offered anything.
    expect: Literal["lease", "none"] = "lease"
    #: Expected: exactly these servers make offers (their server identifiers).
    servers: list[str] | None = None
    #: Expected: leases are of this range: ``10.0.0.100-10.0.0.199``, a network, an address.
    pool: str | None = None
    #: Expected: nothing of these ranges is offered by anybody.
    excluded: list[str] = field(default_factory=list)
    #: Expected: options of each lease (RFC 2132 sections 3.5, 3.8, 3.17, 9.2).
    router: str | None = None
    dns_servers: list[str] | None = None
    domain: str | None = None
    lease_at_most_s: int | None = None
    #: Expected: the relay that each lease came through (RFC 2131 section 2, giaddr).
    giaddr: str | None = None

    def __post_init__(self) -> None:
        _bounded("clients", self.clients, 1, 1 if self.mac else 100)
        _bounded("window_s", self.window_s, 0, self.timeout_s)


@dataclass(frozen=True, kw_only=True)
class PathProbe:
    """The routers on the way, found with rising TTLs (RFC 1812 section 5.3.1)."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    to: str
    protocol: Literal["icmp", "udp", "tcp"] = "icmp"
    port: int = 33434
    max_hops: int = 8
    timeout_s: float = 1.0
    #: Expected: the addresses in order, the last being the destination.
    hops: list[str] | None = None
    #: Expected: an address that must be on the way / must not be.
    through: str | None = None
    avoids: str | None = None


@dataclass(frozen=True, kw_only=True)
class PmtuProbe:
    """What gets through whole, and whether the way says what does not (RFC 1191, RFC 8201).

    Sizes are those of IP packets, header included; none may be fragmented. Echo
    requests are answered at full length, so they must fit the way back too; a
    datagram to a closed port is answered by a short ICMP error, and so tells of
    the way there alone.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    to: str
    protocol: Literal["icmp", "udp"] = "icmp"
    #: With udp: an echo service or a closed port, so that either way something comes back.
    port: int = 33434
    #: Sizes to try besides those below.
    sizes: list[int] = field(default_factory=list)
    #: All sizes are tried at once, each three times unless it is answered.
    timeout_s: float = 1.5
    #: Expected: these sizes get through.
    passes: list[int] = field(default_factory=list)
    #: Expected: of these somebody on the way says that they are too big (ICMP 3/4, ICMPv6 2/0).
    told: list[int] = field(default_factory=list)
    #: Expected: the next-hop MTU that is told.
    mtu_at_least: int | None = None
    mtu_at_most: int | None = None

    @property
    def all_sizes(self) -> list[int]:
        """Each size that is tried, once."""
        return sorted({*self.sizes, *self.passes, *self.told})

    def __post_init__(self) -> None:
        _bounded("sizes together", len(self.all_sizes), 1, 16)
        for size in self.all_sizes:
            _bounded("size", size, 68, 9216)


@dataclass(frozen=True, kw_only=True)
class NatProbe:
    """Which source address the far end really sees.

    A connection or datagram that carries a random token is sent from the
    vantage; the frame with that token is caught on the cable of the node ``at``.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    #: Where the traffic is sent: host name or address.
    to: str
    #: The node on whose cable it is caught.
    at: str
    port: int = 80
    protocol: Literal["tcp", "udp"] = "tcp"
    timeout_s: float = 2.0
    #: Expected: any of these.
    observed_source: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class CaptureProbe:
    """What crosses a segment while something else is asked.

    Frames are caught on the switchboard's side (a segment's bridge, or the
    cable of ``node:interface``), so nothing shows on the node.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    #: A segment, or ``node:interface``.
    on: str
    #: pcap-filter(7) expression.
    filter: str
    #: What is asked meanwhile, from the check's own vantage: ``{<probe>: {…}}``.
    during: dict[str, Any]
    #: Keep listening after the question was answered.
    linger_s: float = 0.2
    #: Expected.
    expect: Literal["present", "absent"] = "present"
    #: Expected: at least so many frames, with ``present``.
    at_least: int = 1


@dataclass(frozen=True, kw_only=True)
class ListeningProbe:
    """Which sockets listen on the node (proc(5), /proc/net/tcp and its kin)."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    port: int
    protocol: Literal["tcp", "udp"] = "tcp"
    #: Expected: does something listen?
    expect: Literal["listening", "closed"] = "listening"
    #: Expected: on this address (a wildcard address covers it).
    address: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProcessProbe:
    """Is a program running on the node? Read from /proc, never asked of the node."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    #: The kernel's name of the process (proc(5), comm).
    name: str
    #: Expected.
    expect: Literal["running", "absent"] = "running"


@dataclass(frozen=True, kw_only=True)
class FileProbe:
    """A file on the node's disk, opened without leaving the node's root (openat2(2))."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    path: str
    #: Expected.
    expect: Literal["present", "absent"] = "present"
    #: Expected: regular expressions found / not found, line by line.
    contains: list[str] = field(default_factory=list)
    lacks: list[str] = field(default_factory=list)
    #: Expected: permission bits in octal, as ``"0600"``.
    mode: str | None = None
    #: Expected: numeric owner.
    uid: int | None = None


@dataclass(frozen=True, kw_only=True)
class SysctlProbe:
    """A kernel parameter under ``net.`` in the node's network namespace (sysctl(8))."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    key: str
    #: Expected: any of these.
    value: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class CommandProbe:
    """Run a program of the node's own. Not tamper-proof: the learner owns the program."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    argv: list[str]
    timeout_s: float = 5.0
    #: Expected: any of these exit statuses.
    exit_status: list[int] = field(default_factory=lambda: [0])
    #: Expected: a regular expression found in standard output.
    output: str | None = None


Probe = (
    DnsProbe
    | TcpProbe
    | UdpProbe
    | HttpProbe
    | LoadProbe
    | TlsProbe
    | SshProbe
    | FtpProbe
    | TelnetProbe
    | PingProbe
    | ArpProbe
    | DhcpProbe
    | PathProbe
    | PmtuProbe
    | NatProbe
    | CaptureProbe
    | ListeningProbe
    | ProcessProbe
    | FileProbe
    | SysctlProbe
    | CommandProbe
)

#: The word for each probe in a check, and its fields.
PROBES: dict[str, type[Probe]] = {
    "dns": DnsProbe,
    "tcp": TcpProbe,
    "udp": UdpProbe,
    "http": HttpProbe,
    "load": LoadProbe,
    "tls": TlsProbe,
    "ssh": SshProbe,
    "ftp": FtpProbe,
    "telnet": TelnetProbe,
    "ping": PingProbe,
    "arp": ArpProbe,
    "dhcp": DhcpProbe,
    "path": PathProbe,
    "pmtu": PmtuProbe,
    "nat": NatProbe,
    "capture": CaptureProbe,
    "listening": ListeningProbe,
    "process": ProcessProbe,
    "file": FileProbe,
    "sysctl": SysctlProbe,
    "command": CommandProbe,
}


def patient(probe: Probe, times: float) -> Probe:
    """The same question with time limits so many times as long, its nested one included."""
    if isinstance(probe, CaptureProbe):
        during = {
            word: {**asked, "timeout_s": asked["timeout_s"] * times}
            if isinstance(asked, dict) and "timeout_s" in asked
            else asked
            for word, asked in probe.during.items()
        }
        return replace(probe, during=during)
    if isinstance(probe, PathProbe | ListeningProbe | ProcessProbe | FileProbe | SysctlProbe):
        return probe  # it waits for nobody, or, with a time limit for each hop, long enough
    return replace(probe, timeout_s=probe.timeout_s * times)
