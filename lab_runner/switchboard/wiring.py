"""Bridges and cables (rtnetlink(7)) and what can be done to a cable."""

from __future__ import annotations

import contextlib
import errno
import subprocess
from collections.abc import Mapping
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from lab_runner.switchboard.protocol import CablePlan

_ETHERNET_MTU = 1500
_LOSS_TABLE = "loss"
#: What undoes everything that :meth:`Wiring.impair` can do.
WHOLE: Mapping[str, Any] = {"down": False, "mtu": _ETHERNET_MTU, "loss": 0, "rate": "none"}
_PARTS = 10000


class Wiring:
    """The switchboard's side of all cables of one lab."""

    def __init__(self, segments: Mapping[str, str]) -> None:
        self._ip = IPRoute()
        self._bridges = {name: self._bridge(device) for name, device in segments.items()}

    def _bridge(self, device: str) -> int:
        found = self._index(device)
        if found is None:
            # Snooping off: a bridge that queries for multicast listeners would show on the wire.
            self._ip.link("add", ifname=device, kind="bridge", br_stp_state=0, br_mcast_snooping=0)
            found = self._index(device)
        # Setting the MTU keeps the bridge from following that of its narrowest port.
        self._ip.link("set", index=found, mtu=_ETHERNET_MTU, state="up")
        assert found is not None
        return found

    def _index(self, device: str) -> int | None:
        found = self._ip.link_lookup(ifname=device)
        return found[0] if found else None

    def plug(self, cables: list[CablePlan], network: str) -> None:
        """Plug a node's cables in.

        Args:
            cables: What to plug.
            network: Path of the node's network namespace.

        Raises:
            OSError: The kernel refused.
        """
        for cable in cables:
            try:
                self._plug(cable, network)
            except NetlinkError as exc:
                raise OSError(exc.code, f"cable {cable.card}: {exc}") from exc

    def _plug(self, cable: CablePlan, network: str) -> None:
        self._remove(cable.port)
        peer = {"ifname": cable.card, "address": cable.mac, "net_ns_fd": network}
        self._ip.link("add", ifname=cable.port, kind="veth", peer=peer)
        index = self._index(cable.port)
        self._ip.link("set", index=index, master=self._bridges[cable.segment], state="up")

    def _remove(self, device: str) -> None:
        """Take away what an earlier life of the node left; it goes by itself, but not at once."""
        index = self._index(device)
        if index is not None:
            with contextlib.suppress(NetlinkError):
                self._ip.link("del", index=index)

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
        index = self._index(port)
        if index is None:
            raise OSError(errno.ENODEV, f"{port} is not plugged in")
        if change.get("down") is not None:
            self._ip.link("set", index=index, state="down" if change["down"] else "up")
        if change.get("mtu") is not None:
            self._ip.link("set", index=index, mtu=change["mtu"])
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


def _run(argv: list[str], text: str = "") -> None:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=10, check=False)
    if done.returncode:
        raise OSError(errno.EIO, f"{argv[0]}: {done.stderr.strip()}")
