"""How a worker and whoever waits for it speak: names of resources, messages, encryption."""

from __future__ import annotations

import logging
import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab_runner.errors import UsageError
from lab_runner.pool.kit import kit

if TYPE_CHECKING:
    from distributed import Security

#: The resource of which a worker has one for each lab that fits its machine.
LAB = "LAB"
#: One topic for all: a scheduler keeps what was said last of each, for ever.
TOPIC = "breakfix"
_ADDRESS = re.compile(r"(?:(?:tcp|tls|ws|wss)://)?(?:\[[0-9a-fA-F:.%]+\]|[\w.-]+):\d{1,5}")


def kit_resource() -> str:
    """A resource that only workers with this very kit have: no other gets our jobs."""
    return f"KIT {kit()}"


def resources(slots: int) -> dict[str, float]:
    """What a worker with so many slots offers, and a job with one takes."""
    return {LAB: float(slots), kit_resource(): float(slots)}


@dataclass(frozen=True)
class Message:
    """What a job says on its way.

    Attributes:
        run: Which call of a pool the job belongs to.
        index: The job.
        told: What it tells.
    """

    run: str
    index: int
    told: object

    def packed(self) -> bytes:
        """As it goes over the line."""
        return pickle.dumps(self)


@dataclass(frozen=True)
class Tls:
    """Files in PEM; what is left out comes from Dask's own configuration."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


def security(address: str, tls: Tls) -> Security:
    """How to encrypt.

    Raises:
        UsageError: Files for TLS and an address that has none; or none, or wrong ones.
    """
    from distributed import Security  # noqa: PLC0415 - half a second, and an optional part

    ca, cert, key = (str(file) if file else None for file in (tls.ca, tls.cert, tls.key))
    encrypted = address.startswith(("tls://", "wss://"))
    if (ca or cert or key) and not encrypted:
        raise UsageError(
            f"{address} is not encrypted.", hint="An address with TLS begins with tls://"
        )
    given = {"tls_ca_file": ca, "tls_client_cert": cert, "tls_client_key": key}
    given |= {"tls_worker_cert": cert, "tls_worker_key": key}
    made = Security(
        require_encryption=encrypted, **{name: file for name, file in given.items() if file}
    )
    if encrypted:
        _require_complete(made)
    return made


def _require_complete(made: Security) -> None:
    """See now that TLS can be spoken: later it is an error deep in Dask."""
    try:
        complete = all(
            made.get_connection_args(role)["ssl_context"] for role in ("client", "worker")
        )
    except (OSError, ValueError) as exc:
        raise UsageError(f"The files for TLS cannot be used: {exc}") from exc
    if not complete:
        raise UsageError(
            "An address with tls:// needs an authority and a certificate.",
            hint="Give --tls-ca, --tls-cert and --tls-key, or set them in Dask's configuration.",
        )


def require_dask(address: str) -> None:
    """See that Dask is installed, and that an address can be one.

    Raises:
        UsageError: It is not.
    """
    if not _ADDRESS.fullmatch(address):
        raise UsageError(
            f"{address!r} is no address of a scheduler.", hint="For example: tcp://10.0.0.5:8786"
        )
    try:
        import distributed  # noqa: F401, PLC0415
    except ImportError as exc:
        raise UsageError(
            "Dask is not installed.",
            hint="Install it with the kit: `pipx install 'breakfix[dask]'`.",
        ) from exc
    # It speaks of every connection; what matters of that we say ourselves.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    for name in ("client", "worker", "core", "scheduler"):
        logging.getLogger(f"distributed.{name}").setLevel(logging.CRITICAL)
