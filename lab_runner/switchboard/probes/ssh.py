"""One conversation with an SSH server (RFC 4252, RFC 4253)."""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import socket
import struct
import threading
from dataclasses import dataclass
from typing import Any

import paramiko
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from lab_runner.errors import ProbeError
from lab_runner.models.evidence import SshEvidence
from lab_runner.models.probes import SshProbe
from lab_runner.switchboard.names import resolve
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._known_hosts import KnownKeys, known_keys
from lab_runner.switchboard.probes._ssh_forward import onward
from lab_runner.switchboard.probes._ssh_offered import Overheard, offer, offered
from lab_runner.switchboard.probes._ssh_transfer import there_and_back
from lab_runner.switchboard.probes._stream import dial, word
from lab_runner.switchboard.probes._text import TEXT_LIMIT, clean
from lab_runner.switchboard.vantage import Vantage

#: All bytes of one conversation; a packet's length field may claim 4 GiB.
_BUDGET = 1024 * 1024
_KEY_CLASSES: tuple[tuple[type, type[paramiko.PKey]], ...] = (
    (ed25519.Ed25519PrivateKey, paramiko.Ed25519Key),
    (rsa.RSAPrivateKey, paramiko.RSAKey),
    (ec.EllipticCurvePrivateKey, paramiko.ECDSAKey),
)
#: Host key algorithms of a key type (RFC 8332).
_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}

_MOMENT = 0.05
#: What paramiko raises, unchanged, where a server's packets cannot be taken apart.
_NOT_UNDERSTOOD = (ValueError, LookupError, TypeError, struct.error)

# The paramiko of a probe writes nowhere: what it has to say is in the evidence.
logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)
logging.getLogger("paramiko").addHandler(logging.NullHandler())


@dataclass
class _Seen:
    outcome: str = "broken"
    detail: str | None = None
    banner: str | None = None
    host_key_type: str | None = None
    host_key: str | None = None
    known_hosts: str | None = None
    offered: dict[str, list[str]] | None = None
    methods: list[str] | None = None
    login: str | None = None
    login_ms: float | None = None
    command_exit: int | None = None
    output: str | None = None
    transfer: str | None = None
    forwarding: str | None = None


def ask(probe: SshProbe, at: Vantage) -> SshEvidence:
    """Exchange keys, ask for the methods, log in, run a command, transfer, forward."""
    key = _private_key(probe.private_key)
    further = probe.destination()
    known = _known(probe, at)
    target = resolve(probe.to, at, probe.timeout_s)
    deadline = Deadline(probe.timeout_s)
    dialled = dial(target, probe.port, deadline)
    seen = _Seen(dialled.outcome, dialled.detail)
    if dialled.sock is not None:
        with dialled.sock as sock:
            _converse(probe, _Wanted(key, known, further), sock, deadline, seen)
    return SshEvidence(
        target=target, port=probe.port, duration_ms=deadline.elapsed_ms, **vars(seen)
    )


def _known(probe: SshProbe, at: Vantage) -> KnownKeys | None:
    if probe.known_hosts is None:
        return None
    return known_keys(probe.known_hosts, probe.to, probe.port, at.files)


@dataclass(frozen=True)
class _Wanted:
    key: paramiko.PKey | None
    known: KnownKeys | None
    further: tuple[str, int] | None


def _private_key(text: str | None) -> paramiko.PKey | None:
    """The author's key.

    Raises:
        ProbeError: It is none that SSH knows.
    """
    if text is None:
        return None
    try:
        loaded = load_ssh_private_key(text.encode(), None)
        kind = next(ours for theirs, ours in _KEY_CLASSES if isinstance(loaded, theirs))
        return kind.from_private_key(io.StringIO(text))
    except (ValueError, TypeError, StopIteration, paramiko.SSHException) as exc:
        raise ProbeError("private_key holds no usable OpenSSH private key") from exc


def _converse(
    probe: SshProbe, wanted: _Wanted, sock: socket.socket, deadline: Deadline, seen: _Seen
) -> None:
    """Go as far as the server lets us; each step fills in what it learned."""
    seen.outcome = "broken"
    guarded: Any = Overheard(sock, deadline, _BUDGET)
    transport = paramiko.Transport(guarded)
    offer(transport, probe)
    try:
        _exchange_keys(transport, wanted.known, deadline, seen)
        _log_in(probe, transport, wanted.key, deadline, seen)
        if probe.command is not None and seen.login == "accepted":
            _run(transport, probe.command, deadline, seen)
        if probe.sftp is not None and seen.login is not None:
            _transfer(transport, probe.sftp, deadline, seen)
        if wanted.further is not None and seen.login is not None:
            allowed = seen.login == "accepted"
            seen.forwarding = onward(transport, wanted.further, deadline) if allowed else "refused"
    except paramiko.SSHException as exc:
        seen.detail = clean(str(exc), 200)
    except EOFError:
        seen.detail = "the server closed the connection"
    except OSError as exc:
        seen.detail = word(exc)
    except _NOT_UNDERSTOOD as exc:
        seen.detail = f"the server says what cannot be understood ({type(exc).__name__})"
    finally:
        transport.close()
        seen.offered = offered(guarded.heard)
    if seen.detail and not deadline.left:
        seen.outcome = "timeout" if seen.outcome == "broken" else seen.outcome


