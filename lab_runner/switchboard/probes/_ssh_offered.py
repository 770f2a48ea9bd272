"""What an SSH server offers: its first packet, which is sent in clear (RFC 4253 section 7.1)."""

from __future__ import annotations

import socket

import paramiko

from lab_runner.errors import ProbeError
from lab_runner.models.probes import SshProbe
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._stream import Guarded
from lab_runner.switchboard.probes._text import clean

_KEPT = 32 * 1024
_KEXINIT = 20
_COOKIE = 16
_LENGTH = 4
#: The name-lists in their order; from client to server and back are two of each.
_LISTS = ("key_exchange", "host_key_types", "ciphers", "ciphers", "macs", "macs")
_NAME_LIMIT = 80


class Overheard(Guarded):
    """A guarded socket that keeps what was received first."""

    def __init__(self, sock: socket.socket, deadline: Deadline, budget: int) -> None:
        super().__init__(sock, deadline, budget)
        self.heard = b""

    def recv(self, size: int) -> bytes:
        """Receive, and keep it."""
        data = super().recv(size)
        self.heard += data[: _KEPT - len(self.heard)]
        return data


def offered(heard: bytes) -> dict[str, list[str]] | None:
    """The algorithms that a server's first bytes name, by kind; None if they do not.

    Lines may come before the identification (RFC 4253 section 4.2).
    """
    before, start, rest = heard.partition(b"SSH-")
    _, newline, packet = rest.partition(b"\n")
    if not (start and newline) or (before and not before.endswith(b"\n")):
        return None
    length = int.from_bytes(packet[:_LENGTH], "big")
    payload = packet[_LENGTH + 1 : _LENGTH + length]
    if len(payload) != length - 1 or payload[:1] != bytes([_KEXINIT]):
        return None
    found: dict[str, list[str]] = {}
    rest = payload[1 + _COOKIE :]
    for kind in _LISTS:
        size = int.from_bytes(rest[:_LENGTH], "big")
        names, rest = rest[_LENGTH : _LENGTH + size], rest[_LENGTH + size :]
        if len(names) != size:
            return None
        known = found.setdefault(kind, [])
        texts = [clean(name, _NAME_LIMIT) for name in names.split(b",") if name]
        known += [text for text in texts if text not in known]
    return found


def offer(transport: paramiko.Transport, probe: SshProbe) -> None:
    """Let the client offer what the author names and nothing else.

    Raises:
        ProbeError: The probe's own SSH does not know one of them.
    """
    options = transport.get_security_options()
    wanted = {
        "kex": probe.key_exchange,
        "key_types": probe.host_key_types,
        "ciphers": probe.ciphers,
        "digests": probe.macs,
    }
    for name, algorithms in wanted.items():
        if algorithms is None:
            continue
        try:
            setattr(options, name, algorithms)
        except ValueError as exc:
            known = ", ".join(getattr(options, name))
            raise ProbeError(f"{', '.join(algorithms)}: known are {known}") from exc
