"""Servers of somebody who means harm to whoever asks them: endless, gigantic, malformed, slow."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lab_runner.models.probes import (
    DnsProbe,
    FtpProbe,
    HttpProbe,
    Probe,
    SshProbe,
    TcpProbe,
    TelnetProbe,
    TlsProbe,
)
from tests.wire.certificates import Authority, over_tls
from tests.wire.ftp_servers import Small
from tests.wire.servers import (
    Handler,
    dns_answer,
    dns_server,
    drip,
    pour,
    tcp_dns,
    tcp_server,
    until_closed,
)
from tests.wire.test_http import says
from tests.wire.test_ssh import HOST_KEY, Door, sshd

NAME, RIGHT = "web.lab.test", "192.0.2.80"
#: Clears the screen, sets the window's title, writes from right to left, and rings.
ESCAPES = "\x1b[2J\x1b]0;owned\x07\u202e\x9b31m"
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_TIMEOUT_S = 0.6


@dataclass(frozen=True)
class Trap:
    """A server, and the question that it is laid for.

    Attributes:
        serve: Runs it; yields its port.
        probe: The question to a port.
        takes_s: How long an answer may take, a fork and a busy machine left out.
    """

    serve: Callable[[], contextlib.AbstractContextManager[int]]
    probe: Callable[[int], Probe]
    takes_s: float = _TIMEOUT_S


# --- DNS ------------------------------------------------------------------------------


def _asks(port: int, transport: str = "udp") -> DnsProbe:
    return DnsProbe(
        qname=NAME,
        server="127.0.0.1",
        port=port,
        transport=transport,
        answer=[RIGHT],
        timeout_s=_TIMEOUT_S,
    )


def _wire(*sections: bytes, counts: tuple[int, int, int, int] = (1, 1, 0, 0)) -> Callable[..., Any]:
    """An answer by hand: the query's id, then what nobody checks."""
    head = b"\x81\x80" + struct.pack(">4H", *counts)
    return lambda query: [query[:2] + head + b"".join(sections)]


def _datagrams(answer: Callable[[bytes], list[Any]]) -> Trap:
    return Trap(lambda: dns_server(answer), _asks)


def _over_tcp(answer: Callable[[bytes], bytes]) -> Trap:
    return Trap(lambda: tcp_server(tcp_dns(answer)), lambda port: _asks(port, "tcp"), 3.0)


def _forged(query: bytes) -> list[Any]:
    """Right in everything but the id, two thousand times."""
    wire = dns_answer(query, f"{NAME}. 60 IN A {RIGHT}").to_wire()
    ids = (struct.pack(">H", number) for number in range(2000))
    return [number + wire[2:] for number in ids if number != wire[:2]]


def _many(query: bytes) -> bytes:
    """As many addresses as a message holds, and the right one among them."""
    records = b"".join(
        b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0" + struct.pack(">H", number)
        for number in range(592, 592 + 4000)  # 592 is .2.80
    )
    return query[:2] + b"\x81\x80" + struct.pack(">4H", 1, 4000, 0, 0) + _QUESTION + records


