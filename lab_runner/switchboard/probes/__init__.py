"""One file a protocol: each asks, and says what it saw.

Every module has ``ask(probe, at) -> evidence``; one that needs raw sockets on the
switchboard's side also has ``taps(probe) -> list[str]``: a segment, a
``node:interface``, or a node for all its cables. Modules whose names begin with
an underscore are what several of them share.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from lab_runner.errors import ProbeError

#: The module of each probe. ``command`` is not here: the engine runs it.
MODULES: dict[str, str] = {
    "dns": "dns",
    "tcp": "tcp",
    "udp": "udp",
    "http": "http",
    "load": "flows",  # a module "load" would take the place of the function below
    "tls": "tls",
    "ssh": "ssh",
    "ftp": "ftp",
    "telnet": "telnet",
    "ping": "ping",
    "arp": "arp",
    "dhcp": "dhcp",
    "path": "path",
    "pmtu": "pmtu",
    "nat": "nat",
    "capture": "capture",
    "listening": "listening",
    "process": "process",
    "file": "file",
    "sysctl": "sysctl",
}
#: Those whose packets are made with scapy, which takes longer to import than all the rest.
WITH_SCAPY = frozenset({"ping", "path", "pmtu", "nat", "capture"})


def load(word: str) -> ModuleType:
    """The module that asks ``word``.

    Raises:
        ProbeError: The switchboard has no such probe.
    """
    if word not in MODULES:
        raise ProbeError(f"no probe {word!r} in the switchboard; it has {', '.join(MODULES)}")
    return import_module(f"{__name__}.{MODULES[word]}")
