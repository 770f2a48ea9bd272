"""DHCP servers: real ones in a namespace, and small ones that misbehave."""

from __future__ import annotations

import contextlib
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from tests.wire.conftest import Network
from tests.wire.servers import frame_server

ROGUE, ROGUE_MAC = "10.77.0.66", "02:66:66:66:66:66"
#: Options of an answer, as scapy names them.
OPTIONS = {
    "server_id": ROGUE,
    "lease_time": 600,
    "subnet_mask": "255.255.255.0",
    "router": "10.77.0.66",
    "name_server": "10.77.0.66",
    "domain": b"rogue.example",
}


@contextlib.contextmanager
def daemon(network: Network, name: str, argv: list[str], ready: str) -> Iterator[list[str]]:
    """A real server in the foreground; yields the lines that it logs until it is ready."""
    command = ["ip", "netns", "exec", f"{network.tag}{name}", *argv]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        try:
            yield _until(server, ready)
        finally:
            server.terminate()
            server.wait(5)


def _until(server: subprocess.Popen[bytes], ready: str) -> list[str]:
    assert server.stdout is not None
    said = b""
    end = time.monotonic() + 8
    while ready.encode() not in said:
        readable, _, _ = select.select([server.stdout], [], [], max(0, end - time.monotonic()))
        piece = server.stdout.read1(65536) if readable else b""
        assert piece, f"it never said {ready!r}, but {said.decode()}"
        said += piece
    return said.decode().splitlines()


def dnsmasq(network: Network, name: str, folder: Path, *options: str) -> object:
    """A dnsmasq that serves DHCP and nothing else."""
    quiet = ["--port=0", "--keep-in-foreground", "--conf-file=/dev/null", "--log-facility=-"]
    own = ["--user=root", "--pid-file=", f"--dhcp-leasefile={folder / 'leases'}"]
    return daemon(network, name, ["dnsmasq", *quiet, *own, *options], "dnsmasq-dhcp[")


def dhcpd(network: Network, name: str, folder: Path, config: str, device: str = "eth0") -> object:
    """ISC's server."""
    (folder / "dhcpd.conf").write_text(config)
    (folder / "leases").touch()
    files = {"-cf": "dhcpd.conf", "-lf": "leases", "-pf": "pid"}
    paths = [word for option, file in files.items() for word in (option, str(folder / file))]
    return daemon(network, name, ["dhcpd", "-4", "-f", "-d", *paths, device], "service.")


def answers(
    offer: Callable[[Ether], list[Ether | bytes]],
) -> Callable[[bytes], Iterator[bytes]]:
    """A handler for what clients broadcast: offers, and to a DHCPREQUEST an ACK."""

    def handle(frame: bytes) -> Iterator[bytes]:
        question = Ether(frame)
        if BOOTP not in question or question[BOOTP].op != 1:
            return
        kind = dict(o for o in question[DHCP].options if len(o) == 2)["message-type"]
        for answer in offer(question) if kind == 1 else [reply(question, "ack")] * (kind == 3):
            yield bytes(answer)

    return handle


def reply(question: Ether, kind: str, **change: object) -> Ether:
    """An answer; ``change`` has fields of BOOTP, ``options`` to set or, if None, to leave out."""
    options = OPTIONS | dict(change.pop("options", {}))  # type: ignore[call-overload]
    fields = {"op": 2, "xid": question[BOOTP].xid, "yiaddr": "10.77.0.50"}
    bootp = BOOTP(**fields | {"chaddr": question[BOOTP].chaddr, "flags": 0x8000} | change)
    listed = [("message-type", kind), *((k, v) for k, v in options.items() if v is not None)]
    head = Ether(src=ROGUE_MAC, dst=question.src) / IP(src=ROGUE, dst="10.77.0.50")
    return head / UDP(sport=67, dport=68) / bootp / DHCP(options=[*listed, "end"])


def rogue(network: Network, offer: Callable[[Ether], list[Ether | bytes]]) -> object:
    """A server on near's link that makes the offers that it is told to."""
    return frame_server(answers(offer), network.netns("mid"), "eth0", 0x0800)