_QUESTION = b"\x03web\x03lab\x04test\0\0\1\0\1"
_RECORD = b"\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\x50"
DNS: dict[str, Trap] = {
    "a name that points at itself": _datagrams(_wire(b"\xc0\x0c\0\1\0\1", b"\xc0\x0c" + _RECORD)),
    "names that point at each other": _datagrams(
        _wire(b"\xc0\x0e\xc0\x0c\0\1\0\1", b"\xc0\x0c" + _RECORD)
    ),
    "a name that points beyond the end": _datagrams(_wire(_QUESTION, b"\xff\xff" + _RECORD)),
    "a label of a reserved kind": _datagrams(_wire(_QUESTION, b"\x80web\0" + _RECORD)),
    "a name without end": _datagrams(_wire(_QUESTION, b"\x3f" + b"a" * 63 + b"\x3f" * 5000)),
    "65535 records promised": _datagrams(
        _wire(_QUESTION, b"\xc0\x0c" + _RECORD, counts=(1, 65535, 65535, 65535))
    ),
    "a record that is longer than the message": _datagrams(
        _wire(_QUESTION, b"\xc0\x0c\0\1\0\1\0\0\0\x3c\xff\xff\xc0\0\2\x50")
    ),
    "forged answers by the thousand": _datagrams(_forged),
    "an address of three bytes": _datagrams(
        _wire(_QUESTION, b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\3\xc0\0\2")
    ),
    "four thousand addresses": _over_tcp(_many),
    "an alias with terminal escapes": _datagrams(
        lambda q: [
            dns_answer(q, f"{NAME}. 60 IN CNAME \\027\\0912J\\155x.lab.test.").to_wire(),
        ]
    ),
    "a length of 65535, and silence": Trap(
        lambda: tcp_server(lambda c: (c.sendall(b"\xff\xff"), until_closed(c))),
        lambda port: _asks(port, "tcp"),
    ),
}


# --- HTTP -----------------------------------------------------------------------------


def _fetch(port: int) -> HttpProbe:
    # Nothing that these servers say has it in it.
    return HttpProbe(url=f"http://127.0.0.1:{port}/", body="^intranet$", timeout_s=_TIMEOUT_S)


def _page(data: bytes, *, then: Callable[[socket.socket], Any] | None = None) -> Trap:
    def handle(conn: socket.socket) -> None:
        says(data)(conn)  # type: ignore[operator]
        if then is not None:
            then(conn)

    return Trap(lambda: tcp_server(handle), _fetch, 2.0)


HTTP: dict[str, Trap] = {
    "chunks without end": _page(CHUNKED, then=lambda c: pour(c, b"10\r\n" + b"x" * 16 + b"\r\n")),
    "a chunk's size without end": _page(CHUNKED, then=lambda c: pour(c, b"0" * 65536)),
    "a chunk of 2^64 bytes": _page(CHUNKED + b"FFFFFFFFFFFFFFFF\r\nx", then=until_closed),
    "a chunk of a negative size": _page(CHUNKED + b"-1\r\nintranet\r\n0\r\n\r\n"),
    "trailers without end": _page(CHUNKED + b"1\r\nx\r\n0\r\n", then=lambda c: pour(c, b"A: b")),
    "ten thousand headers": _page(HEAD + b"A: b\r\n" * 10_000 + b"\r\nintranet"),
    "headers byte by byte": _page(HEAD, then=lambda c: drip(c, b"X-Slow: yes\r\n" * 99)),
    "a length of thirty digits": _page(HEAD + b"Content-Length: " + b"9" * 30 + b"\r\n\r\nx"),
    "a negative length": _page(HEAD + b"Content-Length: -5\r\n\r\nintra\0net"),
    "a length that is none": _page(HEAD + b"Content-Length: \xff\xfe\r\n\r\nintra\0net"),
    "terminal escapes everywhere": _page(
        f"HTTP/1.1 200 {ESCAPES}\r\nServer: {ESCAPES}\r\n\r\n{ESCAPES}intranet".encode()
    ),
    "a status of ninety digits": _page(b"HTTP/1.1 " + b"2" * 90 + b" OK\r\n\r\nintranet"),
    "an empty answer, then a flood": _page(b"\r\n" * 1000, then=lambda c: pour(c, b"\r\n" * 999)),
}


# --- TLS ------------------------------------------------------------------------------


def _shakes(port: int) -> TlsProbe:
    return TlsProbe(to="127.0.0.1", port=port, server_name=NAME, timeout_s=2.0)


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack(">BHH", kind, 0x0303, len(body)) + body


def _handshake(kind: int, body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return _record(22, bytes([kind]) + size.to_bytes(3, "big") + body)


#: TLS 1.2 with ECDHE-RSA-AES128-GCM-SHA256: the certificate that follows is in the clear.
_HELLO = _handshake(2, b"\x03\x03" + b"r" * 32 + b"\0" + b"\xc0\x2f\0" + b"\0\5\xff\1\0\1\0")


def _shows(certificate: bytes, length: int | None = None) -> Trap:
    """A server that shows what is no certificate."""
    chain = len(certificate).to_bytes(3, "big") + certificate
    body = len(chain).to_bytes(3, "big") + chain

    def handle(conn: socket.socket) -> None:
        conn.recv(4096)
        conn.sendall(_HELLO + _handshake(11, body, length))
        until_closed(conn)

    return Trap(lambda: tcp_server(handle), _shakes, 2.0)


def certified(folder: Path, subject: str, names: list[str], links: int = 0) -> Handler:
    """A server with a certificate of its own making, and a chain that leads nowhere."""
    authority = Authority.new()
    key = ec.generate_private_key(ec.SECP256R1())
    some = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, subject)])
    base = authority.certificate
    builder = (
        x509.CertificateBuilder()
        .subject_name(some)
        .issuer_name(some)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(base.not_valid_before_utc)
        .not_valid_after(base.not_valid_after_utc)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
    )
    certificate = builder.sign(authority.key, hashes.SHA256())
    file = folder / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    shown = certificate.public_bytes(serialization.Encoding.PEM)
    file.write_bytes(secret + shown + authority.pem * links)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return over_tls(context, until_closed)


