"""A login and one transfer by FTP (RFC 959, RFC 2428)."""

from __future__ import annotations

import ipaddress
import re
import selectors
import socket
from dataclasses import dataclass, field

from lab_runner.errors import ProbeError
from lab_runner.models.evidence import FtpEvidence, Target
from lab_runner.models.probes import FtpProbe
from lab_runner.switchboard.names import resolve
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._stream import Guarded, dial, family, read_until, word
from lab_runner.switchboard.probes._text import TEXT_LIMIT, clean
from lab_runner.switchboard.vantage import Vantage

_BUDGET = 128 * 1024
_LINE = 4096
_LINES = 200
_REPLIES_KEPT = 20
_SHOWN = 200
#: "A reply is defined to contain the 3-digit code, followed by Space" (RFC 959 section 4.2).
_REPLY = re.compile(rb"([1-5][0-9]{2})([ -])")
_PASV = re.compile(r"(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})")
_EPSV = re.compile(r"\((.)\1\1(\d{1,5})\1\)")  # RFC 2428 section 3


class _Broke(Exception):
    """The conversation ended here, and how."""


@dataclass
class _Seen:
    """What the conversation has brought so far."""

    replies: list[str] = field(default_factory=list)
    login: str | None = None
    data: str | None = None
    data_address: str | None = None
    data_port: int | None = None
    content: str | None = None
    failed: str | None = None

    def named(self, address: str, port: int) -> None:
        """Whom the data connection is with."""
        self.data_address, self.data_port = address, port


class _Control:
    """The control connection: commands out, replies in."""

    def __init__(self, sock: socket.socket, deadline: Deadline, seen: _Seen) -> None:
        self.sock = sock
        self.deadline = deadline
        self._guarded = Guarded(sock, deadline, _BUDGET)
        self._heard = b""
        self._seen = seen

    @property
    def waiting(self) -> bool:
        """Has more been heard than was read?"""
        return b"\n" in self._heard

    def say(self, command: str, *, about: str | None = None) -> int:
        """Send a command; the code of the reply, after any mark of a delay."""
        self.send(command)
        return self.reply(about or command.partition(" ")[0])

    def send(self, command: str) -> None:
        """Send a command.

        Raises:
            ProbeError: It would be two: an author's mistake.
        """
        if "\r" in command or "\n" in command:
            raise ProbeError(f"{command!r} is more than one line")
        try:
            self._guarded.sendall(command.encode() + b"\r\n")
        except OSError as exc:
            raise _Broke(f"{command.partition(' ')[0]}: {word(exc)}") from exc

    def reply(self, about: str) -> int:
        """The code of the next reply, all its lines read (RFC 959 section 4.2)."""
        line = self._line(about)
        match = _REPLY.match(line)
        if match is None:
            raise _Broke(f"{about}: not FTP: {clean(line, _SHOWN)}")
        code, more = match.groups()
        for _ in range(_LINES):
            if more == b" " or line[:4] == code + b" ":
                if len(self._seen.replies) < _REPLIES_KEPT:
                    self._seen.replies.append(clean(line, _SHOWN))
                return int(code)
            line = self._line(about)
        raise _Broke(f"{about}: a reply without end")

    def last(self) -> str:
        """The last reply's text."""
        return self._seen.replies[-1] if self._seen.replies else ""

    def _line(self, about: str) -> bytes:
        while not self.waiting:
            if len(self._heard) > _LINE:
                raise _Broke(f"{about}: a line without end")
            try:
                piece = self._guarded.recv(_LINE)
            except OSError as exc:
                raise _Broke(f"{about}: {word(exc)}") from exc
            if not piece:
                raise _Broke(f"{about}: closed")
            self._heard += piece
        line, _, self._heard = self._heard.partition(b"\n")
        return line.rstrip(b"\r")


def ask(probe: FtpProbe, at: Vantage) -> FtpEvidence:
    """Log in, have something sent, and say goodbye."""
    target = resolve(probe.to, at, probe.timeout_s)
    deadline = Deadline(probe.timeout_s)
    dialled = dial(target, probe.port, deadline)
    seen = _Seen(failed=dialled.detail)
    if dialled.sock is not None:
        with dialled.sock as sock:
            _converse(probe, _Control(sock, deadline, seen), seen)
    return FtpEvidence(
        target=target,
        port=probe.port,
        mode=probe.mode,
        outcome="connected" if dialled.sock else dialled.outcome,
        duration_ms=deadline.elapsed_ms,
        **vars(seen),
    )


def _converse(probe: FtpProbe, control: _Control, seen: _Seen) -> None:
    try:
        _greeted(control)
        seen.login = _login(probe, control)
        if seen.login == "accepted":
            _transfer(probe, control, seen)
            control.send("QUIT")
        else:
            seen.failed = f"login: {control.last()}"
    except _Broke as exc:
        seen.failed = str(exc)


def _must(code: int, good: set[int], about: str, control: _Control) -> None:
    if code not in good:
        raise _Broke(f"{about}: {control.last()}")


