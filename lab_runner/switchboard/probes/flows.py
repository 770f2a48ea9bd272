"""Many connections at once or in a row (RFC 9293), with a request over each (RFC 9112)."""

from __future__ import annotations

import errno
import math
import os
import re
import selectors
import socket
from dataclasses import dataclass, field

from lab_runner.models.evidence import LoadEvidence, LoadOutcome
from lab_runner.models.probes import LoadProbe
from lab_runner.switchboard.names import resolve
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._stream import family, report_icmp, sockaddr, word
from lab_runner.switchboard.vantage import Vantage

#: Whatever the time limits of the flows add up to.
_LONGEST_S = 15.0
_SLICE_S = 0.05
_HEADER_LIMIT = 16 * 1024
#: status-line (RFC 9112 section 4).
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")


@dataclass
class _Flow:
    """One connection, from the first packet to its end."""

    sock: socket.socket
    limit: Deadline
    #: What is left to be sent.
    request: bytes
    said: bytes = b""
    connected: bool = False
    outcome: str | None = None
    took_ms: float = 0.0

    def settle(self, outcome: str) -> None:
        """It has ended this way."""
        self.outcome, self.took_ms = outcome, self.limit.elapsed_ms

    def writable(self) -> None:
        """The handshake is over, or there is room for what is left of the request."""
        error = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        self.connected = True
        if self.request:
            self.request = self.request[self.sock.send(self.request) :]
        elif not self.said and self.outcome is None:
            self.settle("open")

    def readable(self) -> None:
        """More of the response; it is judged when its header is complete."""
        piece = self.sock.recv(_HEADER_LIMIT)
        self.said += piece
        status = _STATUS.match(self.said)
        if b"\r\n\r\n" in self.said and status:
            self.settle(status[1].decode())
        elif not piece:
            self.settle("broken" if self.said else "closed")
        elif len(self.said) >= _HEADER_LIMIT or b"\r\n\r\n" in self.said:
            self.settle("broken")


@dataclass
class _Run:
    """All flows, and those of them that are under way."""

    probe: LoadProbe
    address: str
    selector: selectors.DefaultSelector
    flows: list[_Flow] = field(default_factory=list)
    busy: set[int] = field(default_factory=set)
    open_now: int = 0
    open_at_once: int = 0

    def start_due(self, elapsed_ms: float) -> None:
        """As many as the rate allows by now; one at a time where they follow each other."""
        due = 1 + int(elapsed_ms * self.probe.per_second / 1000)
        while len(self.flows) < min(due, self.probe.flows):
            if self.busy and not self.probe.together:
                return
            self._start()

    def _start(self) -> None:
        sock = socket.socket(family(self.address), socket.SOCK_STREAM)
        flow = _Flow(sock, Deadline(self.probe.timeout_s), _request(self.probe))
        number = len(self.flows)
        self.flows.append(flow)
        sock.setblocking(False)
        report_icmp(sock)
        try:
            outcome = sock.connect_ex(sockaddr(self.address, self.probe.port))
            if outcome not in {0, errno.EINPROGRESS}:
                raise OSError(outcome, os.strerror(outcome))
        except OSError as exc:
            flow.settle(word(exc))
            sock.close()
            return
        self.busy.add(number)
        self.selector.register(sock, selectors.EVENT_WRITE, number)

    def wait(self, seconds: float) -> None:
        """Serve what is ready, and end what has had its time."""
        for key, events in self.selector.select(seconds):
            self._serve(key.data, events)
        for number in [n for n in self.busy if not self.flows[n].limit.left]:
            self.flows[number].settle("timeout")
            self._end(number)

    def _serve(self, number: int, events: int) -> None:
        flow = self.flows[number]
        before = flow.connected
        try:
            if events & selectors.EVENT_WRITE:
                flow.writable()
            else:
                flow.readable()
        except BlockingIOError:
            return
        except OSError as exc:
            flow.settle(word(exc))
        self.open_now += flow.connected and not before
        self.open_at_once = max(self.open_at_once, self.open_now)
        if flow.outcome is not None:
            self._end(number)
        elif flow.connected and not flow.request:
            self.selector.modify(flow.sock, selectors.EVENT_READ, number)

    def _end(self, number: int) -> None:
        """Its connection stays where all are to be open at once."""
        flow = self.flows[number]
        self.busy.discard(number)
        self.selector.unregister(flow.sock)
        good = flow.outcome is not None and (flow.outcome == "open" or flow.outcome.isdigit())
        if not (good and self.probe.together):
            flow.sock.close()
            self.open_now -= flow.connected


def ask(probe: LoadProbe, at: Vantage) -> LoadEvidence:
    """Make all flows, and count how they ended."""
    target = resolve(probe.to, at, probe.timeout_s)
    deadline = Deadline(_LONGEST_S)
    ended: list[tuple[str, float]] = []
    open_at_once = 0
    if target.address is None:
        ended = [("unresolved", 0.0)] * probe.flows
    else:
        with selectors.DefaultSelector() as selector:
            run = _Run(probe, target.address, selector)
            ended = _make(run, deadline)
            open_at_once = run.open_at_once
    return LoadEvidence(
        target=target,
        port=probe.port,
        outcomes=_counted(ended),
        open_at_once=open_at_once,
        duration_ms=deadline.elapsed_ms,
    )


def _make(run: _Run, deadline: Deadline) -> list[tuple[str, float]]:
    try:
        while deadline.left and (run.busy or len(run.flows) < run.probe.flows):
            run.start_due(deadline.elapsed_ms)
            run.wait(min(_SLICE_S, deadline.left))
        ended = [(flow.outcome or "not-tried", flow.took_ms) for flow in run.flows]
    finally:
        for flow in run.flows:
            flow.sock.close()
    return ended + [("not-tried", 0.0)] * (run.probe.flows - len(ended))


def _request(probe: LoadProbe) -> bytes:
    """What is sent over each connection (RFC 9112 section 3); nothing, for tcp."""
    if probe.protocol == "tcp":
        return b""
    head = f"GET {probe.path} HTTP/1.1\r\nHost: {probe.host or probe.to}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode()


def _counted(ended: list[tuple[str, float]]) -> list[LoadOutcome]:
    """One row for each outcome, the commonest first."""
    rows = []
    for outcome in {outcome for outcome, _ in ended}:
        took = sorted(ms for one, ms in ended if one == outcome)
        rows.append(
            LoadOutcome(
                outcome=outcome,
                flows=len(took),
                median_ms=_percentile(took, 0.5),
                p95_ms=_percentile(took, 0.95),
                slowest_ms=took[-1],
            )
        )
    return sorted(rows, key=lambda row: (-row.flows, row.outcome))


def _percentile(took: list[float], share: float) -> float:
    return took[math.ceil(share * len(took)) - 1]