TLS: dict[str, Trap] = {
    "a certificate of zeros": _shows(b"\0" * 3000),
    "ASN.1 that is nested 900 deep": _shows(b"\x30\x82\x30\x00" * 900),
    "ASN.1 of no definite length": _shows(b"\x30\x80" * 500 + b"\0\0" * 500),
    "a number of 4 GiB": _shows(b"\x30\x84\xff\xff\xff\xff\x02\x84\xff\xff\xff\xf0\1"),
    "an empty certificate": _shows(b""),
    "a message that never comes whole": _shows(b"\x30" * 900, length=0xFFFFFF),
    "alerts without end": Trap(
        lambda: tcp_server(lambda c: pour(c, _record(21, b"\1\x5a") * 9000)), _shakes, 2.0
    ),
    "empty records without end": Trap(
        lambda: tcp_server(lambda c: pour(c, _record(22, b"") * 9000)), _shakes, 2.0
    ),
    "hello byte by byte": Trap(lambda: tcp_server(lambda c: drip(c, _HELLO * 9)), _shakes, 2.0),
}


# --- SSH, FTP, telnet, mail ---------------------------------------------------------------


def _knocks(port: int) -> SshProbe:
    return SshProbe(to="127.0.0.1", port=port, password="x", login="accepted", timeout_s=1.0)


def _ssh(handler: Handler) -> Trap:
    return Trap(lambda: tcp_server(handler), _knocks, 1.0)


def _packet(payload: bytes) -> bytes:
    """A packet before any key is agreed on (RFC 4253 section 6)."""
    padding = 8 - (len(payload) + 5) % 8
    padding += 8 if padding < 4 else 0
    return struct.pack(">IB", len(payload) + padding + 1, padding) + payload + b"\0" * padding


def _lists(*lists: bytes) -> bytes:
    """SSH_MSG_KEXINIT (RFC 4253 section 7.1)."""
    told = b"".join(struct.pack(">I", len(one)) + one for one in lists)
    return _packet(b"\x14" + b"c" * 16 + told + b"\0" * 5)


def _speaks(*packets: bytes, version: bytes = b"SSH-2.0-x\r\n") -> Trap:
    def handle(conn: socket.socket) -> None:
        conn.sendall(version + b"".join(packets))
        until_closed(conn)

    return _ssh(handle)


class Greeter(Door):
    """Greets before it refuses."""

    def get_banner(self) -> tuple[str, str]:
        return ESCAPES * 500, "en-US"


