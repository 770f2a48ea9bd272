"""Who answers for an address on the node's own link (RFC 826, RFC 5227)."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field

from lab_runner.errors import ProbeError
from lab_runner.models.evidence import ArpEvidence, ArpMachine, Target
from lab_runner.models.probes import ArpProbe
from lab_runner.switchboard.names import resolve
from lab_runner.switchboard.probes import _link
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._stream import word
from lab_runner.switchboard.vantage import Vantage

#: ar$hrd Ethernet, ar$pro IPv4, ar$hln, ar$pln, ar$op; then sha, spa, tha, tpa.
_PACKET = struct.Struct("!HHBBH6s4s6s4s")
_ETHERNET_IPV4 = (1, _link.ETHERTYPE_IP, 6, 4)
_REQUEST, _REPLY = 1, 2
_ETHERNET = 14
_MACHINES_KEPT = 16
_NOBODY = "0.0.0.0"  # noqa: S104 - RFC 5227: the sender of a probe has no address yet


@dataclass
class _Run:
    """What is asked, and who has answered."""

    interface: str | None = None
    sender: str = _NOBODY
    sent: int = 0
    replies: dict[bytes, int] = field(default_factory=dict)
    problem: str | None = None

    def take(self, mac: bytes) -> None:
        """Note a reply; a flood of invented machines is not kept whole."""
        if mac in self.replies or len(self.replies) < _MACHINES_KEPT:
            self.replies[mac] = self.replies.get(mac, 0) + 1


def ask(probe: ArpProbe, at: Vantage) -> ArpEvidence:
    """Ask ``count`` times, and listen to the end: a second machine may be slow."""
    target = resolve(probe.to, at, probe.timeout_s)
    run = _Run()
    try:
        _place(probe, target, run)
        if run.problem is None:
            _converse(probe, target, run)
    except OSError as exc:
        run.problem = word(exc)
    machines = [
        ArpMachine(mac=_link.spelled(mac), replies=n) for mac, n in sorted(run.replies.items())
    ]
    return ArpEvidence(
        target=target,
        interface=run.interface,
        sent=run.sent,
        machines=machines,
        problem=run.problem,
    )


def _place(probe: ArpProbe, target: Target, run: _Run) -> None:
    """On which interface, as whom; an address that is not on a link cannot be asked for."""
    if target.address is None:
        run.problem = "unresolved"
        return
    if ":" in target.address:
        raise ProbeError(f"{target.address}: ARP is for IPv4")
    if probe.interface is not None:
        run.interface = probe.interface
        own = _link.own_address(probe.interface)
    else:
        route = _link.route_to(target.address)
        run.interface, own = route.interface, route.source
        if route.own:
            run.problem = "own-address"
        elif route.gateway is not None:
            run.problem = f"behind {route.gateway}"
    if own is not None and not probe.probe:
        run.sender = own


def _converse(probe: ArpProbe, target: Target, run: _Run) -> None:
    with _link.open_link(str(run.interface), _link.ETHERTYPE_ARP) as link:
        wanted = socket.inet_aton(str(target.address))
        request = _request(_link.hardware_address(link), socket.inet_aton(run.sender), wanted)
        for _ in range(probe.count):
            link.settimeout(probe.timeout_s)
            link.send(request)
            run.sent += 1
            _listen(link, wanted, Deadline(probe.timeout_s / probe.count), run)


def _request(mac: bytes, sender: bytes, wanted: bytes) -> bytes:
    packet = _PACKET.pack(*_ETHERNET_IPV4, _REQUEST, mac, sender, bytes(6), wanted)
    return _link.BROADCAST + mac + _link.ETHERTYPE_ARP.to_bytes(2, "big") + packet


def _listen(link: socket.socket, wanted: bytes, deadline: Deadline, run: _Run) -> None:
    while deadline.left:
        try:
            link.settimeout(deadline.need())
            frame = link.recv(_link.FRAME)
        except TimeoutError:
            return
        mac = _answers(frame, wanted)
        if mac is not None:
            run.take(mac)


def _answers(frame: bytes, wanted: bytes) -> bytes | None:
    """The hardware address that a frame claims for the address; None if it does not."""
    if len(frame) < _ETHERNET + _PACKET.size:
        return None
    *kind, operation, mac, address, _, _ = _PACKET.unpack_from(frame, _ETHERNET)
    if tuple(kind) != _ETHERNET_IPV4 or operation != _REPLY or address != wanted:
        return None
    return bytes(mac)
