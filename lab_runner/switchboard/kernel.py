"""What the kernel of a node has been told: addresses, routes, rules, firewall, settings, sockets.

In lines as ip(8), nft(8) and sysctl(8) print them, so that two states can be compared and
read. What packets and time change by themselves is left out. All of it is of the
calling process's own network namespace.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from lab_runner.switchboard.probes.listening import sockets

_ROUTES = (
    ("ip", "-4", "route", "show", "table", "all"),
    # Not what IPv6 makes of itself: link-local and multicast routes, which come and go.
    ("ip", "-6", "route", "show", "proto", "static"),
)
_RULES = (("ip", "-4", "rule", "show"), ("ip", "-6", "rule", "show"))
_FIREWALL = ("nft", "-s", "list", "ruleset")
_SET = re.compile(r"^\t(?:set|map) .*?^\t}$", re.MULTILINE | re.DOTALL)
#: Sets with one of these flags are filled by packets, not by people.
_BY_PACKETS = re.compile(r"^\t\tflags .*\b(dynamic|timeout)\b", re.MULTILINE)
_ELEMENTS = re.compile(r"^\t\telements = \{.*?\}\n", re.MULTILINE | re.DOTALL)
_SETTINGS = Path("/proc/sys/net")
_VALUE_AT_MOST = 65_536
#: What counts, and what is drawn at every boot.
_RESTLESS = {"nf_conntrack_count", "tcp_fastopen_key", "stable_secret"}
_COMMAND_S = 5.0


def state() -> dict[str, list[str]]:
    """Everything, by its kind."""
    return told() | {"sockets": sorted(_listening())}


def told() -> dict[str, list[str]]:
    """What somebody has set, without what programs do."""
    return {
        "addresses": addresses(),
        # Routes are listed in the order of their making, which says nothing.
        "routes": sorted(line for argv in _ROUTES for line in _said(argv).splitlines()),
        "rules": [line for argv in _RULES for line in _said(argv).splitlines()],
        "firewall": firewall(_said(_FIREWALL)),
        "settings": sorted(_settings()),
    }


def addresses() -> list[str]:
    """Interfaces with MTU, state and global addresses; their numbers change at every boot."""
    links = json.loads(_said(("ip", "-j", "address", "show")) or "[]")
    return [
        " ".join(
            [
                f"{link['ifname']} mtu {link['mtu']}",
                *sorted(set(link["flags"]) & {"UP", "NOARP", "PROMISC"}),
                *(
                    f"{a['local']}/{a['prefixlen']}"
                    for a in link["addr_info"]
                    if a["scope"] == "global"
                ),
            ]
        )
        for link in links
    ]


def firewall(ruleset: str) -> list[str]:
    """A ruleset's lines, without the elements that packets put into its sets."""

    def lasting(found: re.Match[str]) -> str:
        text = found.group()
        return _ELEMENTS.sub("", text) if _BY_PACKETS.search(text) else text

    return _SET.sub(lasting, ruleset).splitlines()


def _settings() -> Iterator[str]:
    # By os.walk and os.open: a thousand files are read beside every check.
    for place in sorted(os.scandir(_SETTINGS), key=lambda entry: entry.name):
        if not place.is_dir(follow_symlinks=False):
            continue
        for folder, _, names in os.walk(place.path):
            prefix = folder.removeprefix(f"{_SETTINGS.parent}/").replace("/", ".")
            for name in names:
                if name not in _RESTLESS:
                    with contextlib.suppress(OSError, UnicodeError):  # some can only be written
                        yield f"{prefix}.{name} = {_value(f'{folder}/{name}')}"


def _value(path: str) -> str:
    fd = os.open(path, os.O_RDONLY)
    try:
        return " ".join(os.read(fd, _VALUE_AT_MOST).decode().split())
    finally:
        os.close(fd)


def _listening() -> Iterator[str]:
    for protocol in ("tcp", "udp"):
        for address, port in sockets(protocol):
            yield f"{protocol} {address} port {port}"


def _said(argv: tuple[str, ...]) -> str:
    done = subprocess.run(argv, capture_output=True, timeout=_COMMAND_S, check=False)
    return done.stdout.decode("utf-8", "replace")