SSH: dict[str, Trap] = {
    "a version with terminal escapes": _speaks(version=f"SSH-2.0-{ESCAPES}\r\n".encode()),
    "ten thousand lines before the version": _speaks(version=b"hello\r\n" * 10_000),
    "algorithms that are no text": _speaks(_lists(*[b"\xff\xfe\x1b[2J"] * 10)),
    "thirty thousand bytes of algorithms": _speaks(_lists(*[b"a," * 1500] * 10)),
    "a list that is longer than its packet": _speaks(_packet(b"\x14" + b"c" * 16 + b"\xff" * 40)),
    "nothing but packets to be ignored": _ssh(
        lambda c: pour(c, b"SSH-2.0-x\r\n" + _packet(b"\2\0\0\0\0") * 9000)
    ),
    "a farewell with terminal escapes": _speaks(
        _packet(
            b"\1\0\0\0\2" + struct.pack(">I", len(ESCAPES.encode())) + ESCAPES.encode() + b"\0" * 4
        )
    ),
    "a packet of no length": _speaks(b"\0\0\0\0" * 40),
    "a greeting with terminal escapes": _ssh(sshd(Greeter(password="y"), b"", HOST_KEY)),
}


def _lists_files(port: int) -> FtpProbe:
    return FtpProbe(to="127.0.0.1", port=port, content="^readme$", timeout_s=1.0)


def _ftp(server: Handler) -> Trap:
    return Trap(lambda: tcp_server(server), _lists_files, 1.0)


FTP: dict[str, Trap] = {
    "a greeting with terminal escapes": _ftp(Small(said={"greeting": f"530 {ESCAPES}"})),
    "data at somebody else's address": _ftp(Small(named="127,0,0,9")),
    "data with terminal escapes": _ftp(Small(content=ESCAPES.encode() * 900)),
    "a last word of many lines": _ftp(Small(said={"end": "226-x\r\n" * 9000})),
    "a reply that is no text": _ftp(lambda c: c.sendall(b"220 \xff\xfe\0\r\n530\xc0\r\n")),
}


def _prompts(port: int) -> TelnetProbe:
    return TelnetProbe(
        to="127.0.0.1", port=port, prompt="login: $", user="a", password="b", timeout_s=1.0
    )


def _greets(port: int) -> TcpProbe:
    return TcpProbe(to="127.0.0.1", port=port, banner="^220 mail[.]lab[.]test", timeout_s=1.0)


def _searches_long(port: int) -> TcpProbe:
    return TcpProbe(to="127.0.0.1", port=port, banner="^220 (a|aa)+$", timeout_s=1.0)


def _searches_long_for_a_prompt(port: int) -> TelnetProbe:
    return TelnetProbe(to="127.0.0.1", port=port, prompt="(a|aa)+> $", timeout_s=1.0)


BANNERS: dict[str, Trap] = {
    "mail: hours for whoever looks for a pattern in it": Trap(
        lambda: tcp_server(lambda c: (c.sendall(b"220 " + b"a" * 90 + b"b"), until_closed(c))),
        _searches_long,
        4.0,
    ),
    "telnet: hours for whoever looks for the prompt": Trap(
        lambda: tcp_server(lambda c: (c.sendall(b"a" * 90 + b"b"), until_closed(c))),
        _searches_long_for_a_prompt,
        4.0,
    ),
    "telnet: options and escapes": Trap(
        lambda: tcp_server(lambda c: pour(c, b"\xff\xfb\x01\x1b[2J" * 9000)), _prompts, 1.0
    ),
    "telnet: a prompt that comes again and again": Trap(
        lambda: tcp_server(lambda c: drip(c, b"login: " * 90, 0.01)), _prompts, 1.0
    ),
    "mail: escapes": Trap(
        lambda: tcp_server(lambda c: c.sendall(f"220 {ESCAPES}\r\n".encode())), _greets, 1.0
    ),
    "mail: a flood before the banner": Trap(
        lambda: tcp_server(lambda c: pour(c, b"\0" * 70_000)), _greets, 1.0
    ),
    "mail: bytes that are no text": Trap(
        lambda: tcp_server(lambda c: c.sendall(bytes(range(256)) * 9)), _greets, 1.0
    ),
}


def traps() -> Iterator[tuple[str, str, Trap]]:
    """Protocol, name and server of each."""
    for protocol, table in {
        "DNS": DNS,
        "HTTP": HTTP,
        "TLS": TLS,
        "SSH": SSH,
        "FTP": FTP,
        "banner": BANNERS,
    }.items():
        for name, trap in table.items():
            yield protocol, name, trap
