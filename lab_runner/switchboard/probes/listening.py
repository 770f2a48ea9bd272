"""Which sockets listen on the node (proc(5), /proc/net/tcp and its kin)."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator
from pathlib import Path

from lab_runner.errors import ProbeError
from lab_runner.models.evidence import ListeningEvidence
from lab_runner.models.probes import ListeningProbe
from lab_runner.switchboard.vantage import Vantage

#: The tables of this thread's network namespace, which is the node's.
_TABLES = Path("/proc/thread-self/net")
#: States that wait for anybody: TCP_LISTEN; for UDP, TCP_CLOSE means unconnected
#: (net/tcp_states.h).
_WAITING = {"tcp": "0A", "udp": "07"}
_WORD = 8


def ask(probe: ListeningProbe, _at: Vantage) -> ListeningEvidence:
    """Read the IPv4 and the IPv6 table."""
    addresses = {a for a, port in sockets(probe.protocol) if port == probe.port}
    return ListeningEvidence(port=probe.port, protocol=probe.protocol, addresses=sorted(addresses))


def sockets(protocol: str) -> Iterator[tuple[str, int]]:
    """Address and port of each socket that waits for anybody; ``protocol`` is tcp or udp.

    Raises:
        ProbeError: The tables cannot be read.
    """
    for table in (protocol, f"{protocol}6"):
        yield from _sockets(table, _WAITING[protocol])


def _sockets(table: str, waiting: str) -> Iterator[tuple[str, int]]:
    try:
        rows = (_TABLES / table).read_text().splitlines()[1:]
    except FileNotFoundError:
        return  # a kernel without IPv6
    except OSError as exc:
        raise ProbeError(f"{_TABLES / table} cannot be read: {exc.strerror}") from exc
    for row in rows:
        _, local, _, state, *_ = row.split()
        address, _, port = local.partition(":")
        if state == waiting:
            yield _spelled(address), int(port, 16)


def _spelled(digits: str) -> str:
    """The kernel prints an address as words in its own byte order."""
    words = [digits[at : at + _WORD] for at in range(0, len(digits), _WORD)]
    raw = b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words)
    return str(ipaddress.ip_address(raw))
