"""Which source address the far end really sees: a token, caught on its cable."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from lab_runner.models.evidence import NatEvidence, Target
from lab_runner.models.probes import NatProbe
from lab_runner.switchboard.names import resolve
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._frames import frames, taps_of
from lab_runner.switchboard.probes._stream import dial, family, sockaddr, word
from lab_runner.switchboard.vantage import Vantage


@dataclass(frozen=True)
class _Seen:
    """The far side's view of the frame with the token."""

    observed_source: str | None = None
    observed_port: int | None = None
    observed_destination: str | None = None


def taps(probe: NatProbe) -> list[str]:
    """All cables of the far node."""
    return [probe.at]


def ask(probe: NatProbe, at: Vantage) -> NatEvidence:
    """Send a token that nobody can guess, and look for it at the far end."""
    listening = taps_of(at, probe.at)
    token = secrets.token_hex(16).encode()
    target = resolve(probe.to, at, probe.timeout_s)
    deadline = Deadline(probe.timeout_s)
    send = _send_tcp if probe.protocol == "tcp" else _send_udp
    outcome, sock = send(target, probe.port, token, deadline)
    seen = _Seen()
    if sock is not None:
        with sock:  # kept open while the frame is on its way: TCP may have to send it again
            seen = _catch(listening, token, deadline)
    return NatEvidence(
        target=target,
        port=probe.port,
        protocol=probe.protocol,
        outcome=outcome,
        duration_ms=deadline.elapsed_ms,
        **vars(seen),
    )


def _send_tcp(
    target: Target, port: int, token: bytes, deadline: Deadline
) -> tuple[str, socket.socket | None]:
    """Put the token into a request line: most servers take it for HTTP and answer 404."""
    dialled = dial(target, port, deadline)
    if dialled.sock is None:
        return dialled.outcome, None
    try:
        dialled.sock.settimeout(deadline.need())
        dialled.sock.sendall(b"GET /" + token + b" HTTP/1.0\r\n\r\n")
    except OSError as exc:
        dialled.sock.close()
        return word(exc), None
    return "open", dialled.sock


def _send_udp(
    target: Target, port: int, token: bytes, _deadline: Deadline
) -> tuple[str, socket.socket | None]:
    if target.address is None:
        return "unresolved", None
    sock = socket.socket(family(target.address), socket.SOCK_DGRAM)
    try:
        sock.sendto(token, sockaddr(target.address, port))
    except OSError as exc:
        sock.close()
        return word(exc), None
    return "sent", sock


def _catch(listening: list[socket.socket], token: bytes, deadline: Deadline) -> _Seen:
    for frame in frames(listening, deadline):
        if token in frame and (seen := _read(frame)):
            return seen
    return _Seen()


def _read(frame: bytes) -> _Seen | None:
    """Addresses and port of the outermost packet; None where it is not TCP or UDP over IP."""
    packet = Ether(frame)
    network = packet.getlayer(IP) or packet.getlayer(IPv6)
    transport = packet.getlayer(TCP) or packet.getlayer(UDP)
    if network is None or transport is None:
        return None
    return _Seen(network.src, transport.sport, network.dst)
