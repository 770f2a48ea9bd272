"""A connection by way of an SSH server to somewhere else (RFC 4254 section 7.2)."""

from __future__ import annotations

import paramiko

from lab_runner.switchboard.probes._clock import Deadline

#: SSH_OPEN_CONNECT_FAILED: the server would have, but nobody answered (RFC 4254 section 5.1).
_CONNECT_FAILED = 2
_KIND = "direct-tcpip"
#: Who asked the server's client; nobody did.
_ORIGIN = ("127.0.0.1", 0)


def onward(transport: paramiko.Transport, to: tuple[str, int], deadline: Deadline) -> str:
    """Ask for the connection, and close it; as evidence has it.

    Raises:
        paramiko.SSHException: The server says neither yes nor no.
    """
    try:
        transport.open_channel(_KIND, to, _ORIGIN, timeout=deadline.need()).close()
    except paramiko.ChannelException as exc:
        return "unreachable" if exc.code == _CONNECT_FAILED else "refused"
    return "made"
