"""One datagram and what comes back (RFC 768)."""

from __future__ import annotations

import socket

from lab_runner.models.evidence import Target, UdpEvidence
from lab_runner.models.probes import UdpProbe
from lab_runner.switchboard.names import resolve
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._stream import (
    family,
    icmp_reported,
    report_icmp,
    sockaddr,
    word,
)
from lab_runner.switchboard.probes._text import clean
from lab_runner.switchboard.vantage import Vantage


def ask(probe: UdpProbe, at: Vantage) -> UdpEvidence:
    """Send, and wait for one datagram from exactly there."""
    target = resolve(probe.to, at, probe.timeout_s)
    deadline = Deadline(probe.timeout_s)
    outcome, detail, answer = _converse(probe, target, deadline)
    return UdpEvidence(
        target=target,
        port=probe.port,
        outcome=outcome,
        answer=answer,
        detail=detail,
        duration_ms=deadline.elapsed_ms,
    )


def _converse(
    probe: UdpProbe, target: Target, deadline: Deadline
) -> tuple[str, str | None, str | None]:
    if target.address is None:
        return "unresolved", target.problem, None
    with socket.socket(family(target.address), socket.SOCK_DGRAM) as sock:
        report_icmp(sock)
        try:
            sock.connect(sockaddr(target.address, probe.port))
            sock.settimeout(deadline.need())
            sock.send(probe.send.encode())
            return "answer", None, clean(sock.recv(65535))
        except OSError as exc:
            return word(exc), icmp_reported(sock), None