def _greeted(control: _Control) -> None:
    """120 announces a delay (RFC 959 section 5.4)."""
    code = control.reply("greeting")
    _must(control.reply("greeting") if code == 120 else code, {220}, "greeting", control)


def _login(probe: FtpProbe, control: _Control) -> str:
    code = control.say(f"USER {probe.user}")
    if code == 331:
        code = control.say(f"PASS {probe.password}")
    if code == 421:
        raise _Broke(f"login: {control.last()}")
    return "accepted" if code in {230, 202} else "refused"


def _transfer(probe: FtpProbe, control: _Control, seen: _Seen) -> None:
    _must(control.say("TYPE I"), {200}, "TYPE", control)
    seen.data = "failed"  # until it is made
    command = f"{probe.command} {probe.path}".rstrip()
    way = _active if probe.mode == "active" else _passive
    with way(probe.mode, command, control, seen) as data:
        _receive(data, probe.command, control, seen)


def _passive(mode: str, command: str, control: _Control, seen: _Seen) -> socket.socket:
    """Connect whereto the server says, then have it send."""
    seen.named(*(_pasv(control) if mode == "passive" else _epsv(control)))
    named = Target(name=str(seen.data_address), address=seen.data_address, source="literal")
    dialled = dial(named, int(seen.data_port or 0), control.deadline)
    if dialled.sock is None:
        detail = f" ({dialled.detail})" if dialled.detail else ""
        raise _Broke(f"data: {dialled.outcome}{detail}")
    seen.data = "opened"
    try:
        _begun(control.say(command), command, control, seen)
    except BaseException:
        dialled.sock.close()
        raise
    return dialled.sock


def _pasv(control: _Control) -> tuple[str, int]:
    """RFC 959 section 4.1.2; the numbers are found as RFC 1123 section 4.1.2.6 says."""
    _must(control.say("PASV"), {227}, "PASV", control)
    match = _PASV.search(control.last()[3:])
    numbers = [int(number) for number in match.groups()] if match else [256]
    if max(numbers) > 255:
        raise _Broke(f"PASV: no address: {control.last()}")
    return ".".join(map(str, numbers[:4])), numbers[4] * 256 + numbers[5]


def _epsv(control: _Control) -> tuple[str, int]:
    """Only a port: the address is that of the control connection (RFC 2428 section 3)."""
    _must(control.say("EPSV"), {229}, "EPSV", control)
    match = _EPSV.search(control.last())
    if match is None or int(match[2]) > 65535:
        raise _Broke(f"EPSV: no port: {control.last()}")
    return control.sock.getpeername()[0], int(match[2])


def _active(_mode: str, command: str, control: _Control, seen: _Seen) -> socket.socket:
    """Name a port of the node's own, and wait for whoever connects there."""
    own = control.sock.getsockname()[0]
    with socket.create_server((own, 0), family=family(own), backlog=1) as listening:
        port = listening.getsockname()[1]
        where = ",".join([*own.split("."), str(port // 256), str(port % 256)])
        told = f"EPRT |2|{own}|{port}|" if ":" in own else f"PORT {where}"
        _must(control.say(told), {200}, told.partition(" ")[0], control)
        control.send(command)
        begun = _until_connected(listening, command, control, seen)
        data, peer = listening.accept()
    seen.named(str(ipaddress.ip_address(peer[0])), peer[1])
    seen.data = "opened"
    try:
        if not begun:
            _begun(control.reply(command.partition(" ")[0]), command, control, seen)
    except BaseException:
        data.close()
        raise
    return data


def _until_connected(
    listening: socket.socket, command: str, control: _Control, seen: _Seen
) -> bool:
    """Wait for the server's connection; has it said meanwhile that it begins?"""
    begun = False
    with selectors.DefaultSelector() as selector:
        selector.register(listening, selectors.EVENT_READ)
        selector.register(control.sock, selectors.EVENT_READ)
        while control.deadline.left:
            ready = [key.fileobj for key, _ in selector.select(control.deadline.left)]
            if listening in ready:
                return begun
            if control.sock in ready:
                selector.unregister(control.sock)
                _begun(control.reply(command.partition(" ")[0]), command, control, seen)
                begun = True
    raise _Broke("data: timeout")


def _begun(code: int, command: str, control: _Control, seen: _Seen) -> None:
    """125 or 150; 425 takes back a connection that was made (RFC 959 section 5.4)."""
    if code == 425:
        seen.data = "failed"
    _must(code, {125, 150}, command.partition(" ")[0], control)


def _receive(data: socket.socket, command: str, control: _Control, seen: _Seen) -> None:
    """Everything that is sent, and the word that this was everything."""
    content, ended = read_until(data, control.deadline, lambda _: False)
    seen.content = clean(content)
    if ended == "closed":
        _must(control.reply(command), {226, 250}, command, control)
    elif len(content) < TEXT_LIMIT:
        raise _Broke(f"data: stopped after {len(content)} bytes: {ended}")
