"""The node's own link: raw frames on one of its interfaces, and the route to an address."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from lab_runner.errors import ProbeError

ETHERTYPE_IP, ETHERTYPE_ARP = 0x0800, 0x0806
BROADCAST = b"\xff" * 6
#: Longer than any frame of Ethernet's.
FRAME = 65535

_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, _PACKET_MR_PROMISC = 263, 1, 1
_SIOCGIFADDR = 0x8915  # netdevice(7)
_RTM_NEWROUTE, _RTM_GETROUTE = 24, 26  # rtnetlink(7)
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC = 1, 4, 5, 7
_RTN_LOCAL = 2
_NLMSG_ERROR, _NLM_F_REQUEST = 2, 1
_NLMSG = struct.Struct("=IHHII")
_RTMSG = struct.Struct("=BBBBBBBBI")
_RTA = struct.Struct("=HH")


@dataclass(frozen=True)
class Route:
    """How the node's kernel would send to an address."""

    interface: str
    #: The address that it would send from.
    source: str | None
    gateway: str | None
    #: The address is the node's own.
    own: bool


def route_to(address: str) -> Route:
    """Ask the kernel, all its tables and rules (rtnetlink(7), RTM_GETROUTE).

    Raises:
        OSError: There is no route, as connect(2) would say.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.settimeout(1.0)  # the kernel answers within the system call
        wanted = _RTMSG.pack(socket.AF_INET, 32, 0, 0, 0, 0, 0, 0, 0)
        wanted += _RTA.pack(8, _RTA_DST) + socket.inet_aton(address)
        size = _NLMSG.size + len(wanted)
        sock.send(_NLMSG.pack(size, _RTM_GETROUTE, _NLM_F_REQUEST, 1, 0) + wanted)
        return _route(sock.recv(FRAME))


def _route(reply: bytes) -> Route:
    kind = _NLMSG.unpack_from(reply)[1]
    body = reply[_NLMSG.size :]
    if kind == _NLMSG_ERROR:
        number = -struct.unpack_from("=i", body)[0]
        raise OSError(number, os.strerror(number))
    if kind != _RTM_NEWROUTE:
        raise ProbeError(f"the kernel answered a question about a route with message {kind}")
    found = dict(_attributes(body[_RTMSG.size :]))
    if _RTA_OIF not in found:
        raise OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
    return Route(
        interface=socket.if_indextoname(int.from_bytes(found[_RTA_OIF], sys.byteorder)),
        source=_dotted(found.get(_RTA_PREFSRC)),
        gateway=_dotted(found.get(_RTA_GATEWAY)),
        own=_RTMSG.unpack_from(body)[7] == _RTN_LOCAL,
    )


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _RTA.size:
        size, kind = _RTA.unpack_from(data)
        if size < _RTA.size:
            return
        yield kind, data[_RTA.size : size]
        data = data[(size + 3) & ~3 :]


def _dotted(raw: bytes | None) -> str | None:
    return socket.inet_ntoa(raw) if raw else None


def own_address(interface: str) -> str | None:
    """The first IPv4 address of an interface (netdevice(7), SIOCGIFADDR)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16s24x", interface.encode()[:15])
        try:
            answer = fcntl.ioctl(sock, _SIOCGIFADDR, request)
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])


def open_link(interface: str, ethertype: int) -> socket.socket:
    """A socket for the frames of one protocol on one interface of the node (packet(7)).

    Raises:
        OSError: The node has no such interface.
        ProbeError: The switchboard lacks CAP_NET_RAW.
    """
    try:
        link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except OSError as exc:
        raise ProbeError(f"no raw socket on the link: {exc.strerror}") from exc
    try:
        link.bind((interface, ethertype))
    except OSError:
        link.close()
        raise
    return link


def promiscuous(link: socket.socket) -> None:
    """Hear also what is sent to other hardware addresses than the interface's own (packet(7)).

    This takes no CAP_NET_ADMIN, and ends with the socket.
    """
    index = socket.if_nametoindex(link.getsockname()[0])
    membership = struct.pack("iHH8s", index, _PACKET_MR_PROMISC, 0, b"")
    link.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, membership)


def hardware_address(link: socket.socket) -> bytes:
    """The MAC of the interface that a link socket is bound to."""
    address: bytes = link.getsockname()[4]
    return address[:6]


def spelled(mac: bytes) -> str:
    """``02:00:00:00:00:01``."""
    return mac.hex(":")
