"""Kernel sockets with words for what the network did to them."""

from __future__ import annotations

import errno
import io
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab_runner.errors import ProbeError
from lab_runner.models.evidence import Target
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._text import TEXT_LIMIT

#: What each errno says about the network; any other one is about the instrument.
WORDS: dict[int, str] = {
    errno.ECONNREFUSED: "refused",
    errno.ETIMEDOUT: "timeout",
    errno.EAGAIN: "timeout",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTDOWN: "unreachable",
    errno.ENETDOWN: "unreachable",
    errno.EADDRNOTAVAIL: "unreachable",  # no source address for that family
    errno.ENODEV: "no-interface",
    errno.ENXIO: "no-interface",  # it was unplugged meanwhile
    errno.EACCES: "unreachable",  # a "prohibit" route, or a broadcast address
    errno.EPERM: "unreachable",  # the node's own firewall dropped it on the way out
    errno.EINVAL: "unreachable",  # an "unreachable"/"blackhole" route, RTN_* in fib_rules.c
    errno.EMSGSIZE: "too-long",
    errno.EPROTO: "unreachable",
    errno.ECONNRESET: "reset",
    errno.ECONNABORTED: "reset",
    errno.EPIPE: "reset",
    errno.ENOTCONN: "reset",
}

_IP_RECVERR = 11
_IPV6_RECVERR = 25
_SOCK_EXTENDED_ERR = struct.Struct("=IBBBBII")
_ICMP_ORIGINS = (2, 3)  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6 (ip(7))


def family(address: str) -> socket.AddressFamily:
    """The address family of a literal address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def sockaddr(address: str, port: int) -> tuple[Any, ...]:
    """What connect(2) takes: for IPv6 with the scope that ``%eth0`` names."""
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return socket.getaddrinfo(address, port, family(address), socket.SOCK_STREAM, flags=flags)[0][4]


def word(exc: OSError) -> str:
    """The network's part in an error of the kernel's.

    Raises:
        ProbeError: It had none: the instrument is out of descriptors, memory…
    """
    if isinstance(exc, TimeoutError):
        return "timeout"
    if exc.errno not in WORDS:
        raise ProbeError(f"the switchboard's socket failed: {exc}") from exc
    return WORDS[exc.errno]


def report_icmp(sock: socket.socket) -> None:
    """Ask the kernel to keep the ICMP errors that arrive for a socket (ip(7), IP_RECVERR)."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def icmp_reported(sock: socket.socket) -> str | None:
    """``ICMP 3/13 from 192.0.2.1``, if that is what ended the conversation."""
    sock.setblocking(False)  # with a timeout, Python would wait for an error to come
    try:
        _, ancillary, _, _ = sock.recvmsg(0, 512, socket.MSG_ERRQUEUE)
    except OSError:
        return None
    return next(filter(None, (_offender(data) for _, _, data in ancillary)), None)


def _offender(data: bytes) -> str | None:
    if len(data) < _SOCK_EXTENDED_ERR.size + 8:
        return None
    _, origin, kind, code, *_ = _SOCK_EXTENDED_ERR.unpack_from(data)
    if origin not in _ICMP_ORIGINS:
        return None
    rest = data[_SOCK_EXTENDED_ERR.size :]
    # sockaddr_in has the address at 4, sockaddr_in6 at 8.
    raw, kin = (rest[4:8], socket.AF_INET) if origin == 2 else (rest[8:24], socket.AF_INET6)
    return f"ICMP {kind}/{code} from {socket.inet_ntop(kin, raw)}"


@dataclass(frozen=True)
class Dialled:
    """A connection attempt: the socket where ``outcome`` is ``open``."""

    outcome: str
    detail: str | None = None
    sock: socket.socket | None = None

    def opened(self) -> socket.socket:
        """The socket of an open connection."""
        if self.sock is None:
            raise ProbeError("a connection that was not made cannot be used")
        return self.sock


def dial(target: Target, port: int, deadline: Deadline) -> Dialled:
    """Open a TCP connection, or say what happened instead."""
    if target.address is None:
        return Dialled("unresolved", target.problem)
    sock = socket.socket(family(target.address), socket.SOCK_STREAM)
    try:
        report_icmp(sock)
        sock.settimeout(deadline.need())
        sock.connect(sockaddr(target.address, port))
    except ConnectionResetError:
        # A RST that refuses is ECONNREFUSED (RFC 9293 section 3.10.7.3): this one came
        # after the handshake, and who reads will find out.
        return Dialled("open", None, sock)
    except OSError as exc:
        detail = icmp_reported(sock)
        sock.close()
        return Dialled(word(exc), detail or _strerror(exc))
    return Dialled("open", None, sock)


def _strerror(exc: OSError) -> str | None:
    """The kernel's words, where ours say less: no route, host down, prohibited."""
    return exc.strerror if word(exc) == "unreachable" else None


class Guarded:
    """A connected socket that ends when its time or its budget of bytes is over.

    It is enough of a socket for http.client and for paramiko, both of which set
    a limit for one read only: a byte now and then would hold them for ever.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline, budget: int) -> None:
        self._sock = sock
        self._deadline = deadline
        self._patience: float | None = None
        self.budget = budget

    def settimeout(self, seconds: float | None) -> None:
        """The limit of one read, never beyond the deadline."""
        self._patience = seconds

    def gettimeout(self) -> float | None:
        """The limit of one read."""
        return self._patience

    def _arm(self) -> None:
        left = self._deadline.need()
        self._sock.settimeout(left if self._patience is None else min(left, self._patience))

    def recv(self, size: int) -> bytes:
        """Receive; an empty answer once the budget is spent or a poller's time is over."""
        if self._patience is not None and not self._deadline.left:
            return b""  # who polls takes a timeout for "try again"
        self._arm()
        data = self._sock.recv(min(size, self.budget))
        self.budget -= len(data)
        return data

    def send(self, data: bytes) -> int:
        """Send what fits."""
        self._arm()
        return self._sock.send(data)

    def sendall(self, data: bytes) -> None:
        """Send everything before the deadline."""
        self._sock.settimeout(self._deadline.need())
        self._sock.sendall(data)

    @property
    def _closed(self) -> bool:
        """What paramiko looks at while it waits for its thread to end."""
        return self._sock.fileno() == -1

    def makefile(self, _mode: str = "rb", *_args: object) -> io.BufferedReader:
        """A reader, as http.client wants it."""
        return io.BufferedReader(_Reader(self))

    def getpeername(self) -> Any:
        """The other end."""
        return self._sock.getpeername()

    def close(self) -> None:
        """Left to the owner: http.client closes before it has read the body."""


class _Reader(io.RawIOBase):
    def __init__(self, guarded: Guarded) -> None:
        self._guarded = guarded

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._guarded.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def read_until(
    sock: socket.socket, deadline: Deadline, done: Callable[[bytes], bool]
) -> tuple[bytes, str | None]:
    """What the peer says until it is ``done``, silent, gone, or too long-winded.

    Returns:
        The bytes, and the word for what ended them early, if anything did.
    """
    data = b""
    try:
        while len(data) < TEXT_LIMIT and not done(data):
            sock.settimeout(deadline.need())
            piece = sock.recv(TEXT_LIMIT - len(data))
            if not piece:
                return data, "closed"
            data += piece
    except OSError as exc:
        return data, word(exc)
    return data, None
