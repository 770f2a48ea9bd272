"""ICMP over raw kernel sockets: the kernel routes, scapy builds and reads (RFC 792, RFC 4443)."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Any

from scapy.error import Scapy_Exception
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.packet import Packet, Raw

from lab_runner.errors import ProbeError
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._stream import family, sockaddr

_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _IPV6_DONTFRAG = 10, 23, 62
_DONT, _PROBE = 0, 3  # ip(7): IP_PMTUDISC_DONT, IP_PMTUDISC_PROBE
_IP_MTU, _IPV6_MTU = 14, 24
_PACKET = 65535

#: ICMP types (RFC 792; RFC 4443 section 2.1: errors are those below 128).
ECHO_REPLY, UNREACHABLE, REDIRECT, TIME_EXCEEDED = 0, 3, 5, 11
ECHO_REPLY6, UNREACHABLE6, TOO_BIG6, TIME_EXCEEDED6 = 129, 1, 2, 3
_ERRORS = {UNREACHABLE, REDIRECT, TIME_EXCEEDED, 12}
_HEADER = 8


@dataclass(frozen=True)
class Heard:
    """One ICMP message: an echo reply, or an error about a packet of somebody's."""

    source: str
    type: int
    code: int
    #: Of an echo reply.
    ident: int = 0
    seq: int = 0
    #: Next-hop MTU (RFC 1191 section 4, RFC 4443 section 3.2); 0: not said.
    mtu: int = 0
    #: The offending packet, from its IP header on, as far as it is quoted.
    about: bytes | None = None

    def as_error(self) -> dict[str, Any]:
        """As evidence has it."""
        fact = {"type": self.type, "code": self.code, "from": self.source}
        return fact | ({"mtu": self.mtu} if self.mtu else {})


def raw_socket(address: str) -> socket.socket:
    """A socket for the ICMP of an address's family.

    Raises:
        ProbeError: The switchboard lacks CAP_NET_RAW.
    """
    kin = family(address)
    protocol = socket.IPPROTO_ICMP if kin == socket.AF_INET else socket.IPPROTO_ICMPV6
    try:
        return socket.socket(kin, socket.SOCK_RAW, protocol)
    except OSError as exc:
        raise ProbeError(f"no raw socket for ICMP: {exc.strerror}") from exc


def fragmenting(sock: socket.socket, *, allowed: bool) -> None:
    """Leave the DF bit out, or set it whatever path MTU the kernel remembers (ip(7))."""
    how = _DONT if allowed else _PROBE
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, how)
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_DONTFRAG, 0 if allowed else 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, how)


def device_mtu(address: str) -> int:
    """The MTU of the interface that leads to an address (ip(7), IP_MTU); 0: there is none."""
    with socket.socket(family(address), socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(sockaddr(address, 9))
            if sock.family == socket.AF_INET6:
                return sock.getsockopt(socket.IPPROTO_IPV6, _IPV6_MTU)
            return sock.getsockopt(socket.IPPROTO_IP, _IP_MTU)
        except OSError:
            return 0


def echo_request(address: str, ident: int, seq: int, payload: bytes) -> bytes:
    """An echo request; the kernel fills in an ICMPv6 checksum (RFC 3542 section 3.1)."""
    if family(address) == socket.AF_INET6:
        return bytes(ICMPv6EchoRequest(id=ident, seq=seq, cksum=0) / Raw(payload))
    return bytes(ICMP(type=8, id=ident, seq=seq) / Raw(payload))


def hear(sock: socket.socket, deadline: Deadline) -> Heard | None:
    """The next message that is a reply or an error; None for any other.

    Raises:
        TimeoutError: None came in time.
    """
    sock.settimeout(deadline.need())
    data, sender = sock.recvfrom(_PACKET)
    if sock.family == socket.AF_INET6:
        return _heard6(data, sender[0].partition("%")[0])
    header = (data[0] & 0x0F) * 4 if data else 0
    return _heard4(data[header:], sender[0])


def _heard4(data: bytes, source: str) -> Heard | None:
    if len(data) < _HEADER:
        return None
    if data[0] == ECHO_REPLY:
        return _reply(data, source)
    if data[0] not in _ERRORS:
        return None
    mtu = int.from_bytes(data[6:8], "big") if data[:2] == b"\x03\x04" else 0
    return Heard(source, data[0], data[1], mtu=mtu, about=data[_HEADER:])


def _heard6(data: bytes, source: str) -> Heard | None:
    if len(data) < _HEADER:
        return None
    if data[0] == ECHO_REPLY6:
        return _reply(data, source)
    if not 1 <= data[0] <= 4:  # RFC 4443 section 2.1
        return None
    mtu = int.from_bytes(data[4:8], "big") if data[0] == TOO_BIG6 else 0
    return Heard(source, data[0], data[1], mtu=mtu, about=data[_HEADER:])


def _reply(data: bytes, source: str) -> Heard:
    ident, seq = (int.from_bytes(data[at : at + 2], "big") for at in (4, 6))
    return Heard(source, data[0], data[1], ident=ident, seq=seq)


def quoted_packet(heard: Heard, kin: int) -> Packet | None:
    """The packet that an error is about; None where it cannot be read."""
    if heard.about is None:
        return None
    try:
        return IPv6(heard.about) if kin == socket.AF_INET6 else IP(heard.about)
    except (Scapy_Exception, struct.error, ValueError, IndexError):
        return None
