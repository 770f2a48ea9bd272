"""TLS handshakes verified against the node's own trust store (RFC 8446, RFC 9525)."""

from __future__ import annotations

import hashlib
import socket
import ssl
from dataclasses import dataclass, replace
from typing import Any

from cryptography import x509

from lab_runner.models.evidence import Target, TlsFacts
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._stream import dial, word
from lab_runner.switchboard.probes._text import clean
from lab_runner.switchboard.vantage import NodeFiles

#: Where Debian's ca-certificates puts what the machine trusts.
TRUST_STORE = "/etc/ssl/certs/ca-certificates.crt"
_STORE_LIMIT = 1024 * 1024


@dataclass(frozen=True)
class Shaken:
    """A handshake: the socket where one was made, the facts where a certificate was seen."""

    outcome: str
    detail: str | None = None
    facts: TlsFacts | None = None
    sock: ssl.SSLSocket | None = None


def shake(
    sock: socket.socket, name: str, files: NodeFiles, again: tuple[Target, int], deadline: Deadline
) -> Shaken:
    """Make a verified handshake; where it fails, a second connection collects the facts."""
    context, store_problem = _trusting(files)
    try:
        shaken = _handshake(sock, context, name, deadline)
    except ssl.SSLCertVerificationError as exc:
        sock.close()
        why = store_problem or exc.verify_message
        return Shaken("tls", why, _facts_only(*again, name, why, deadline))
    if shaken.facts:
        return replace(shaken, facts=replace(shaken.facts, verified=True))
    return shaken


def _trusting(files: NodeFiles) -> tuple[ssl.SSLContext, str | None]:
    """A context with the node's authorities and no others."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    store = files.text(TRUST_STORE, _STORE_LIMIT)
    try:
        if store.strip():
            context.load_verify_locations(cadata=store)
    except (ssl.SSLError, ValueError):
        return context, f"{TRUST_STORE} cannot be read as certificates"
    return context, None if store.strip() else f"{TRUST_STORE} is empty"


def _handshake(
    sock: socket.socket, context: ssl.SSLContext, name: str, deadline: Deadline
) -> Shaken:
    """Map everything but a failed verification, which is the caller's."""
    try:
        sock.settimeout(deadline.need())
        tls = context.wrap_socket(sock, server_hostname=name)
        return Shaken("handshake", None, _facts(tls), tls)
    except ssl.SSLCertVerificationError:
        raise
    except ssl.SSLError as exc:
        sock.close()
        return Shaken("broken", clean(exc.reason or str(exc)))
    except OSError as exc:
        sock.close()
        return Shaken(_broken_off(exc), exc.strerror)


def _broken_off(exc: OSError) -> str:
    return "timeout" if word(exc) == "timeout" else "broken"


def _facts_only(target: Target, port: int, name: str, why: str, deadline: Deadline) -> TlsFacts:
    """What the server shows to somebody who verifies nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    dialled = dial(target, port, deadline)
    if dialled.sock is None:
        return TlsFacts(verify_error=why)
    shaken = _handshake(dialled.sock, context, name, deadline)
    if shaken.sock is not None:
        shaken.sock.close()
    return replace(shaken.facts or TlsFacts(), verify_error=why)


def _facts(tls: ssl.SSLSocket) -> TlsFacts:
    der = tls.getpeercert(binary_form=True) or b""
    return TlsFacts(
        version=tls.version(),
        fingerprint_sha256=hashlib.sha256(der).hexdigest(),
        **_certificate(der),
    )


def _certificate(der: bytes) -> dict[str, Any]:
    """The fields of a certificate; OpenSSL lets pass some that cannot be parsed strictly."""
    try:
        shown = x509.load_der_x509_certificate(der)
        return {
            "subject": clean(shown.subject.rfc4514_string()),
            "issuer": clean(shown.issuer.rfc4514_string()),
            "names": _names(shown),
            "not_after": shown.not_valid_after_utc.isoformat(),
        }
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return {}


def _names(shown: x509.Certificate) -> list[str]:
    """The subjectAltNames that a client compares with (RFC 9525 section 6)."""
    try:
        names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    hosts = names.get_values_for_type(x509.DNSName)
    return [clean(name) for name in (*hosts, *map(str, names.get_values_for_type(x509.IPAddress)))]
