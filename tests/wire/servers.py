"""Real servers on loopback, each with one kind of misbehaviour."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from tests.wire.asking import inside

Handler = Callable[[socket.socket], None]
Datagram = Callable[[bytes], list[bytes]]
#: No handler lives longer than any probe in these tests.
LIFE_S = 8.0


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


@contextlib.contextmanager
def tcp_server(
    handler: Handler, host: str = "127.0.0.1", netns: str | None = None, port: int = 0
) -> Iterator[int]:
    """Hand each connection to ``handler`` in a thread; yields the port."""
    listening = inside(
        netns, lambda: socket.create_server((host, port), family=_family(host), backlog=16)
    )

    def converse(conn: socket.socket) -> None:
        conn.settimeout(LIFE_S)
        with conn, contextlib.suppress(OSError):
            handler(conn)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                conn, _ = listening.accept()
                threading.Thread(target=converse, args=(conn,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(2)


@contextlib.contextmanager
def udp_server(
    answers: Datagram,
    host: str = "127.0.0.1",
    netns: str | None = None,
    port: int = 0,
    answer_from: str | None = None,
) -> Iterator[int]:
    """Answer each datagram with some; ``answer_from`` another address than it was sent to."""

    def bound(address: str, number: int) -> socket.socket:
        sock = socket.socket(_family(address), socket.SOCK_DGRAM)
        sock.bind((address, number))
        return sock

    listening = inside(netns, lambda: bound(host, port))
    number = listening.getsockname()[1]
    sender = inside(netns, lambda: bound(answer_from, number)) if answer_from else listening
    ended = threading.Event()

    def serve() -> None:
        listening.settimeout(0.1)
        while not ended.is_set():
            with contextlib.suppress(OSError):
                data, peer = listening.recvfrom(65535)
                for answer in answers(data):
                    sender.sendto(answer, peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield number
    finally:
        ended.set()
        thread.join(2)
        listening.close()
        sender.close()


def until_closed(conn: socket.socket) -> None:
    """Say nothing until the client has gone."""
    while conn.recv(65536):
        pass


def reset(conn: socket.socket) -> None:
    """End a connection with RST (socket(7), SO_LINGER)."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


def drip(conn: socket.socket, data: bytes, every_s: float = 0.05) -> None:
    """A byte now and then, for as long as somebody reads."""
    pause = threading.Event()
    for byte in data:
        conn.sendall(bytes([byte]))
        pause.wait(every_s)


def pour(conn: socket.socket, head: bytes = b"") -> None:
    """Data without end, as fast as it is read: at most 4 GiB."""
    conn.sendall(head)
    for _ in range(65536):
        conn.sendall(b"x" * 65536)


def dns_answer(
    query: bytes, *records: str, rcode: str = "NOERROR", flags: int = 0
) -> dns.message.Message:
    """An answer with records in zone-file form: ``name ttl IN A 192.0.2.1``."""
    response = dns.message.make_response(dns.message.from_wire(query))
    response.set_rcode(dns.rcode.from_text(rcode))
    response.flags |= flags
    for record in records:
        name, ttl, rdclass, rdtype, text = record.split(maxsplit=4)
        response.answer.append(dns.rrset.from_text(name, int(ttl), rdclass, rdtype, text))
    return response


@contextlib.contextmanager
def dns_server(
    answer: Callable[[bytes], list[dns.message.Message | bytes]],
    host: str = "127.0.0.1",
    port: int = 0,
    answer_from: str | None = None,
    netns: str | None = None,
) -> Iterator[int]:
    """A name server over UDP that answers with messages or with raw bytes."""

    def wires(query: bytes) -> list[bytes]:
        return [m if isinstance(m, bytes) else m.to_wire() for m in answer(query)]

    with udp_server(wires, host, netns, port, answer_from) as number:
        yield number


def tcp_dns(answer: Callable[[bytes], bytes]) -> Handler:
    """A handler that answers one DNS message over TCP (RFC 1035 section 4.2.2)."""

    def handle(conn: socket.socket) -> None:
        with conn.makefile("rb") as asked:
            size = int.from_bytes(asked.read(2), "big")
            wire = answer(asked.read(size))
        conn.sendall(len(wire).to_bytes(2, "big") + wire)

    return handle


@contextlib.contextmanager
def frame_server(
    answers: Callable[[bytes], Iterable[bytes]], netns: str, device: str, ethertype: int
) -> Iterator[None]:
    """A machine on a link that answers each frame of a protocol with some frames."""

    def opened() -> socket.socket:
        link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        link.bind((device, ethertype))
        return link

    link = inside(netns, opened)
    ended = threading.Event()

    def serve() -> None:
        link.settimeout(0.1)
        while not ended.is_set():
            with contextlib.suppress(OSError):
                for frame in answers(link.recv(65535)):
                    if ended.is_set():
                        return
                    link.send(frame)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(2)
        link.close()
