"""One TCP connection, and the first thing that the server says (RFC 9293)."""

from __future__ import annotations

import re
from collections.abc import Callable

from lab_runner.models.evidence import TcpEvidence
from lab_runner.models.probes import TcpProbe
from lab_runner.switchboard.names import resolve
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._search import Endless, Pattern
from lab_runner.switchboard.probes._stream import Dialled, dial, read_until
from lab_runner.switchboard.probes._text import clean
from lab_runner.switchboard.vantage import Vantage


def ask(probe: TcpProbe, at: Vantage) -> TcpEvidence:
    """Connect; listen only where the probe sends something or expects a banner."""
    target = resolve(probe.to, at, probe.timeout_s)
    deadline = Deadline(probe.timeout_s)
    dialled = dial(target, probe.port, deadline)
    duration = deadline.elapsed_ms
    banner, ended = _listen(probe, dialled, deadline)
    return TcpEvidence(
        target=target,
        port=probe.port,
        outcome=dialled.outcome,
        detail=dialled.detail or ended,
        banner=banner,
        duration_ms=duration,
    )


def _listen(probe: TcpProbe, dialled: Dialled, deadline: Deadline) -> tuple[str | None, str | None]:
    """What the server said, and what ended it before it said what was expected."""
    if dialled.sock is None:
        return None, None
    with dialled.sock as sock:
        if probe.banner is None and probe.send is None:
            return None, None
        ended = _send(dialled, (probe.send or "").encode(), deadline)
        said, early = read_until(sock, deadline, _enough(probe.banner))
    return clean(said), ended or early


def _send(dialled: Dialled, data: bytes, deadline: Deadline) -> str | None:
    try:
        dialled.opened().settimeout(deadline.need())
        dialled.opened().sendall(data)
    except TimeoutError:
        return "timeout"
    except OSError as exc:
        return exc.strerror
    return None


def _enough(pattern: str | None) -> Callable[[bytes], bool]:
    """Until the banner is there; without one, anything will do."""
    if pattern is None:
        return bool
    wanted = Pattern(pattern, re.MULTILINE)

    def enough(said: bytes) -> bool:
        try:
            return wanted.found(clean(said))
        except Endless:
            return True  # the judge will not find it either

    return enough
