"""SSH servers: right ones, strangers, and impostors."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from paramiko.hostkeys import HostKeys

from lab_runner.errors import ProbeError
from lab_runner.models.probes import SshProbe
from lab_runner.switchboard.probes._ssh_offered import offered
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


#: SSH_MSG_KEXINIT whose names of algorithms are no UTF-8 (RFC 4253 sections 6 and 7.1).
NO_NAMES = b"\0\0\0\x5c\x09\x14" + b"c" * 16 + b"\0\0\0\2\xff\xfe" * 10 + b"\0" * 14


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [
        (until_closed, "timeout"),
        (reset, "broken"),
        (lambda c: (c.sendall(b"SSH-2.0-x\r\n" + NO_NAMES), until_closed(c)), "broken"),
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


class Shelf(paramiko.SFTPHandle):
    """A file that has the content that it is told to have, whatever is written to it."""

    def write(self, offset: int, data: bytes) -> int:
        return paramiko.SFTP_OK

    def read(self, offset: int, length: int) -> bytes | int:
        return b"something else" if offset == 0 else paramiko.SFTP_EOF

    def stat(self) -> paramiko.SFTPAttributes:
        attributes = paramiko.SFTPAttributes()
        attributes.st_size = len(b"something else")
        return attributes


class Shelves(paramiko.SFTPServerInterface):
    """Files that do not keep what is put into them."""

    def open(self, path: str, flags: int, attr: object) -> Shelf:
        return Shelf(flags)

    def remove(self, path: str) -> int:
        return paramiko.SFTP_OK


def test_a_file_that_comes_back_changed_is_not_transferred(node: Node) -> None:
    def handle(conn: socket.socket) -> None:
        transport = paramiko.Transport(conn)
        transport.add_server_key(HOST_KEY)
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Shelves)
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(server=Door())
        transport.join(LIFE_S)

    with tcp_server(handle) as port:
        asked = node.ask(knocks(port, private_key=USER_TEXT, sftp="/x", transfer="done"))
    assert asked.seen.transfer == "refused"
    assert asked.verdict.rationale.endswith(
        "the file transfer is refused, then another file came back;"
        " expected a file transfer that is done"
    )


def test_silence_instead_of_sftp_is_no_refusal(node: Node) -> None:
    class Mute(Door):
        def check_channel_subsystem_request(self, channel: object, name: str) -> bool:
            return True

    with tcp_server(sshd(Mute())) as port:
        asked = node.ask(
            knocks(port, private_key=USER_TEXT, sftp="/x", transfer="refused", timeout_s=1.0)
        )
    assert asked.seen.login == "accepted"
    assert asked.seen.transfer is None
    assert not asked.verdict.passed


def test_slow_to_let_in(node: Node) -> None:
    class Slow(Door):
        def check_auth_none(self, username: str) -> int:
            threading.Event().wait(0.6)
            return FAILED

    with tcp_server(sshd(Slow())) as port:
        slow = node.ask(knocks(port, private_key=USER_TEXT, login="accepted", max_ms=500))
        fast = node.ask(knocks(port, private_key=USER_TEXT, login="accepted", max_ms=2900))
    assert slow.seen.login_ms >= 600
    assert slow.verdict.rationale.endswith("; expected no more than 500 ms")
    assert fast.verdict.passed, fast.verdict.rationale


def test_an_algorithm_that_the_probe_does_not_know(node: Node) -> None:
    with (
        tcp_server(sshd(Door())) as port,
        pytest.raises(ProbeError, match=r"rot13: known are .*aes256-ctr"),
    ):
        node.ask(knocks(port, ciphers=["rot13"]))


@pytest.mark.parametrize(
    "heard",
    [
        b"",
        b"SSH-2.0-x",
        b"SSH-2.0-x\r\n",
        b"SSH-2.0-x\r\n\0\0\0\x0c\x04\x14cookie",
        b"SSH-2.0-x\r\n\0\0\0\x06\x04\x15\0\0\0\0",
        b"SSH-2.0-x\r\n\0\0\0\x1a\x04\x14" + b"c" * 16 + b"\0\0\xff\xff" + b"k" * 4,
        b"noise SSH-2.0-x\r\n\0\0\0\x02\x04\x14",
    ],
)
def test_what_names_no_algorithms(heard: bytes) -> None:
    assert offered(heard) is None


@pytest.fixture
def real(tmp_path: Path) -> Callable[..., object]:
    """An OpenSSH server whose root logs in with our key; each connection has one of its own."""
    program = shutil.which("sshd", path=f"/usr/sbin:/usr/local/sbin:{os.environ['PATH']}")
    if program is None:
        pytest.skip("openssh-server is not installed")
    # It wants a user of its own, which is only there where it was installed: a view with one.
    people = tmp_path / "passwd"
    own = "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n"
    people.write_text(Path("/etc/passwd").read_text() + own)
    view = f"mount --bind {people} /etc/passwd && exec {program} -i -f {tmp_path / 'sshd_config'}"
    Path("/run/sshd").mkdir(exist_ok=True)
    host, known = tmp_path / "host_key", tmp_path / "authorized_keys"
    host.write_text(openssh(ed25519.Ed25519PrivateKey.generate()))
    host.chmod(0o600)
    known.write_text(f"{USER_KEY.get_name()} {USER_KEY.get_base64()}\n")
    settings = [f"HostKey {host}", f"AuthorizedKeysFile {known}", "StrictModes no", "UsePAM no"]
    settings += ["PermitRootLogin yes", "PasswordAuthentication no"]
    settings += ["KbdInteractiveAuthentication no", "Subsystem sftp internal-sftp"]

    def server(*lines: str) -> object:
        (tmp_path / "sshd_config").write_text("\n".join([*settings, *lines]) + "\n")

        def serve(conn: socket.socket) -> None:
            argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", view]
            with subprocess.Popen(argv, stdin=conn, stdout=conn, stderr=subprocess.DEVNULL) as it:
                conn.close()
                it.wait(8)

        return tcp_server(serve)

    return server


ENTERS = {"user": "root", "private_key": USER_TEXT, "timeout_s": 5.0}


@pytest.mark.root
def test_a_real_server(node: Node, real: Callable[..., object], tmp_path: Path) -> None:
    with real() as port:
        asked = node.ask(
            knocks(port, **ENTERS, methods=["publickey"], command="echo $((6 * 7))", output="^42$")
        )
        sent = node.ask(knocks(port, **ENTERS, sftp=str(tmp_path), transfer="done"))
        nowhere = node.ask(knocks(port, **ENTERS, sftp="/nonexistent", transfer="refused"))
        other = ENTERS | {"private_key": HOST_TEXT}
        nobody = node.ask(knocks(port, **other, sftp=str(tmp_path), transfer="refused"))
    assert asked.verdict.passed, asked.verdict.rationale
    assert sent.verdict.passed, sent.verdict.rationale
    assert list(tmp_path.glob("*.tmp")) == []
    assert nowhere.verdict.passed, nowhere.verdict.rationale
    assert "No such file" in nowhere.verdict.rationale
    assert nobody.seen.login == "refused"
    assert nobody.verdict.passed, nobody.verdict.rationale


@pytest.mark.root
@pytest.mark.parametrize(
    "line", ["ForceCommand /bin/false", "ForceCommand echo go away", "MaxSessions 0"]
)
def test_a_real_server_that_transfers_nothing(
    node: Node, real: Callable[..., object], tmp_path: Path, line: str
) -> None:
    with real(line) as port:
        asked = node.ask(knocks(port, **ENTERS, sftp=str(tmp_path), transfer="refused"))
    assert asked.seen.login == "accepted"
    assert asked.verdict.passed, asked.verdict.rationale


@pytest.mark.root
def test_a_connection_by_way_of_a_real_server(node: Node, real: Callable[..., object]) -> None:
    with tcp_server(until_closed) as there:
        asks = ENTERS | {"forward": f"127.0.0.1:{there}"}
        with real() as port:
            made = node.ask(knocks(port, **asks, forwarding="made"))
            wrong = node.ask(knocks(port, **asks, forwarding="refused"))
            nobody = node.ask(
                knocks(port, **asks | {"forward": "127.0.0.1:1"}, forwarding="refused")
            )
            other = asks | {"private_key": HOST_TEXT}
            stranger = node.ask(knocks(port, **other, forwarding="refused"))
        for line in ("DisableForwarding yes", "AllowTcpForwarding no", "PermitOpen none"):
            with real(line) as port:
                refused = node.ask(knocks(port, **asks, forwarding="refused"))
            assert refused.seen.login == "accepted"
            assert refused.verdict.passed, refused.verdict.rationale
    assert made.verdict.passed, made.verdict.rationale
    said = f"the connection to 127.0.0.1:{there} is made; expected a connection that is refused"
    assert wrong.verdict.rationale.endswith(said)
    assert nobody.seen.forwarding == "unreachable"
    assert not nobody.verdict.passed
    assert (stranger.seen.login, stranger.seen.forwarding) == ("refused", "refused")
    assert stranger.verdict.passed, stranger.verdict.rationale


def test_a_server_that_does_not_say_whether_it_connects(node: Node) -> None:
    class Mute(Door):
        def check_channel_direct_tcpip_request(self, *_: object) -> int:
            threading.Event().wait(LIFE_S)
            return paramiko.OPEN_SUCCEEDED

    with tcp_server(sshd(Mute())) as port:
        asks = {"private_key": USER_TEXT, "forward": "[::1]:22", "timeout_s": 1.0}
        asked = node.ask(knocks(port, **asks, forwarding="refused"))
    assert asked.seen.login == "accepted"
    assert asked.seen.forwarding is None
    assert not asked.verdict.passed


@pytest.mark.parametrize("text", ["files", "files:", ":22", "files:ssh", "files:0", "files:65536"])
def test_where_to_forward_is_the_authors_fault(text: str) -> None:
    with pytest.raises(ValueError, match="is no host:port"):
        knocks(1, forward=text)


@pytest.mark.root
def test_what_a_real_server_offers(node: Node, real: Callable[..., object]) -> None:
    lines = ["KexAlgorithms curve25519-sha256@libssh.org,ecdh-sha2-nistp384"]
    lines += ["Ciphers aes256-ctr,aes256-gcm@openssh.com", "MACs hmac-sha2-512"]
    with real(*lines) as port:
        asked = node.ask(knocks(port, lacks=["nistp256", "^hmac-md5", "-cbc$"]))
        banned = node.ask(knocks(port, lacks=["nistp", "-ctr$", "^hmac-md5"]))
        fits = {"key_exchange": ["ecdh-sha2-nistp384"], "ciphers": ["aes256-ctr"]}
        old = node.ask(knocks(port, **ENTERS, **fits, macs=["hmac-sha2-512"], login="accepted"))
        strict = node.ask(knocks(port, **ENTERS, macs=["hmac-sha2-256"], ciphers=["aes256-ctr"]))
        other = node.ask(knocks(port, host_key_types=["ecdsa-sha2-nistp256"]))
    assert asked.seen.offered["key_exchange"][:2] == lines[0].split()[1].split(",")
    assert asked.seen.offered["host_key_types"] == ["ssh-ed25519"]
    assert asked.seen.offered["ciphers"] == ["aes256-ctr", "aes256-gcm@openssh.com"]
    assert asked.seen.offered["macs"] == ["hmac-sha2-512"]
    assert asked.verdict.passed, asked.verdict.rationale
    assert "has ecdh-sha2-nistp384 and aes256-ctr" in banned.verdict.rationale
    assert banned.verdict.rationale.endswith("expected nothing like nistp, -ctr$ or ^hmac-md5")
    assert old.verdict.passed, old.verdict.rationale
    assert strict.seen.outcome == other.seen.outcome == "broken"
    assert strict.seen.offered == asked.seen.offered
    assert "ncompatible" in strict.verdict.rationale
    assert not other.verdict.passed