def _exchange_keys(
    transport: paramiko.Transport, known: KnownKeys | None, deadline: Deadline, seen: _Seen
) -> None:
    left = deadline.need()
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = left
    _prefer(transport, known)
    done = threading.Event()
    transport.start_client(event=done)
    done.wait(left)
    seen.banner = clean(transport.remote_version) or None
    if not transport.is_active() or not done.is_set():
        raise transport.get_exception() or paramiko.SSHException(
            "the key exchange was not finished"
        )
    _note_host_key(transport.get_remote_server_key(), known, seen)


def _note_host_key(shown: paramiko.PKey, known: KnownKeys | None, seen: _Seen) -> None:
    digest = hashlib.sha256(shown.asbytes()).digest()
    seen.outcome = "connected"
    seen.host_key_type = shown.get_name()
    seen.host_key = f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"
    seen.known_hosts = known.judge(shown) if known else None


def _prefer(transport: paramiko.Transport, known: KnownKeys | None) -> None:
    """Ask for a type of host key that is known, as ssh(1) does (HostKeyAlgorithms)."""
    options = transport.get_security_options()
    types = known.types if known else []
    first = [name for kind in types for name in _ALGORITHMS.get(kind, (kind,))]
    offered = list(options.key_types)
    options.key_types = [n for n in offered if n in first] + [n for n in offered if n not in first]


def _log_in(
    probe: SshProbe,
    transport: paramiko.Transport,
    key: paramiko.PKey | None,
    deadline: Deadline,
    seen: _Seen,
) -> None:
    """Ask for the methods with "none" (RFC 4252 section 5.2), then try what we hold."""
    try:
        transport.auth_none(probe.user)
        seen.methods, seen.login = ["none"], "accepted"
    except paramiko.BadAuthenticationType as exc:
        seen.methods = sorted(clean(name, 80) for name in exc.allowed_types)
    if seen.login is None and (key is not None or probe.password is not None):
        transport.auth_timeout = deadline.need()
        seen.login = "accepted" if _accepted(probe, transport, key, deadline) else "refused"
    seen.login_ms = deadline.elapsed_ms


def _accepted(
    probe: SshProbe, transport: paramiko.Transport, key: paramiko.PKey | None, deadline: Deadline
) -> bool:
    """Key, then password; done only when nothing further is asked for (RFC 4252 section 5.1)."""
    for credential in (key, probe.password):
        try:
            if isinstance(credential, paramiko.PKey):
                transport.auth_publickey(probe.user, credential)
            elif credential is not None:
                transport.auth_password(probe.user, credential, fallback=False)
        except paramiko.AuthenticationException:
            if not transport.is_active() or deadline.left < _MOMENT:
                raise  # a lost connection and silence are no refusal
        if transport.is_authenticated():
            return True
    return False


def _run(transport: paramiko.Transport, command: str, deadline: Deadline, seen: _Seen) -> None:
    channel = transport.open_session(timeout=deadline.need())
    channel.set_combine_stderr(True)
    channel.exec_command(command)
    output = b""
    while len(output) < TEXT_LIMIT and deadline.left:
        channel.settimeout(deadline.need())
        piece = channel.recv(TEXT_LIMIT - len(output))
        if not piece:
            break
        output += piece
        seen.output = clean(output)
    seen.output = clean(output)
    if channel.status_event.wait(deadline.left):
        seen.command_exit = channel.exit_status


def _transfer(transport: paramiko.Transport, folder: str, deadline: Deadline, seen: _Seen) -> None:
    if seen.login == "refused":
        seen.transfer = "refused"
        return
    try:
        there_and_back(transport, folder, deadline)
        seen.transfer = "done"
    except (OSError, EOFError, paramiko.SSHException) as exc:
        if not transport.is_active() or deadline.left < _MOMENT:
            raise  # a lost connection and silence are no refusal
        seen.transfer = "refused"
        seen.detail = clean(str(exc), 200) or "the server closed it"
