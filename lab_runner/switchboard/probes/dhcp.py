"""A lease, as machines get one that were never here before (RFC 2131)."""

from __future__ import annotations

import re
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

from lab_runner.errors import ProbeError
from lab_runner.models.evidence import DhcpClient, DhcpEvidence, DhcpOffer
from lab_runner.models.probes import DhcpProbe
from lab_runner.switchboard.probes import _dhcp, _link
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._stream import word
from lab_runner.switchboard.vantage import Vantage

#: RFC 2131 section 4.1 has a client wait 4 s and more; nobody sits behind this one.
_AGAIN_S = 2.0
#: Between the first words of two clients, so that no queue overflows.
_APART_S = 0.01
#: Before a client that was refused begins again.
_AFTER_NAK_S = 0.2
#: A server has so long to confirm what is only taken to be given back.
_GIVING_BACK_S = 0.3
_SLICE_S = 0.05
_OFFERS_KEPT = 16
_WANTED = bytes([1, _dhcp.ROUTER, _dhcp.DNS_SERVERS, _dhcp.DOMAIN])
_MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", re.IGNORECASE)


@dataclass
class _Client:
    """One made-up machine, from INIT to BOUND (RFC 2131 figure 5)."""

    mac: bytes
    #: Milliseconds of the deadline at which it speaks next.
    due_ms: float
    window_ms: float
    server: str | None
    xid: int = field(default_factory=lambda: secrets.randbits(32))
    offers: list[DhcpOffer] = field(default_factory=list)
    chosen: DhcpOffer | None = None
    requested: bool = False
    bound: _dhcp.Message | None = None
    refused: bool = False
    #: By server and address, of each lease that it has: the hardware address that it came from.
    leases: dict[tuple[str, str], bytes] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """As evidence has it."""
        if self.bound or self.refused:
            return "lease" if self.bound else "nak"
        return "no-answer" if self.requested else "no-offer"

    def words(self, now_ms: float) -> bytes | None:
        """What it has to say now: DHCPDISCOVER, after the window DHCPREQUEST, or nothing."""
        ready = self.chosen is not None and now_ms >= self.window_ms
        if ready and not self.requested:
            self.requested, self.due_ms = True, now_ms
        if self.bound or now_ms < self.due_ms or (self.chosen is not None and not ready):
            return None
        self.due_ms = now_ms + _AGAIN_S * 1000
        if self.chosen is None or self.chosen.server is None:
            return self._discover()
        return self._request(self.chosen.server, self.chosen.address)

    def _discover(self) -> bytes:
        return self._frame(_dhcp.DISCOVER, {})

    def _request(self, server: str, address: str) -> bytes:
        asked = {_dhcp.REQUESTED_ADDRESS: address, _dhcp.SERVER_ID: server}
        options = {code: socket.inet_aton(value) for code, value in asked.items()}
        return self._frame(_dhcp.REQUEST, options)

    def _frame(self, kind: int, options: dict[int, bytes]) -> bytes:
        options = options | {_dhcp.PARAMETERS: _WANTED}
        message = _dhcp.request(kind, self.mac, self.xid, options)
        return _dhcp.frame(message, self.mac, _dhcp.NOBODY, _dhcp.EVERYBODY, _link.BROADCAST)

    def hear(self, message: _dhcp.Message, now_ms: float) -> None:
        """Note an offer, or the answer to the request."""
        if message.kind == _dhcp.OFFER:
            self._note(message.as_offer())
        elif message.kind == _dhcp.ACK:
            self.keep(message)
            if self._awaits(message):
                self.bound = message
        elif message.kind == _dhcp.NAK and self._awaits(message):
            self._start_again(now_ms)

    def _start_again(self, now_ms: float) -> None:
        """After a DHCPNAK (RFC 2131 section 3.1): dnsmasq may offer one address to two."""
        self.refused, self.requested, self.chosen = True, False, None
        self.xid = secrets.randbits(32)
        self.due_ms = now_ms + _AFTER_NAK_S * 1000

    def _note(self, offer: DhcpOffer) -> None:
        if offer not in self.offers and len(self.offers) < _OFFERS_KEPT:
            self.offers.append(offer)
        usable = offer.server is not None and offer.address != _dhcp.NOBODY
        if self.chosen is None and usable and self.server in {None, offer.server}:
            self.chosen = offer

    def keep(self, message: _dhcp.Message) -> None:
        """Note what a DHCPACK gives, to be given back."""
        server = message.server or (self.chosen.server if self.chosen else None)
        if server is not None and len(self.leases) <= _OFFERS_KEPT:
            self.leases[server, message.yiaddr] = message.via

    def _awaits(self, message: _dhcp.Message) -> bool:
        if self.chosen is None or self.bound or not self.requested:
            return False
        return message.server in {None, self.chosen.server}

    def not_taken(self) -> set[tuple[str, str]]:
        """Server and address of all that was offered and has not become a lease."""
        usable = [o for o in self.offers if o.address != _dhcp.NOBODY]
        return {(o.server, o.address) for o in usable if o.server} - self.leases.keys()

    def take_all(self) -> list[bytes]:
        """Requests for all that was not taken."""
        return [self._request(*offer) for offer in self.not_taken()]

    def farewell(self) -> list[bytes]:
        """Give every lease back, by unicast to its server (RFC 2131 section 4.4.6)."""
        return [self._release(*lease, via) for lease, via in self.leases.items()]

    def _release(self, server: str, address: str, via: bytes) -> bytes:
        options = {_dhcp.SERVER_ID: socket.inet_aton(server)}
        message = _dhcp.request(_dhcp.RELEASE, self.mac, secrets.randbits(32), options, address)
        return _dhcp.frame(message, self.mac, address, server, via)

    def as_evidence(self) -> DhcpClient:
        """What became of it."""
        return DhcpClient(
            mac=_link.spelled(self.mac),
            outcome=self.outcome,
            offers=self.offers,
            lease=self.bound.as_offer() if self.bound else None,
        )


