"""Ed25519 keys (RFC 8032): made, kept where only their owner reads, and named."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from lab_runner.errors import UsageError

#: The length of a public key and of a signature (RFC 8032 section 5.1.5 and 5.1.6), in bytes.
KEY_BYTES, SIGNATURE_BYTES = 32, 64
_NAME_DIGITS = 16


class SigningKey:
    """Somebody's private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def new(cls) -> SigningKey:
        """A fresh one."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, text: str) -> SigningKey:
        """From PKCS #8 in PEM (RFC 5958, RFC 7468).

        Raises:
            ValueError: It is none, or another kind of key.
        """
        try:
            key = load_pem_private_key(text.encode(), password=None)
        except (UnsupportedAlgorithm, TypeError) as exc:
            raise ValueError(str(exc)) from exc
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("not an Ed25519 key")
        return cls(key)

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """From a file.

        Raises:
            UsageError: It cannot be read, or is no such key.
        """
        try:
            return cls.from_pem(path.read_text())
        except (OSError, ValueError) as exc:
            raise UsageError(
                f"The key in {path} cannot be used: {exc}.",
                hint="What was signed with it can no longer be matched without it: look for a "
                "copy before you make another.",
            ) from exc

    def pem(self) -> str:
        """As :meth:`from_pem` takes it."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def save(self, path: Path) -> None:
        """Write it where only the owner can read it; never over another.

        Raises:
            FileExistsError: There is something of that name.
        """
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(self.pem())

    @property
    def public(self) -> bytes:
        """The public key, :data:`KEY_BYTES` long."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, data: bytes) -> bytes:
        """A signature, :data:`SIGNATURE_BYTES` long."""
        return self._key.sign(data)


def signed_by(public: bytes, signature: bytes, data: bytes) -> bool:
    """Is it the signature of the key's owner under this?"""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_name(public: bytes) -> str:
    """What people compare over the telephone: ``1f3a 09c4 …``."""
    digits = hashlib.sha256(public).hexdigest()[:_NAME_DIGITS]
    return " ".join(digits[at : at + 4] for at in range(0, _NAME_DIGITS, 4))
