"""Packets that must not be fragmented, of several sizes (RFC 1191, RFC 8201)."""

from __future__ import annotations

import errno
import secrets
import selectors
import socket
from contextlib import ExitStack
from dataclasses import dataclass, field

from scapy.layers.inet import ICMP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest

from lab_runner.models.evidence import PmtuEvidence, PmtuSize
from lab_runner.models.probes import PmtuProbe
from lab_runner.switchboard.names import resolve
from lab_runner.switchboard.probes import _icmp
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._stream import family, sockaddr, word
from lab_runner.switchboard.vantage import Vantage

_TRIES = 3
#: IP header (without options) and the eight bytes of ICMP's or UDP's.
_HEADERS = {socket.AF_INET: 20 + 8, socket.AF_INET6: 40 + 8}
_TOO_BIG = {(_icmp.UNREACHABLE, 4), (_icmp.TOO_BIG6, 0)}
_PORT_UNREACHABLE = {(_icmp.UNREACHABLE, 3), (_icmp.UNREACHABLE6, 4)}


@dataclass
class _Run:
    """Which sizes are out, and what is known of each."""

    protocol: str
    address: str
    ident: int = field(default_factory=lambda: secrets.randbelow(0x10000))
    #: By sequence number of an echo request, by source port of a datagram.
    size_of: dict[int, int] = field(default_factory=dict)
    known: dict[int, PmtuSize] = field(default_factory=dict)

    def settle(
        self, size: int, outcome: str, mtu: int | None = None, detail: str | None = None
    ) -> None:
        """The first word on a size counts."""
        fact = PmtuSize(size=size, outcome=outcome, mtu=mtu, detail=detail)
        self.known.setdefault(size, fact)

    def take(self, heard: _icmp.Heard, kin: socket.AddressFamily) -> None:
        """Note what an ICMP message says of one of our packets."""
        if heard.about is None:
            if self.protocol == "icmp" and heard.ident == self.ident and heard.seq in self.size_of:
                self.settle(self.size_of[heard.seq], "passed")
            return
        size = self.size_of.get(_quoted(heard, kin, self))
        if size is None or (heard.type == _icmp.REDIRECT and kin == socket.AF_INET):
            return
        kind = (heard.type, heard.code)
        if kind in _TOO_BIG:
            self.settle(size, "told", heard.mtu or None, heard.source)
        elif self.protocol == "udp" and kind in _PORT_UNREACHABLE and heard.source == self.address:
            self.settle(size, "passed", detail="the port is closed")
        else:
            detail = f"ICMP {heard.type}/{heard.code} from {heard.source}"
            self.settle(size, "unreachable", detail=detail)


def _quoted(heard: _icmp.Heard, kin: socket.AddressFamily, run: _Run) -> int:
    """The key of the packet that an error quotes; -1 where it is none of ours."""
    packet = _icmp.quoted_packet(heard, kin)
    if packet is None or packet.dst != run.address:
        return -1
    if run.protocol == "udp":
        datagram = packet.getlayer(UDP)
        return int(datagram.sport or 0) if datagram else -1
    echo = packet.getlayer(ICMP) or packet.getlayer(ICMPv6EchoRequest)
    return int(echo.seq or 0) if echo and (echo.id or 0) == run.ident else -1


def ask(probe: PmtuProbe, at: Vantage) -> PmtuEvidence:
    """Send all sizes at once, those without an answer again, and listen to the end."""
    target = resolve(probe.to, at, probe.timeout_s)
    if target.address is None:
        return PmtuEvidence(target=target, protocol=probe.protocol, problem="unresolved")
    run = _Run(probe.protocol, target.address)
    with ExitStack() as opened:
        listening = opened.enter_context(_icmp.raw_socket(target.address))
        senders = _senders(probe, run, listening, opened)
        for _ in range(_TRIES):
            _send(probe, run, senders)
            _listen(run, listening, senders, Deadline(probe.timeout_s / _TRIES))
    for size in probe.all_sizes:
        run.settle(size, "silent")
    facts = [run.known[size] for size in probe.all_sizes]
    return PmtuEvidence(target=target, protocol=probe.protocol, sizes=facts)


def _senders(
    probe: PmtuProbe, run: _Run, listening: socket.socket, opened: ExitStack
) -> dict[int, socket.socket]:
    """The socket that sends each size: one for all echo requests, one for each datagram."""
    senders: dict[int, socket.socket] = {}
    _icmp.fragmenting(listening, allowed=False)
    for seq, size in enumerate(probe.all_sizes, 1):
        sock, number = listening, seq
        if probe.protocol == "udp":
            kin = family(run.address)
            sock = opened.enter_context(socket.socket(kin, socket.SOCK_DGRAM))
            sock.setblocking(False)
            _icmp.fragmenting(sock, allowed=False)
            number = _connected(sock, probe, run, size)
        run.size_of[number] = size
        senders[size] = sock
    return senders


def _connected(sock: socket.socket, probe: PmtuProbe, run: _Run, size: int) -> int:
    """Connected: the kernel drops what others send; the source port names the size."""
    try:
        sock.connect(sockaddr(run.address, probe.port))
    except OSError as exc:
        run.settle(size, word(exc), detail=exc.strerror)
    port: int = sock.getsockname()[1]
    return port


def _send(probe: PmtuProbe, run: _Run, senders: dict[int, socket.socket]) -> None:
    """Each size of which nothing is known yet."""
    for number, size in run.size_of.items():
        if size in run.known:
            continue
        payload = bytes(size - _HEADERS[family(run.address)])
        try:
            if probe.protocol == "udp":
                senders[size].send(payload)
            else:
                request = _icmp.echo_request(run.address, run.ident, number, payload)
                senders[size].sendto(request, sockaddr(run.address, 0))
        except BlockingIOError:
            continue  # the interface is busy; the next round sends it
        except OSError as exc:
            _not_sent(run, size, exc)


def _not_sent(run: _Run, size: int, exc: OSError) -> None:
    """Only EMSGSIZE is about the size; an old ICMP error may also wait on the socket."""
    if exc.errno == errno.EMSGSIZE:
        run.settle(size, "too-long", detail=f"MTU {_icmp.device_mtu(run.address)}")
    elif exc.errno != errno.ECONNREFUSED:
        run.settle(size, word(exc), detail=exc.strerror)


def _listen(
    run: _Run, listening: socket.socket, senders: dict[int, socket.socket], deadline: Deadline
) -> None:
    """Until every size is settled or the time is over."""
    with selectors.DefaultSelector() as selector:
        selector.register(listening, selectors.EVENT_READ, 0)
        for size, sock in senders.items():
            if sock is not listening:
                selector.register(sock, selectors.EVENT_READ, size)
        while deadline.left and len(run.known) < len(senders):
            for key, _ in selector.select(deadline.left):
                if key.data == 0:
                    _hear(run, listening, deadline)
                else:
                    _answered(run, key.data, senders[key.data])


def _hear(run: _Run, listening: socket.socket, deadline: Deadline) -> None:
    try:
        heard = _icmp.hear(listening, deadline)
    except TimeoutError:
        return
    if heard is not None:
        run.take(heard, listening.family)


def _answered(run: _Run, size: int, sock: socket.socket) -> None:
    """A datagram came back; an error that waits there was heard as ICMP already."""
    try:
        sock.recv(1)
    except OSError:
        return
    run.settle(size, "passed")
