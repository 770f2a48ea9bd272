"""X.509: the certificates that a lab's authority signs (RFC 5280)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab_runner.models.parameters import draw_bytes

# Order of the group of P-256 (FIPS 186-4, D.1.2.3), the bound of a private key.
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class Signer:
    """An authority's key, drawn from a seed, and what it signs with it."""

    seed: int
    now: datetime.datetime
    name: str
    #: Intermediate authorities that may stand one below the other under it.
    depth: int

    @property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        return _ec_key(self.seed, f"authority/{self.name}")

    def key_pem(self) -> str:
        """The authority's private key (PEM)."""
        return _key_pem(self._key)

    def root(self) -> str:
        """The authority's own certificate (PEM)."""
        return _pem(self._vouching(self, 3650).sign(self._key, hashes.SHA256()))

    def intermediate(self, below: Signer, days: int) -> str:
        """The certificate (PEM) with which this authority vouches for one below it."""
        builder = self._vouching(below, days).add_extension(self._key_identifier(), critical=False)
        return _pem(builder.sign(self._key, hashes.SHA256()))

    def _vouching(self, below: Signer, days: int) -> x509.CertificateBuilder:
        builder = self._builder(_common_name(below.name), below._key.public_key(), days)
        constraints = x509.BasicConstraints(ca=True, path_length=below.depth)
        builder = builder.add_extension(constraints, critical=True)
        return builder.add_extension(_usage(signs_certificates=True), critical=True)

    def server(self, label: str, names: list[str], days: int) -> tuple[str, str]:
        """A TLS server's certificate, valid from 30 days ago for ``days`` days, and its key."""
        key = _ec_key(self.seed, f"certificate/{label}")
        builder = self._builder(_common_name(names[0]), key.public_key(), days)
        subject_names = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(subject_names, critical=False)
        builder = builder.add_extension(usage, critical=False)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        )
        builder = builder.add_extension(self._key_identifier(), critical=False)
        return _pem(builder.sign(self._key, hashes.SHA256())), _key_pem(key)

    def _key_identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())

    def _builder(
        self, subject: x509.Name, public: ec.EllipticCurvePublicKey, days: int
    ) -> x509.CertificateBuilder:
        start = self.now - datetime.timedelta(days=30)
        # Unique for each issuer (RFC 5280, section 4.1.2.2), also when one name gets two.
        label = f"serial/{self.name}/{subject.rfc4514_string()}/{_raw(public).hex()}/{days}"
        serial = int.from_bytes(draw_bytes(self.seed, label, 16), "big")
        builder = x509.CertificateBuilder().subject_name(subject)
        builder = builder.issuer_name(_common_name(self.name)).public_key(public)
        builder = builder.serial_number(serial >> 1)
        builder = builder.not_valid_before(start)
        builder = builder.not_valid_after(start + datetime.timedelta(days=days))
        return builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(public), critical=False
        )


def _ec_key(seed: int, name: str) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(draw_bytes(seed, name, 48), "big") % (_P256_ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())


def _raw(public: ec.EllipticCurvePublicKey) -> bytes:
    return public.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """What a key is for (RFC 5280, section 4.2.1.3); strict verifiers ask."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
