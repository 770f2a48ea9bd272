"""Bridges and cables (ip-link(8)) and what can be done to a cable.

The work is done by iproute2 and nftables. A library for rtnetlink(7) would be 10 MB in
the process that is forked for every probe, and a tenth of a second of each lab's start.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lab_runner.switchboard.protocol import CablePlan

_ETHERNET_MTU = 1500
_LOSS_TABLE = "loss"
#: What undoes everything that :meth:`Wiring.impair` can do.
WHOLE: Mapping[str, Any] = {"down": False, "mtu": _ETHERNET_MTU, "loss": 0, "rate": "none"}
_PARTS = 10000


class Wiring:
    """The switchboard's side of all cables of one lab."""

    def __init__(self, segments: Mapping[str, str]) -> None:
        self._bridges = dict(segments)
        _ip(line for device in segments.values() for line in _bridge(device))

    def plug(self, cables: Sequence[CablePlan], network: str) -> None:
        """Plug a node's cables in.

        Args:
            cables: What to plug.
            network: Path of the node's network namespace.

        Raises:
            OSError: The kernel refused.
        """
        for cable in cables:
            _remove(cable.port)
        _ip(line for cable in cables for line in self._plugged(cable, network))

    def _plugged(self, cable: CablePlan, network: str) -> Iterable[str]:
        peer = f"name {cable.card} address {cable.mac} netns {network}"
        yield f"link add {cable.port} type veth peer {peer}"
        yield f"link set {cable.port} master {self._bridges[cable.segment]} up"

    def impair(self, port: str, change: Mapping[str, Any]) -> None:
        """Make a cable worse, or whole again.

        Args:
            port: The switchboard's side of the cable.
            change: ``down`` (bool), ``mtu`` (bytes), ``loss`` (share of frames, 0 to 1, in
                either direction), ``rate`` (towards the node, as tc(8) writes it). Absent
                keys are left alone; ``loss: 0`` and ``rate: none`` undo.

        Raises:
            OSError: The kernel refused.
        """
        if change.get("loss") is not None:
            self._lose(port, change["loss"])  # a rule about a name, whether it is there or not
        if not _is_there(port):
            raise OSError(errno.ENODEV, f"{port} is not plugged in")
        if change.get("down") is not None:
            _ip([f"link set {port} {'down' if change['down'] else 'up'}"])
        if change.get("mtu") is not None:
            _ip([f"link set {port} mtu {change['mtu']}"])
        if change.get("rate") is not None:
            self._limit(port, change["rate"])

    def _lose(self, port: str, share: float) -> None:
        chain = f"chain bridge {_LOSS_TABLE} {port}"
        hook = "{ type filter hook forward priority 0; policy accept; }"
        script = [f"add table bridge {_LOSS_TABLE}", f"add {chain} {hook}", f"flush {chain}"]
        if share > 0:
            parts = round(share * _PARTS)
            # nft takes no comparison that is always true.
            hit = "drop" if parts >= _PARTS else f"numgen random mod {_PARTS} < {parts} drop"
            rule = f"add rule bridge {_LOSS_TABLE} {port}"
            script += [f'{rule} iifname "{port}" {hit}', f'{rule} oifname "{port}" {hit}']
        _run(["nft", "-f", "-"], "\n".join(script) + "\n")

    def _limit(self, port: str, rate: str) -> None:
        if rate == "none":
            with contextlib.suppress(OSError):  # there was none
                _run(["tc", "qdisc", "del", "dev", port, "root"])
            return
        limits = ["rate", rate, "burst", "16kb", "latency", "400ms"]
        _run(["tc", "qdisc", "replace", "dev", port, "root", "tbf", *limits])


def _bridge(device: str) -> Iterable[str]:
    if not _is_there(device):
        # Snooping off: a bridge that queries for multicast listeners would show on the wire.
        yield f"link add {device} type bridge stp_state 0 mcast_snooping 0"
    # Setting the MTU keeps the bridge from following that of its narrowest port.
    yield f"link set {device} mtu {_ETHERNET_MTU} up"


def _remove(device: str) -> None:
    """Take away what an earlier life of a node left; it goes by itself, but not at once."""
    if _is_there(device):
        with contextlib.suppress(OSError):  # it went meanwhile
            _ip([f"link del {device}"])


def _is_there(device: str) -> bool:
    return device in {name for _, name in socket.if_nameindex()}


def _ip(lines: Iterable[str]) -> None:
    _run(["ip", "-batch", "-"], "".join(f"{line}\n" for line in lines))


def _run(argv: list[str], text: str = "") -> None:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=10, check=False)
    if done.returncode:
        raise OSError(errno.EIO, f"{argv[0]}: {done.stderr.strip()}")
