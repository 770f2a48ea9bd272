"""Certificates for TLS servers: right ones, and each kind of wrong one."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.wire.servers import Handler


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass
class Authority:
    """A certificate authority."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def new(cls, name: str = "Lab CA") -> Authority:
        """A fresh one."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(name, name, key, 30).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        return cls(key, builder.sign(key, hashes.SHA256()))

    @property
    def pem(self) -> bytes:
        """For a trust store."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def server(self, folder: Path, name: str, days: int = 30) -> ssl.SSLContext:
        """A server's side with a certificate for one name or address."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(name, "Lab CA", key, days).add_extension(
            x509.SubjectAlternativeName([_san(name)]), critical=False
        )
        certificate = builder.sign(self.key, hashes.SHA256())
        file = folder / f"{name}-{days}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def _san(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days, hours=1))
    )


def over_tls(context: ssl.SSLContext, handler: Handler) -> Handler:
    """The same conversation inside TLS."""

    def handle(conn: socket.socket) -> None:
        with context.wrap_socket(conn, server_side=True) as secured:
            handler(secured)

    return handle
