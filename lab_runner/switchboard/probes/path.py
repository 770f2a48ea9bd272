"""The routers on the way: one probe for each TTL, all at once (RFC 1812 section 5.3.1)."""

from __future__ import annotations

import errno
import secrets
import selectors
import socket
from contextlib import ExitStack
from dataclasses import dataclass, field

from scapy.layers.inet import ICMP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest

from lab_runner.models.evidence import PathEvidence
from lab_runner.models.probes import PathProbe
from lab_runner.switchboard.names import resolve
from lab_runner.switchboard.probes import _icmp
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._stream import family, sockaddr, word
from lab_runner.switchboard.vantage import Vantage

_IPV6_UNICAST_HOPS = 16
_PASSING = {socket.AF_INET: _icmp.TIME_EXCEEDED, socket.AF_INET6: _icmp.TIME_EXCEEDED6}
_ENDING = {socket.AF_INET: _icmp.UNREACHABLE, socket.AF_INET6: _icmp.UNREACHABLE6}
_PORT_UNREACHABLE = {(_icmp.UNREACHABLE, 3), (_icmp.UNREACHABLE6, 4)}


@dataclass
class _Walk:
    """What is known of the way so far."""

    address: str
    protocol: str
    max_hops: int
    #: Which TTL a probe had: by source port, or by sequence number for icmp.
    ttl_of: dict[int, int] = field(default_factory=dict)
    ident: int = field(default_factory=lambda: secrets.randbelow(0x10000))
    hops: dict[int, str] = field(default_factory=dict)
    #: The lowest TTL that got there; where a router gave up, that one's.
    reached: int | None = None
    stopped: int | None = None
    problem: str | None = None

    @property
    def end(self) -> int | None:
        """The TTL at which the way ends."""
        ends = [ttl for ttl in (self.reached, self.stopped) if ttl is not None]
        return min(ends, default=None)

    @property
    def complete(self) -> bool:
        """Is every hop known?"""
        return set(self.hops) >= set(range(1, (self.end or self.max_hops) + 1))

    def arrive(self, ttl: int, source: str) -> None:
        """A probe got to the destination."""
        self.hops.setdefault(ttl, source)
        self.reached = min(ttl, self.reached or ttl)

    def take(self, heard: _icmp.Heard, kin: socket.AddressFamily) -> None:
        """Note what an ICMP message says of one of our probes."""
        if heard.about is None:
            if self.protocol == "icmp" and heard.ident == self.ident and heard.seq in self.ttl_of:
                self.arrive(self.ttl_of[heard.seq], heard.source)
            return
        ttl = self._ttl(heard, kin)
        if ttl is not None and heard.type == _PASSING[kin]:
            self.hops.setdefault(ttl, heard.source)
        elif ttl is not None and heard.type == _ENDING[kin]:
            self._unreachable(ttl, heard)

    def _unreachable(self, ttl: int, heard: _icmp.Heard) -> None:
        """A closed UDP port is the destination's own word (RFC 1122 section 3.2.2.1)."""
        if self.protocol == "udp" and (heard.type, heard.code) in _PORT_UNREACHABLE:
            self.arrive(ttl, heard.source)
            return
        self.hops.setdefault(ttl, heard.source)
        if self.stopped is None or ttl < self.stopped:
            self.stopped = ttl
            self.problem = f"ICMP {heard.type}/{heard.code} from {heard.source}"

    def _ttl(self, heard: _icmp.Heard, kin: socket.AddressFamily) -> int | None:
        packet = _icmp.quoted_packet(heard, kin)
        if packet is None or packet.dst != self.address:
            return None
        if self.protocol == "icmp":
            echo = packet.getlayer(ICMP) or packet.getlayer(ICMPv6EchoRequest)
            return self.ttl_of.get(echo.seq) if echo and echo.id == self.ident else None
        transport = packet.getlayer(UDP if self.protocol == "udp" else TCP)
        return self.ttl_of.get(transport.sport) if transport else None


def ask(probe: PathProbe, at: Vantage) -> PathEvidence:
    """Send all probes at once; it takes one time limit at most, however long the way."""
    target = resolve(probe.to, at, probe.timeout_s)
    if target.address is None:
        return PathEvidence(target=target, hops=[], reached=False, problem="unresolved")
    walk = _Walk(target.address, probe.protocol, probe.max_hops)
    with _icmp.raw_socket(target.address) as listening, ExitStack() as open_sockets:
        deadline = Deadline(probe.timeout_s)
        try:
            senders = _SEND[probe.protocol](probe, walk, listening, open_sockets)
            _listen(walk, listening, senders, deadline)
        except OSError as exc:
            walk.problem = word(exc)
    return PathEvidence(
        target=target,
        hops=_in_order(walk),
        reached=walk.reached is not None and walk.reached == walk.end,
        problem=walk.problem,
    )


