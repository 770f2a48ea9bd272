"""A conversation by TELNET, with every option refused (RFC 854, RFC 855)."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

from lab_runner.models.evidence import TelnetEvidence
from lab_runner.models.probes import TelnetProbe
from lab_runner.switchboard.names import resolve
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._search import Endless, Pattern
from lab_runner.switchboard.probes._stream import Guarded, dial, word
from lab_runner.switchboard.probes._text import clean
from lab_runner.switchboard.vantage import Vantage

_BUDGET = 64 * 1024
_PIECE = 4096
#: A prompt is sought in the end of what was said: the whole of it again and again takes long.
_TAIL = 1024
_WILL, _WONT, _DO, _DONT = 251, 252, 253, 254  # RFC 854, TELNET command structure
#: A command with its option, a subnegotiation, a doubled IAC, or a command alone.
_IAC = re.compile(
    rb"\xff(?:(?P<verb>[\xfb-\xfe])(?P<option>.)|\xfa.*?\xff\xf0|(?P<data>\xff)|[\xf0-\xf9])",
    re.DOTALL,
)
_PASSWORD = r"assword: *$"  # noqa: S105 - what login(1) asks with


class _Broke(Exception):
    """The conversation ended here; the word for how."""


@dataclass
class _Seen:
    """What the conversation has brought so far."""

    outcome: str
    detail: str | None = None
    said: str = ""
    login: str | None = None
    output: str | None = None
    failed: str | None = None


class _Terminal:
    """The network virtual terminal: text in and out, options refused on the side."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._guarded = Guarded(sock, deadline, _BUDGET)
        self._raw = b""
        self._refused: set[bytes] = set()
        #: What was said since the last line that was typed.
        self.said = b""

    def type(self, line: str) -> None:
        """Type a line."""
        self.said = b""
        self._send(line.encode().replace(b"\xff", b"\xff\xff") + b"\r\n")

    def until(self, *patterns: str) -> int:
        """Read until what was said ends in one of the patterns; which one.

        Raises:
            _Broke: It never did.
        """
        wanted = [Pattern(pattern) for pattern in patterns]
        while True:
            tail = clean(self.said[-_TAIL:])
            try:
                for number, pattern in enumerate(wanted):
                    if pattern.found(tail):
                        return number
            except Endless as exc:
                raise _Broke("too-much") from exc
            self._read()

    def text(self) -> str:
        """What was said, as text."""
        return clean(self.said)

    def _read(self) -> None:
        if not self._guarded.budget:
            raise _Broke("too-much")
        try:
            piece = self._guarded.recv(_PIECE)
        except OSError as exc:
            raise _Broke(word(exc)) from exc
        if not piece:
            raise _Broke("closed")
        self._absorb(piece)

    def _absorb(self, piece: bytes) -> None:
        """Keep the text; what of a command is not complete yet waits for the rest."""
        self._raw += piece
        while self._raw:
            plain, iac, rest = self._raw.partition(b"\xff")
            self.said += plain.replace(b"\0", b"")
            self._raw = iac + rest
            match = _IAC.match(self._raw)
            if match is None:
                return
            self._raw = self._raw[match.end() :]
            self.said += match["data"] or b""
            if match["verb"]:
                self._refuse(match["verb"][0], match["option"])

    def _refuse(self, verb: int, option: bytes) -> None:
        """Once each: who is told off again has not listened (RFC 854: no endless loops)."""
        answer = {_DO: _WONT, _WILL: _DONT}.get(verb)
        if answer is None:
            return
        refusal = bytes([255, answer]) + option
        if refusal not in self._refused:
            self._refused.add(refusal)
            self._send(refusal)

    def _send(self, data: bytes) -> None:
        try:
            self._guarded.sendall(data)
        except OSError as exc:
            raise _Broke(word(exc)) from exc


def ask(probe: TelnetProbe, at: Vantage) -> TelnetEvidence:
    """Wait for the prompt; where there is a user, log in and type the command."""
    target = resolve(probe.to, at, probe.timeout_s)
    deadline = Deadline(probe.timeout_s)
    dialled = dial(target, probe.port, deadline)
    seen = _Seen(dialled.outcome, dialled.detail)
    if dialled.sock is not None:
        with dialled.sock as sock:
            _converse(probe, _Terminal(sock, deadline), seen)
    return TelnetEvidence(
        target=target, port=probe.port, duration_ms=deadline.elapsed_ms, **vars(seen)
    )


def _converse(probe: TelnetProbe, terminal: _Terminal, seen: _Seen) -> None:
    try:
        terminal.until(probe.prompt)
        seen.outcome = "prompt"
    except _Broke as exc:
        seen.outcome = str(exc)
    seen.said = terminal.text()
    if seen.outcome != "prompt" or probe.user is None:
        return
    stage = "login"
    try:
        seen.login = _login(probe, terminal)
        stage = "command"
        if seen.login == "accepted" and probe.command is not None:
            seen.output = _output(probe.command, probe.shell, terminal)
    except _Broke as exc:
        seen.failed = f"{stage}: {exc}"


def _login(probe: TelnetProbe, terminal: _Terminal) -> str:
    """Refused is who is asked again, or shown out after the password."""
    terminal.type(str(probe.user))
    if terminal.until(_PASSWORD, probe.shell) == 1:
        return "accepted"
    terminal.type(probe.password)
    try:
        return ("accepted", "refused")[terminal.until(probe.shell, probe.prompt)]
    except _Broke as exc:
        if str(exc) != "closed":
            raise
        return "refused"


def _output(command: str, shell: str, terminal: _Terminal) -> str:
    """What a command says, without its echo."""
    terminal.type(command)
    terminal.until(shell)
    return terminal.text().removeprefix(clean(command)).lstrip("\n")