def ask(probe: DhcpProbe, at: Vantage) -> DhcpEvidence:  # noqa: ARG001 - asked of the link alone
    """Ask for all clients at once, and give everything back in the end."""
    clients = [_client(probe, number) for number in range(probe.clients)]
    by_mac = {client.mac: client for client in clients}
    deadline = Deadline(probe.timeout_s)
    problem = None
    try:
        with _link.open_link(probe.interface, _link.ETHERTYPE_IP) as link:
            _dhcp.only_for_clients(link)
            _link.promiscuous(link)
            try:
                _converse(link, by_mac, deadline)
            finally:
                _give_back(link, by_mac)
    except OSError as exc:
        problem = word(exc)
    return DhcpEvidence(
        interface=probe.interface,
        clients=[client.as_evidence() for client in clients],
        problem=problem,
        duration_ms=deadline.elapsed_ms,
    )


def _client(probe: DhcpProbe, number: int) -> _Client:
    starts = number * _APART_S * 1000
    return _Client(_mac(probe.mac), starts, starts + probe.window_s * 1000, probe.server)


def _mac(given: str | None) -> bytes:
    """The given one, or a random one of the locally administered (IEEE 802, section 8.2.2)."""
    if given is None:
        return bytes([secrets.randbits(8) & 0xFC | 0x02]) + secrets.token_bytes(5)
    if not _MAC.fullmatch(given):
        raise ProbeError(f"{given!r} is no hardware address")
    return bytes.fromhex(given.replace(":", ""))


def _converse(link: socket.socket, by_mac: dict[bytes, _Client], deadline: Deadline) -> None:
    clients = by_mac.values()
    while deadline.left and not all(client.bound for client in clients):
        for client in clients:
            _say(link, client.words(deadline.elapsed_ms), deadline)
        for client, message in _heard(link, by_mac, deadline):
            client.hear(message, deadline.elapsed_ms)


def _give_back(link: socket.socket, by_mac: dict[bytes, _Client]) -> None:
    """Leave no address with a server for machines that will not come again.

    A server whose offer was not taken should free it when it hears that another's is (RFC 2131
    section 3.1). ISC's holds it for two minutes and frees nothing that is no lease: asked often,
    it has none left. So what was not taken is taken now. It is too late to count as seen.
    """
    clients = by_mac.values()
    moment = Deadline(_GIVING_BACK_S)
    for frame in [frame for client in clients for frame in client.take_all()]:
        _say(link, frame, moment)
    while moment.left and any(client.not_taken() for client in clients):
        for client, message in _heard(link, by_mac, moment):
            if message.kind == _dhcp.ACK:
                client.keep(message)
    for frame in [frame for client in clients for frame in client.farewell()]:
        _say(link, frame, Deadline(_SLICE_S))


def _say(link: socket.socket, frame: bytes | None, deadline: Deadline) -> None:
    if frame is not None:
        link.settimeout(deadline.left or _SLICE_S)
        link.send(frame)


def _heard(
    link: socket.socket, by_mac: dict[bytes, _Client], deadline: Deadline
) -> Iterator[tuple[_Client, _dhcp.Message]]:
    """A message is a client's by its xid and its hardware address (RFC 2131 section 4.4.1)."""
    moment = Deadline(min(_SLICE_S, deadline.left))
    while moment.left:
        try:
            link.settimeout(moment.need())
            message = _dhcp.read(link.recv(_link.FRAME))
        except TimeoutError:
            return
        client = by_mac.get(message.mac) if message else None
        if message and client and message.xid == client.xid:
            yield client, message
