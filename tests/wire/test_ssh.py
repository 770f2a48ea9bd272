"""SSH servers: right ones, strangers, and impostors."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import socket
import threading
from dataclasses import dataclass, field

import paramiko
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from paramiko.hostkeys import HostKeys

from lab_runner.errors import ProbeError
from lab_runner.models.probes import SshProbe
from tests.wire.asking import Node
from tests.wire.servers import LIFE_S, drip, pour, reset, tcp_server, until_closed

KNOWN = "/home/desk/.ssh/known_hosts"
ACCEPTED, FAILED = paramiko.AUTH_SUCCESSFUL, paramiko.AUTH_FAILED


def openssh(key: object) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    ).decode()


HOST_TEXT = openssh(ec.generate_private_key(ec.SECP256R1()))
HOST_KEY = paramiko.ECDSAKey.from_private_key(io.StringIO(HOST_TEXT))
RSA_HOST_KEY = paramiko.RSAKey.generate(2048)
USER_TEXT = openssh(ed25519.Ed25519PrivateKey.generate())
USER_KEY = paramiko.Ed25519Key.from_private_key(io.StringIO(USER_TEXT))


def fingerprint(key: paramiko.PKey) -> str:
    digest = hashlib.sha256(key.asbytes()).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


@dataclass
class Door(paramiko.ServerInterface):
    """Who gets in."""

    methods: str = "publickey,password"
    key: paramiko.PKey | None = USER_KEY
    password: str | None = "open sesame"
    nobody_asked: bool = False
    asked: threading.Event = field(default_factory=threading.Event)
    command: bytes = b""

    def get_allowed_auths(self, username: str) -> str:
        return self.methods

    def check_auth_none(self, username: str) -> int:
        return ACCEPTED if self.nobody_asked else FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return ACCEPTED if key == self.key else FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        return ACCEPTED if password == self.password else FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.command = command
        self.asked.set()
        return True


def sshd(door: Door, output: bytes = b"", *keys: paramiko.PKey) -> object:
    """A handler that speaks SSH, and answers each command with ``output`` and status 3."""

    def handle(conn: socket.socket) -> None:
        transport = paramiko.Transport(conn)
        for key in keys or (HOST_KEY,):
            transport.add_server_key(key)
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(server=door)
            channel = transport.accept(LIFE_S)
            if channel is not None and door.asked.wait(LIFE_S):
                channel.sendall(output)
                channel.send_exit_status(3)
                channel.close()
        transport.join(LIFE_S)

    return handle


def knocks(port: int, **fields: object) -> SshProbe:
    return SshProbe(**{"to": "127.0.0.1", "port": port, "timeout_s": 3.0} | fields)


def test_host_key_and_methods(node: Node) -> None:
    with tcp_server(sshd(Door())) as port:
        asked = node.ask(
            knocks(port, host_key=fingerprint(HOST_KEY), methods=["password", "publickey"])
        )
        wrong = node.ask(knocks(port, host_key="SHA256:nobody", methods=["publickey"]))
    assert asked.seen.outcome == "connected"
    assert asked.seen.host_key == fingerprint(HOST_KEY)
    assert asked.seen.banner.startswith("SSH-2.0-paramiko")
    assert asked.seen.login is None
    assert asked.verdict.passed
    assert wrong.verdict.rationale.endswith(
        "offers password and publickey; expected host key SHA256:nobody and exactly publickey"
    )


def test_password_only(node: Node) -> None:
    with tcp_server(sshd(Door(methods="password"))) as port:
        key = node.ask(knocks(port, private_key=USER_TEXT, login="accepted"))
        word = node.ask(
            knocks(port, password="open sesame", methods=["password"], login="accepted")
        )
    assert key.seen.methods == ["password"]
    assert key.seen.login in {"refused", "accepted"}
    assert word.seen.login == "accepted"
    assert word.verdict.passed


@pytest.mark.parametrize(
    ("credentials", "login"),
    [
        ({"private_key": USER_TEXT}, "accepted"),
        ({"private_key": openssh(ed25519.Ed25519PrivateKey.generate())}, "refused"),
        ({"password": "open sesame"}, "accepted"),
        ({"password": "guess"}, "refused"),
        ({"private_key": HOST_TEXT, "password": "open sesame"}, "accepted"),
        ({"private_key": openssh(rsa.generate_private_key(65537, 2048))}, "refused"),
    ],
)
def test_logins(node: Node, credentials: dict[str, str], login: str) -> None:
    with tcp_server(sshd(Door())) as port:
        asked = node.ask(knocks(port, login="accepted", **credentials))
    assert asked.seen.login == login
    assert asked.verdict.passed is (login == "accepted")
    assert f"login {login}" in asked.verdict.rationale


def test_a_door_without_a_lock(node: Node) -> None:
    with tcp_server(sshd(Door(nobody_asked=True))) as port:
        asked = node.ask(knocks(port, methods=["publickey"], login="refused"))
    assert asked.seen.methods == ["none"]
    assert asked.seen.login == "accepted"
    assert not asked.verdict.passed


def test_a_command(node: Node) -> None:
    door = Door()
    with tcp_server(sshd(door, b"branch-\x1b[31m7\n")) as port:
        asked = node.ask(knocks(port, private_key=USER_TEXT, command="hostname", output="branch"))
    assert door.command == b"hostname"
    assert asked.seen.output == "branch-\\x1b[31m7\n"
    assert asked.seen.command_exit == 3
    assert asked.verdict.passed


def test_a_command_that_never_ends_its_output(node: Node) -> None:
    with tcp_server(sshd(Door(), b"x" * 2_000_000)) as port:
        asked = node.ask(knocks(port, private_key=USER_TEXT, command="yes", output="^y"))
    assert len(asked.seen.output) == 64 * 1024
    assert not asked.verdict.passed


@pytest.mark.parametrize(
    ("line", "known"),
    [
        ("[127.0.0.1]:{port} {type} {key}", "match"),
        ("{hashed} {type} {key}", "match"),
        ("other,[127.0.0.*]:{port} {type} {key} a comment", "match"),
        ("[127.0.0.1]:{port} {type} {other}", "changed"),
        ("[127.0.0.1]:{port} {type} {key}\n@revoked * {type} {key}", "revoked"),
        ("[127.0.0.1]:{port} {type} {key}\n@revoked * {type} {other}", "match"),
        ("@revoked other {type} {key}", "unknown"),
        ("[127.0.0.1]:{port},!{hashed} {type} {key}", "unknown"),
        ("127.0.0.1 {type} {key}", "unknown"),
        ("# [127.0.0.1]:{port} {type} {key}", "unknown"),
        ("|1|junk {type} {key}", "unknown"),
        ("\x00\xff {type}", "unknown"),
    ],
)
def test_known_hosts(node: Node, line: str, known: str) -> None:
    other = paramiko.ECDSAKey.generate()
    with tcp_server(sshd(Door())) as port:
        text = line.format(
            port=port,
            type=HOST_KEY.get_name(),
            key=HOST_KEY.get_base64(),
            other=other.get_base64(),
            hashed=HostKeys.hash_host(f"[127.0.0.1]:{port}"),
        )
        node.write(KNOWN, text + "\n")
        asked = node.ask(knocks(port, known_hosts=KNOWN))
    assert asked.seen.known_hosts == known
    assert asked.verdict.passed is (known == "match")


def test_no_known_hosts_file(node: Node) -> None:
    with tcp_server(sshd(Door())) as port:
        asked = node.ask(knocks(port, known_hosts=KNOWN))
    assert asked.seen.known_hosts == "unknown"
    assert f"which is not in {KNOWN}" in asked.verdict.rationale
    assert asked.verdict.rationale.endswith("expected a known host key")


@pytest.mark.root
def test_a_known_hosts_file_that_may_not_be_read_is_no_evidence(node: Node) -> None:
    node.write(KNOWN, "").chmod(0o600)
    with pytest.raises(ProbeError, match="cannot be read"):
        node.ask(knocks(1, known_hosts=KNOWN))


def test_the_type_of_key_that_is_known_is_asked_for(node: Node) -> None:
    with tcp_server(sshd(Door(), b"", HOST_KEY, RSA_HOST_KEY)) as port:
        node.write(KNOWN, f"[127.0.0.1]:{port} ssh-rsa {RSA_HOST_KEY.get_base64()}\n")
        asked = node.ask(knocks(port, known_hosts=KNOWN))
    assert asked.seen.host_key_type == "ssh-rsa"
    assert asked.seen.known_hosts == "match"
    assert asked.verdict.passed


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [
        (until_closed, "timeout"),
        (reset, "broken"),
        (lambda c: c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "broken"),
        (lambda c: c.sendall(b"SSH-1.5-old\r\n"), "broken"),
        (lambda c: drip(c, b"SSH-2.0-slow" + b"w" * 200), "timeout"),
        (lambda c: drip(c, b"SSH-2.0-slow\r\n" + b"\0\0\0\x40" * 200, 0.02), "broken"),
        (lambda c: pour(c, b"SSH-2.0-much\r\n\x7f\xff\xff\xf8"), "broken"),
        (pour, "broken"),
    ],
)
def test_what_is_no_ssh(node: Node, handler: object, outcome: str) -> None:
    with tcp_server(handler) as port:
        asked = node.ask(knocks(port, timeout_s=0.7, login="refused"))
    assert asked.seen.outcome in {outcome, "timeout"}
    assert asked.seen.login is None
    assert "expected an SSH server" in asked.verdict.rationale
    assert asked.verdict.rationale.isprintable()
    assert not asked.verdict.passed


def test_silence_after_the_key_exchange_is_no_refusal(node: Node) -> None:
    class Mute(Door):
        def check_auth_password(self, username: str, password: str) -> int:
            threading.Event().wait(LIFE_S)
            return FAILED

    with tcp_server(sshd(Mute())) as port:
        asked = node.ask(knocks(port, password="x", login="refused", timeout_s=1.0))
    assert asked.seen.outcome == "connected"
    assert asked.seen.login is None
    assert not asked.verdict.passed


def test_a_key_that_is_none_is_the_authors_fault(node: Node) -> None:
    with pytest.raises(ProbeError, match="private_key"):
        node.ask(knocks(1, private_key="-----BEGIN NOTHING-----"))