def _in_order(walk: _Walk) -> list[str | None]:
    """Up to where the way ends, or to the last router that was heard of."""
    last = walk.end or max(walk.hops, default=0)
    return [walk.hops.get(ttl) for ttl in range(1, last + 1)]


def _hop_limit(sock: socket.socket, ttl: int) -> None:
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_UNICAST_HOPS, ttl)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)


def _send_icmp(
    probe: PathProbe, walk: _Walk, listening: socket.socket, _open: ExitStack
) -> dict[socket.socket, int]:
    for ttl in range(1, probe.max_hops + 1):
        walk.ttl_of[ttl] = ttl
        _hop_limit(listening, ttl)
        request = _icmp.echo_request(walk.address, walk.ident, ttl, b"")
        listening.sendto(request, sockaddr(walk.address, 0))
    return {}


def _senders(
    probe: PathProbe, walk: _Walk, kind: socket.SocketKind, open_sockets: ExitStack
) -> dict[socket.socket, int]:
    """A socket for each TTL; its source port tells its probe from the others."""
    senders: dict[socket.socket, int] = {}
    for ttl in range(1, probe.max_hops + 1):
        sock = open_sockets.enter_context(socket.socket(family(walk.address), kind))
        sock.setblocking(False)
        _hop_limit(sock, ttl)
        senders[sock] = ttl
    return senders


def _send_udp(
    probe: PathProbe, walk: _Walk, _listening: socket.socket, open_sockets: ExitStack
) -> dict[socket.socket, int]:
    """To rising ports, as traceroute(8) does, so that no flow is like another."""
    senders = _senders(probe, walk, socket.SOCK_DGRAM, open_sockets)
    for sock, ttl in senders.items():
        sock.connect(sockaddr(walk.address, probe.port + ttl - 1))
        walk.ttl_of[sock.getsockname()[1]] = ttl
        sock.send(b"\0" * 8)
    return senders


def _send_tcp(
    probe: PathProbe, walk: _Walk, _listening: socket.socket, open_sockets: ExitStack
) -> dict[socket.socket, int]:
    """Real connections: a firewall that lets the service pass lets these pass."""
    senders = _senders(probe, walk, socket.SOCK_STREAM, open_sockets)
    for sock, ttl in senders.items():
        outcome = sock.connect_ex(sockaddr(walk.address, probe.port))
        if outcome not in {0, errno.EINPROGRESS, errno.ECONNREFUSED}:
            raise OSError(outcome, "connect")
        walk.ttl_of[sock.getsockname()[1]] = ttl
    return senders


_SEND = {"icmp": _send_icmp, "udp": _send_udp, "tcp": _send_tcp}


def _listen(
    walk: _Walk, listening: socket.socket, senders: dict[socket.socket, int], deadline: Deadline
) -> None:
    """Until the way is known or the time is over."""
    with selectors.DefaultSelector() as selector:
        selector.register(listening, selectors.EVENT_READ, 0)
        event = selectors.EVENT_WRITE if walk.protocol == "tcp" else selectors.EVENT_READ
        for sock, ttl in senders.items():
            selector.register(sock, event, ttl)
        while deadline.left and not walk.complete:
            for key, _ in selector.select(deadline.left):
                if key.data == 0:
                    _hear(walk, listening, deadline)
                else:
                    selector.unregister(key.fileobj)
                    _settle(walk, key.data, next(s for s, t in senders.items() if t == key.data))


def _hear(walk: _Walk, listening: socket.socket, deadline: Deadline) -> None:
    try:
        heard = _icmp.hear(listening, deadline)
    except TimeoutError:
        return
    if heard is not None:
        walk.take(heard, listening.family)


def _settle(walk: _Walk, ttl: int, sock: socket.socket) -> None:
    """A probe's own socket has news: a connection, a RST, a datagram. ICMP is heard elsewhere."""
    if walk.protocol == "tcp":
        outcome = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if outcome in {0, errno.ECONNREFUSED}:
            walk.arrive(ttl, walk.address)
        return
    try:
        sock.recv(1)
    except OSError:
        return
    walk.arrive(ttl, walk.address)
