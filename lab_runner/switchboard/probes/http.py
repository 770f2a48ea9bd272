"""One exchange of HTTP/1.1, plain or over TLS (RFC 9110, RFC 9112)."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from lab_runner.errors import ProbeError
from lab_runner.models.evidence import HttpEvidence, Target, TlsFacts
from lab_runner.models.probes import HttpProbe
from lab_runner.switchboard.names import resolve
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._stream import Guarded, dial, word
from lab_runner.switchboard.probes._text import TEXT_LIMIT, clean
from lab_runner.switchboard.probes._tls import shake
from lab_runner.switchboard.vantage import Vantage

#: Everything that is read of one response: head, chunk framing and body.
_BUDGET = 512 * 1024
_PORTS = {"http": 80, "https": 443}


@dataclass
class _Seen:
    """What the exchange has brought so far."""

    outcome: str = "open"
    detail: str | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray | None = None
    tls: TlsFacts | None = None

    def ends(self, outcome: str, detail: str | None = None) -> None:
        self.outcome, self.detail = outcome, detail


def ask(probe: HttpProbe, at: Vantage) -> HttpEvidence:
    """Fetch the URL, as far as the server and the time allow."""
    url = _split(probe.url)
    target = resolve(probe.address or url.hostname or "", at, probe.timeout_s)
    deadline = Deadline(probe.timeout_s)
    seen = _Seen()
    sock = _connect(url, target, at, deadline, seen)
    if sock is not None:
        with sock:
            _exchange(probe, url, Guarded(sock, deadline, _BUDGET), seen)
    return HttpEvidence(
        url=probe.url,
        target=target,
        outcome=seen.outcome,
        detail=seen.detail,
        status=seen.status,
        headers=seen.headers,
        body=None if seen.body is None else clean(bytes(seen.body)),
        tls=seen.tls,
        duration_ms=deadline.elapsed_ms,
    )


def _split(text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        known = url.scheme in _PORTS and bool(url.hostname) and url.port != 0
    except ValueError as exc:
        raise ProbeError(f"{text!r} is no URL: {exc}") from exc
    if not known:
        raise ProbeError(f"{text!r} is no http or https URL")
    return url


def _connect(
    url: SplitResult, target: Target, at: Vantage, deadline: Deadline, seen: _Seen
) -> socket.socket | None:
    port = url.port or _PORTS[url.scheme]
    dialled = dial(target, port, deadline)
    seen.ends(dialled.outcome, dialled.detail)
    if dialled.sock is None or url.scheme == "http":
        return dialled.sock
    shaken = shake(dialled.sock, url.hostname or "", at.files, (target, port), deadline)
    seen.ends(shaken.outcome, shaken.detail)
    seen.tls = shaken.facts
    return shaken.sock


def _exchange(probe: HttpProbe, url: SplitResult, sock: Guarded, seen: _Seen) -> None:
    """Send the request and read the answer; whatever the server does ends in a word."""
    connection = http.client.HTTPConnection(url.hostname or "", url.port or _PORTS[url.scheme])
    connection.sock = sock
    try:
        _request(connection, probe, url)
        _read(connection.getresponse(), seen)
    except ssl.SSLError as exc:
        seen.ends("broken", clean(exc.reason or "TLS was cut off"))
    except (http.client.HTTPException, ValueError) as exc:
        seen.ends("broken", clean(f"{type(exc).__name__} {exc}".strip(), 200))
    except OSError as exc:
        seen.ends("timeout" if word(exc) == "timeout" else "broken", _where(exc, seen))


def _request(connection: http.client.HTTPConnection, probe: HttpProbe, url: SplitResult) -> None:
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    headers = {"Host": url.netloc.rpartition("@")[2], "Connection": "close", **probe.headers}
    try:
        connection.request(probe.method, path, headers=headers)
    except (http.client.InvalidURL, ValueError) as exc:
        raise ProbeError(f"{probe.url!r} cannot be asked for: {exc}") from exc


def _where(exc: OSError, seen: _Seen) -> str:
    if seen.body is None:
        return exc.strerror or "no response"
    return f"the body stopped after {len(seen.body)} bytes"


def _read(response: http.client.HTTPResponse, seen: _Seen) -> None:
    seen.status = response.status
    seen.headers = {clean(k, 200): clean(v, 2000) for k, v in response.getheaders()}
    seen.body = bytearray()
    promised = min(TEXT_LIMIT, TEXT_LIMIT if response.length is None else response.length)
    while len(seen.body) < promised:
        piece = response.read1(promised - len(seen.body))
        if not piece:
            break
        seen.body += piece
    if response.length is not None and len(seen.body) < promised:
        seen.ends("broken", f"the body stopped after {len(seen.body)} bytes")
    else:
        seen.ends("response")
