"""FTP servers: a real one in a namespace, and a small one to misbehave."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.wire.asking import inside
from tests.wire.conftest import Network

LISTING = b"-rw-r--r-- 1 0 0 12 Nov 22 2026 readme.txt\r\n"


@dataclass
class Small:
    """One conversation; ``said`` takes the place of a command's reply, None says nothing."""

    said: dict[str, str | None] = field(default_factory=dict)
    content: bytes = LISTING
    #: Where PASV says that it listens.
    named: str = "127,0,0,1"
    #: Does somebody listen there?
    listens: bool = True
    #: Does it end the data connection?
    ends: bool = True
    heard: list[str] = field(default_factory=list)

    def __call__(self, conn: socket.socket) -> None:
        """Serve one client."""
        with contextlib.ExitStack() as opened:
            _Session(self, conn, opened).run()


@dataclass
class _Session:
    server: Small
    conn: socket.socket
    opened: contextlib.ExitStack
    listening: socket.socket | None = None
    client: tuple[str, int] | None = None

    def run(self) -> None:
        self.say("greeting", "220-Welcome\r\n 220 not yet\r\n220 small")
        lines = self.conn.makefile("r")
        for line in lines:
            command, _, rest = line.strip().partition(" ")
            self.server.heard.append(line.strip())
            getattr(self, f"on_{command.lower()}", self.unknown)(rest)

    def say(self, about: str, text: str) -> None:
        reply = self.server.said.get(about, text)
        if reply is not None:
            self.conn.sendall(reply.encode() + b"\r\n")

    def unknown(self, _: str) -> None:
        self.say("else", "502 not here")

    def on_user(self, _: str) -> None:
        self.say("USER", "331 your word")

    def on_pass(self, word: str) -> None:
        self.say("PASS", "230 in" if word != "wrong" else "530 no")

    def on_type(self, _: str) -> None:
        self.say("TYPE", "200 fine")

    def _listen(self) -> int:
        host = self.conn.getsockname()[0]
        kin = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listening = self.opened.enter_context(socket.create_server((host, 0), family=kin))
        port: int = self.listening.getsockname()[1]
        if not self.server.listens:
            self.listening.close()
        return port

    def on_pasv(self, _: str) -> None:
        port = self._listen()
        where = f"{self.server.named},{port // 256},{port % 256}"
        self.say("PASV", f"227 Entering Passive Mode ({where}).")

    def on_epsv(self, _: str) -> None:
        self.say("EPSV", f"229 Entering Extended Passive Mode (|||{self._listen()}|)")

    def on_port(self, where: str) -> None:
        *host, high, low = where.split(",")
        self.client = ".".join(host), int(high) * 256 + int(low)
        self.say("PORT", "200 fine")

    def on_eprt(self, where: str) -> None:
        _, _, host, port, _ = where.split("|")
        self.client = host, int(port)
        self.say("EPRT", "200 fine")

    def send(self, _: str) -> None:
        if "transfer" in self.server.said:
            self.say("transfer", "")
            return
        if self.client:
            data = socket.create_connection(self.client, 2)
        else:
            assert self.listening is not None
            data, _ = self.listening.accept()
        self.opened.enter_context(data)
        self.say("begin", "150 here it comes")
        data.sendall(self.server.content)
        if self.server.ends:
            data.close()
            self.say("end", "226 done")

    on_list = on_retr = send


@contextlib.contextmanager
def vsftpd(network: Network, name: str, folder: Path, host: str, *lines: str) -> Iterator[None]:
    """A real vsftpd with one file, for guests."""
    root, empty = folder / "srv", folder / "empty"
    for made in (root, empty):
        made.mkdir()
    (root / "readme.txt").write_text("hello guest\n")
    config = folder / "vsftpd.conf"
    settings = ["listen=YES", "listen_ipv6=NO", "background=NO", "seccomp_sandbox=NO"]
    # Whose home is there on every machine; the package's own user only where it was installed.
    settings += ["anonymous_enable=YES", "no_anon_password=NO", "ftp_username=bin"]
    settings += [f"anon_root={root}", f"secure_chroot_dir={empty}", f"listen_address={host}"]
    config.write_text("\n".join([*settings, *lines]) + "\n")
    argv = ["ip", "netns", "exec", f"{network.tag}{name}", "vsftpd", str(config)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        try:
            _listens(network.netns(name), host, server)
            yield
        finally:
            server.terminate()
            server.wait(5)


def _listens(netns: str, host: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 8

    def answers() -> bool:
        with contextlib.suppress(OSError), socket.create_connection((host, 21), 1):
            return True
        return False

    while not inside(netns, answers):
        assert time.monotonic() < end, "vsftpd does not listen"
        assert server.poll() is None, server.stdout and server.stdout.read()
        time.sleep(0.05)
