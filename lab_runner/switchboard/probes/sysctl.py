"""A kernel parameter of the node's network namespace (sysctl(8))."""

from __future__ import annotations

from pathlib import Path

from lab_runner.errors import ProbeError
from lab_runner.models.evidence import SysctlEvidence
from lab_runner.models.probes import SysctlProbe
from lab_runner.switchboard.probes._text import clean
from lab_runner.switchboard.vantage import Vantage

_ROOT = Path("/proc/sys")


def ask(probe: SysctlProbe, _at: Vantage) -> SysctlEvidence:
    """Read it where it is; ``/proc/sys/net`` shows the reader's own namespace."""
    try:
        value = (_ROOT / _path(probe.key)).read_text()
    except (FileNotFoundError, NotADirectoryError):
        return SysctlEvidence(key=probe.key, value=None)
    except OSError as exc:
        raise ProbeError(f"{probe.key} cannot be read: {exc.strerror}") from exc
    return SysctlEvidence(key=probe.key, value=clean(" ".join(value.split())))


def _path(key: str) -> Path:
    """Dots separate, unless there are slashes: ``net/ipv4/conf/eth0.10/rp_filter`` (sysctl(8))."""
    parts = key.split("/") if "/" in key else key.split(".")
    if parts[0] != "net" or not all(parts) or {".", ".."} & set(parts):
        raise ProbeError(f"{key!r} is no parameter under net.")
    return Path(*parts)
