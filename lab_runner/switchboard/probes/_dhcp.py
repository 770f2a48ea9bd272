"""DHCP messages in Ethernet frames (RFC 2131 section 2, RFC 2132)."""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from lab_runner.models.evidence import DhcpOffer
from lab_runner.switchboard.probes import _link
from lab_runner.switchboard.probes._text import clean

#: DHCP message types (RFC 2132 section 9.6).
DISCOVER, OFFER, REQUEST, ACK, NAK, RELEASE = 1, 2, 3, 5, 6, 7
#: Options (RFC 2132).
ROUTER, DNS_SERVERS, DOMAIN = 3, 6, 15
REQUESTED_ADDRESS, LEASE_TIME, OVERLOAD, MESSAGE_TYPE, SERVER_ID, PARAMETERS = (
    50,
    51,
    52,
    53,
    54,
    55,
)
_PAD, _END = 0, 255

NOBODY = "0.0.0.0"  # noqa: S104 - a client's source address before it has one
EVERYBODY = "255.255.255.255"
_SERVER_PORT, _CLIENT_PORT = 67, 68
#: op htype hlen hops xid secs flags ciaddr yiaddr siaddr giaddr chaddr sname file
_FIXED = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")
_SNAME, _FILE = slice(44, 108), slice(108, 236)
_COOKIE = bytes.fromhex("63825363")
_BOOTREQUEST, _BOOTREPLY, _ETHERNET = 1, 2, 1
_BROADCAST_FLAG = 0x8000
#: Shorter ones are dropped by relays that take them for broken BOOTP (RFC 1542 section 2.1).
_SHORTEST = 300
_UDP = 17
_TEXT = 255

_SO_ATTACH_FILTER = 26  # socket(7)
#: IPv4, UDP, no fragment but the first, to the client's port (bpf(2), classic).
_TO_CLIENTS = (
    (0x28, 0, 0, 12),
    (0x15, 0, 8, _link.ETHERTYPE_IP),
    (0x30, 0, 0, 23),
    (0x15, 0, 6, _UDP),
    (0x28, 0, 0, 20),
    (0x45, 4, 0, 0x1FFF),
    (0xB1, 0, 0, 14),
    (0x48, 0, 0, 16),
    (0x15, 0, 1, _CLIENT_PORT),
    (0x06, 0, 0, 0xFFFF),
    (0x06, 0, 0, 0),
)


@dataclass(frozen=True)
class Message:
    """A server's message."""

    kind: int
    xid: int
    mac: bytes
    yiaddr: str
    giaddr: str
    #: Who it came from: IP address and, on this link, MAC.
    source: str
    via: bytes
    options: dict[int, bytes] = field(default_factory=dict)

    @property
    def server(self) -> str | None:
        """The server identifier."""
        return next(iter(_addresses(self.options.get(SERVER_ID, b""))), None)

    def as_offer(self) -> DhcpOffer:
        """As evidence has it."""
        domain, lease = self.options.get(DOMAIN), self.options.get(LEASE_TIME, b"")
        return DhcpOffer(
            address=self.yiaddr,
            server=self.server,
            source=self.source,
            giaddr=None if self.giaddr == NOBODY else self.giaddr,
            routers=_addresses(self.options.get(ROUTER, b"")),
            dns_servers=_addresses(self.options.get(DNS_SERVERS, b"")),
            domain=None if domain is None else clean(domain.rstrip(b"\0"), _TEXT),
            lease_s=int.from_bytes(lease, "big") if len(lease) == 4 else None,
        )


def _addresses(data: bytes) -> list[str]:
    return [socket.inet_ntoa(data[at : at + 4]) for at in range(0, len(data) - 3, 4)]


def only_for_clients(link: socket.socket) -> None:
    """Let the kernel drop what else crosses the node's interface (socket(7))."""
    code = b"".join(struct.pack("=HBBI", *step) for step in _TO_CLIENTS)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(_TO_CLIENTS), ctypes.addressof(buffer))
    link.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def request(
    kind: int, mac: bytes, xid: int, options: dict[int, bytes], ciaddr: str = NOBODY
) -> bytes:
    """A client's message, with the BROADCAST flag: it has no address yet (section 4.1)."""
    flags = 0 if kind == RELEASE else _BROADCAST_FLAG
    none = bytes(4)
    own = socket.inet_aton(ciaddr)
    fixed = _FIXED.pack(
        _BOOTREQUEST, _ETHERNET, 6, 0, xid, 0, flags, own, none, none, none, mac, b"", b""
    )
    data = fixed + _COOKIE + bytes([MESSAGE_TYPE, 1, kind])
    for code, value in options.items():
        data += bytes([code, len(value)]) + value
    return (data + bytes([_END])).ljust(_SHORTEST, b"\0")


def frame(message: bytes, mac: bytes, source: str, to: str, to_mac: bytes) -> bytes:
    """A client's message on the link."""
    pseudo = socket.inet_aton(source) + socket.inet_aton(to)
    size = 8 + len(message)
    header = struct.pack("!HHH", _CLIENT_PORT, _SERVER_PORT, size)
    check = _checksum(pseudo + struct.pack("!HH", _UDP, size) + header + b"\0\0" + message)
    udp = header + struct.pack("!H", check or 0xFFFF) + message
    head = struct.pack("!BBHHHBB", 0x45, 0, 20 + size, 0, 0, 64, _UDP)
    ip = head + struct.pack("!H", _checksum(head + b"\0\0" + pseudo)) + pseudo
    return to_mac + mac + _link.ETHERTYPE_IP.to_bytes(2, "big") + ip + udp


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def read(data: bytes) -> Message | None:
    """A server's message; None for any other frame, and for one that cannot be understood.

    Checksums are not looked at: between two namespaces of one kernel they are
    left to hardware that there is none of.
    """
    ip = data[14:]
    header = (ip[0] & 0x0F) * 4 if ip else 0
    body = ip[header + 8 :]
    if header < 20 or len(body) < _FIXED.size + len(_COOKIE) or ip[9] != _UDP:
        return None
    op, _, _, _, xid, _, _, _, yiaddr, _, giaddr, mac, _, _ = _FIXED.unpack_from(body)
    options = _options(body)
    kind = options.get(MESSAGE_TYPE, b"")
    if op != _BOOTREPLY or len(kind) != 1:
        return None
    return Message(
        kind=kind[0],
        xid=xid,
        mac=mac[:6],
        yiaddr=socket.inet_ntoa(yiaddr),
        giaddr=socket.inet_ntoa(giaddr),
        source=socket.inet_ntoa(ip[12:16]),
        via=data[6:12],
        options=options,
    )


def _options(body: bytes) -> dict[int, bytes]:
    """All options; parts of one are put together (RFC 3396), cut off ones are left out."""
    end = _FIXED.size + len(_COOKIE)
    if body[_FIXED.size : end] != _COOKIE:
        return {}
    found: dict[int, bytes] = {}
    _gather(body[end:], found)
    overload = found.get(OVERLOAD, b"\0")[0:1]  # RFC 2132 section 9.3
    for bit, part in ((1, _FILE), (2, _SNAME)):
        if overload and overload[0] & bit:
            _gather(body[part], found)
    return found


def _gather(data: bytes, found: dict[int, bytes]) -> None:
    for code, value in _each(data):
        found[code] = found.get(code, b"") + value


def _each(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data) and data[at] != _END:
        if data[at] == _PAD:
            at += 1
            continue
        size = data[at + 1] if at + 1 < len(data) else 0
        value = data[at + 2 : at + 2 + size]
        if len(value) < size or at + 1 >= len(data):
            return
        yield data[at], value
        at += 2 + size
