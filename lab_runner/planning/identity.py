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
    """A certificate for a server.

    Attributes:
        chain: What the server should show (PEM): its own certificate first, then those of
            the authorities between it and the root, which everybody has.
        key: Its private key (PEM).
    """

    chain: str
    key: str

    @property
    def leaf(self) -> str:
        """The server's own certificate alone (PEM)."""
        end = "-----END CERTIFICATE-----\n"
        return self.chain.partition(end)[0] + end


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
    """A certification authority: the one that all nodes of a lab trust, or one below it.

    Attributes:
        seed: The attempt's seed.
        now: The time of issue.
        name: The authority's common name.
        depth: So many intermediate authorities may stand one below the other under it.
        above: The authority that vouches for this one; none for the root.
        days: How long the certificate from above is valid, counted from 30 days ago.
    """

    seed: int
    now: datetime.datetime
    name: str = "Breakfix Lab Root"
    depth: int = 2
    above: Authority | None = None
    days: int = 1825
    _issued: dict[str, ServerCertificate] = field(default_factory=dict)

    @cached_property
    def _signer(self) -> Signer:
        # Every verb makes a plan, and few of them a certificate: X.509 takes 50 ms to import.
        from lab_runner.planning.signing import Signer  # noqa: PLC0415

        return Signer(self.seed, self.now, self.name, self.depth)

    @cached_property
    def certificate(self) -> str:
        """The authority's own certificate (PEM); without one above, self-signed."""
        if self.above is None:
            return self._signer.root()
        return self.above._signer.intermediate(self._signer, self.days)  # noqa: SLF001

    @property
    def chain(self) -> str:
        """Its certificate and those above it, up to the root and without it (PEM)."""
        return "" if self.above is None else self.certificate + self.above.chain

    def intermediate(self, name: str, days: int = 1825) -> Authority:
        """An authority below this one; the same name has the same key, whatever the days.

        Raises:
            ValueError: No more may stand below this one.
        """
        if not self.depth:
            raise ValueError(f"{self.name} may have no authority below it")
        return Authority(self.seed, self.now, name, self.depth - 1, self, days)

    @property
    def key(self) -> str:
        """Its private key (PEM), for a program that signs in its name."""
        return self._signer.key_pem()

    def stranger(self, name: str) -> Authority:
        """A root of its own, which no node trusts."""
        return Authority(self.seed, self.now, name)

    def issue(self, label: str, names: list[str], days: int) -> ServerCertificate:
        """A certificate for a TLS server (RFC 5280), valid from 30 days ago for ``days`` days."""
        if label not in self._issued:
            leaf, key = self._signer.server(label, names, days)
            self._issued[label] = ServerCertificate(leaf + self.chain, key)
        return self._issued[label]
