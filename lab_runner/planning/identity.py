"""Keys and certificates of a lab, drawn from the attempt's seed.

The same seed gives the same keys, so that a lab that is built again is the same
lab. They protect nothing: whoever knows the seed knows them.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from lab_runner.models.parameters import draw_bytes

if TYPE_CHECKING:
    from lab_runner.planning.signing import Signer


@dataclass(frozen=True)
class SshKey:
    """An Ed25519 key pair in OpenSSH's formats.

    Attributes:
        private: The private key's file.
        public: ``ssh-ed25519 AAAA…``, without a comment.
        fingerprint: ``SHA256:…`` as ``ssh-keygen -l`` prints it.
    """

    private: str
    public: str
    fingerprint: str


@dataclass(frozen=True)
class ServerCertificate:
    """A certificate with its chain (PEM, leaf first) and its private key (PEM)."""

    chain: str
    key: str


@cache  # the format holds a random number, and one plan must be like the next
def ssh_key(seed: int, name: str) -> SshKey:
    """The SSH key pair that ``seed`` and ``name`` decide."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(draw_bytes(seed, f"ssh/{name}"))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    digest = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
    fingerprint = "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
    return SshKey(private.decode(), public.decode(), fingerprint)


@dataclass(frozen=True)
class Authority:
    """The certification authority that all nodes of a lab trust.

    Attributes:
        seed: The attempt's seed.
        now: The time of issue.
        name: The authority's common name.
    """

    seed: int
    now: datetime.datetime
    name: str = "Breakfix Lab Root"
    _issued: dict[str, ServerCertificate] = field(default_factory=dict)

    @cached_property
    def _signer(self) -> Signer:
        # Every verb makes a plan, and few of them a certificate: X.509 takes 50 ms to import.
        from lab_runner.planning.signing import Signer  # noqa: PLC0415

        return Signer(self.seed, self.now, self.name)

    @cached_property
    def certificate(self) -> str:
        """The authority's own certificate (PEM)."""
        return self._signer.root()

    def issue(self, label: str, names: list[str], days: int) -> ServerCertificate:
        """A certificate for a TLS server (RFC 5280), valid from 30 days ago for ``days`` days."""
        if label not in self._issued:
            self._issued[label] = ServerCertificate(*self._signer.server(label, names, days))
        return self._issued[label]
