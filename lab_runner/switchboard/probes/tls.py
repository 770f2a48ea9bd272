"""One TLS handshake (RFC 8446)."""

from __future__ import annotations

from lab_runner.models.evidence import Target, TlsEvidence
from lab_runner.models.probes import TlsProbe
from lab_runner.switchboard.names import resolve
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._stream import dial
from lab_runner.switchboard.probes._tls import Shaken, shake
from lab_runner.switchboard.vantage import Vantage


def ask(probe: TlsProbe, at: Vantage) -> TlsEvidence:
    """Connect and shake hands; a chain that does not verify is a handshake all the same."""
    target = resolve(probe.to, at, probe.timeout_s)
    deadline = Deadline(probe.timeout_s)
    name = probe.server_name or probe.to
    shaken = _shake(probe, target, name, at, deadline)
    return TlsEvidence(
        target=target,
        port=probe.port,
        server_name=name,
        outcome="handshake" if shaken.outcome == "tls" else shaken.outcome,
        detail=shaken.detail,
        facts=shaken.facts,
        duration_ms=deadline.elapsed_ms,
    )


def _shake(probe: TlsProbe, target: Target, name: str, at: Vantage, deadline: Deadline) -> Shaken:
    dialled = dial(target, probe.port, deadline)
    if dialled.sock is None:
        return Shaken(dialled.outcome, dialled.detail)
    shaken = shake(dialled.sock, name, at.files, (target, probe.port), deadline)
    if shaken.sock is not None:
        shaken.sock.close()
    return shaken
