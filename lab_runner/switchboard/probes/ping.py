"""ICMP echo (RFC 792, RFC 4443 section 4)."""

from __future__ import annotations

import errno
import secrets
import socket
import time
from dataclasses import dataclass, field
from typing import Any

from scapy.layers.inet import ICMP
from scapy.layers.inet6 import ICMPv6EchoRequest

from lab_runner.models.evidence import PingEvidence
from lab_runner.models.probes import PingProbe
from lab_runner.switchboard.names import resolve
from lab_runner.switchboard.probes import _icmp
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._stream import sockaddr, word
from lab_runner.switchboard.vantage import Vantage

_ERRORS_KEPT = 20


@dataclass
class _Run:
    """Requests that are out, and what came back."""

    ident: int = field(default_factory=lambda: secrets.randbelow(0x10000))
    sent_at: dict[int, float] = field(default_factory=dict)
    rtt_ms: list[float] = field(default_factory=list)
    icmp_errors: list[dict[str, Any]] = field(default_factory=list)
    problem: str | None = None

    def take(self, heard: _icmp.Heard, kin: int) -> bool:
        """Note a reply to, or an error about, a request of ours; is it one?"""
        if heard.about is None:
            return self._reply(heard)
        ident, seq = _asked(heard, kin)
        if ident != self.ident or seq not in self.sent_at:
            return False
        if len(self.icmp_errors) < _ERRORS_KEPT:
            self.icmp_errors.append(heard.as_error())
        # After a redirect (RFC 792) the packet goes on, and the reply still comes.
        return heard.type == _icmp.REDIRECT or self.sent_at.pop(seq) > 0

    def _reply(self, heard: _icmp.Heard) -> bool:
        if heard.ident != self.ident or heard.seq not in self.sent_at:
            return False
        took = time.monotonic() - self.sent_at.pop(heard.seq)
        self.rtt_ms.append(round(took * 1000, 3))
        return True


def _asked(heard: _icmp.Heard, kin: int) -> tuple[int, int]:
    """Id and sequence number of the request that an error quotes; -1 if it quotes none."""
    packet = _icmp.quoted_packet(heard, kin)
    echo = packet and (packet.getlayer(ICMP) or packet.getlayer(ICMPv6EchoRequest))
    return (echo.id or 0, echo.seq or 0) if echo else (-1, -1)


def ask(probe: PingProbe, at: Vantage) -> PingEvidence:
    """Send ``count`` requests, each with ``timeout_s`` to be answered in."""
    target = resolve(probe.to, at, probe.timeout_s)
    run = _Run(problem=None if target.address else "unresolved")
    if target.address is not None:
        with _icmp.raw_socket(target.address) as sock:
            _ping(probe, target.address, sock, run)
    return PingEvidence(
        target=target,
        sent=probe.count,
        received=len(run.rtt_ms),
        rtt_ms=run.rtt_ms,
        icmp_errors=run.icmp_errors,
        problem=run.problem,
    )


def _ping(probe: PingProbe, address: str, sock: socket.socket, run: _Run) -> None:
    _icmp.fragmenting(sock, allowed=not probe.dont_fragment)
    for seq in range(1, probe.count + 1):
        limit = Deadline(probe.timeout_s)
        request = _icmp.echo_request(address, run.ident, seq, bytes(probe.size))
        try:
            run.sent_at[seq] = time.monotonic()
            sock.sendto(request, sockaddr(address, 0))
            while seq in run.sent_at:
                heard = _icmp.hear(sock, limit)
                if heard:
                    run.take(heard, sock.family)
        except TimeoutError:
            continue
        except OSError as exc:
            run.problem = _refused(exc, address)


def _refused(exc: OSError, address: str) -> str:
    """Why the kernel would not send: no route, or too long for the node's own interface."""
    if exc.errno != errno.EMSGSIZE:
        return word(exc)
    return f"too long for the node's own interface, MTU {_icmp.device_mtu(address)}"
