"""FTP servers that serve, refuse, point elsewhere, stop half-way, and talk nonsense."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab_runner.errors import ProbeError
from lab_runner.models.probes import FtpProbe
from tests.wire.asking import Node
from tests.wire.conftest import Network
from tests.wire.ftp_servers import LISTING, Small, vsftpd
from tests.wire.servers import drip, pour, tcp_server, until_closed

MODES = ["passive", "extended-passive", "active"]
FAR = "198.51.100.2"


def asks(port: int = 21, **fields: object) -> FtpProbe:
    return FtpProbe(**{"to": "127.0.0.1", "port": port, "timeout_s": 0.8} | fields)


def ask(node: Node, server: Small, **fields: object) -> object:
    with tcp_server(server) as port:
        return node.ask(asks(port, **fields))


@pytest.mark.parametrize("mode", MODES)
def test_a_listing(node: Node, mode: str) -> None:
    server = Small()
    asked = ask(node, server, mode=mode, path="pub", content=r"readme\.txt$")
    assert asked.seen.content == LISTING.decode().replace("\r\n", "\n")
    assert (asked.seen.login, asked.seen.data, asked.seen.failed) == ("accepted", "opened", None)
    assert asked.seen.data_address == "127.0.0.1"
    assert asked.verdict.passed, asked.verdict.rationale
    assert "LIST pub" in server.heard
    assert server.heard[:2] == ["USER anonymous", "PASS guest@"]


@pytest.mark.parametrize("mode", ["extended-passive", "active"])
def test_over_ipv6(node: Node, mode: str) -> None:
    with tcp_server(Small(), "::1") as port:
        asked = node.ask(asks(port, to="::1", mode=mode, data_address="::1"))
    assert asked.verdict.passed, asked.verdict.rationale


def test_a_login_that_is_refused(node: Node) -> None:
    for login, passed in {"refused": True, "accepted": False}.items():
        asked = ask(node, Small(), user="anna", password="wrong", login=login)
        assert asked.seen.login == "refused"
        assert asked.seen.data is None
        assert asked.verdict.passed is passed
    assert not ask(node, Small(), login="refused").verdict.passed


def test_what_is_expected_of_the_content(node: Node) -> None:
    asked = ask(node, Small(content=b"other\n"), content="readme")
    assert asked.verdict.rationale.endswith('expected /readme/ in it, not "other"')


Case = tuple[Small, str, str | None, str]
FAILING: dict[str, Case] = {
    "nobody listens": (Small(listens=False), "passive", "failed", "data: refused"),
    "no address": (Small(said={"PASV": "227 fine"}), "passive", "failed", "PASV: no address"),
    "a wild one": (Small(said={"PASV": "227 (999,1,1,1,1,1)"}), "passive", "failed", "PASV: no ad"),
    "no passive": (Small(said={"PASV": "502 no"}), "passive", "failed", "PASV: 502 no"),
    "no port": (Small(said={"EPSV": "229 (|||99999|)"}), "extended-passive", "failed", "EPSV: no"),
    "PORT refused": (Small(said={"PORT": "500 Illegal"}), "active", "failed", "PORT: 500 Illegal"),
    "425": (Small(said={"transfer": "425 Failed"}), "active", "failed", "LIST: 425 Failed"),
    "425 passive": (Small(said={"transfer": "425 Failed"}), "passive", "failed", "LIST: 425"),
    "never connects": (Small(said={"transfer": None}), "active", "failed", "data: timeout"),
    "150 alone": (Small(said={"transfer": "150 soon"}), "active", "failed", "data: timeout"),
    "no such file": (Small(said={"transfer": "550 No"}), "passive", "opened", "LIST: 550 No"),
    "never ends": (Small(ends=False), "passive", "opened", "data: stopped after 44 bytes: timeout"),
    "broken off": (Small(said={"end": "426 aborted"}), "passive", "opened", "LIST: 426 aborted"),
    "no last word": (Small(said={"end": None}), "passive", "opened", "LIST: timeout"),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_transfer_that_fails(node: Node, name: str) -> None:
    server, mode, data, failed = FAILING[name]
    asked = ask(node, server, mode=mode)
    assert asked.seen.login == "accepted"
    assert asked.seen.data == data
    assert asked.seen.failed.startswith(failed)
    assert failed in asked.verdict.rationale
    assert not asked.verdict.passed
    if data == "failed":
        assert ask(node, server, mode=mode, data="failed").verdict.passed


def test_no_data_connection_is_not_proved_by_a_working_one(node: Node) -> None:
    assert not ask(node, Small(), data="failed").verdict.passed


Handler = Callable[..., object]
NONSENSE: dict[str, tuple[Handler, str]] = {
    "silent": (until_closed, "greeting: timeout"),
    "closing": (lambda c: None, "greeting: closed"),
    "busy": (lambda c: c.sendall(b"421 too many\r\n"), "greeting: 421 too many"),
    "another protocol": (lambda c: c.sendall(b"SSH-2.0-x\r\n"), "greeting: not FTP: SSH-2.0-x"),
    "a line without end": (pour, "greeting: a line without end"),
    "a reply without end": (
        lambda c: pour(c, b"220-x\r\n" * 9000),
        "greeting: a reply without end",
    ),
    "byte by byte": (lambda c: drip(c, b"220 " + b"x" * 400), "greeting: timeout"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_what_is_no_conversation(node: Node, name: str) -> None:
    handler, failed = NONSENSE[name]
    with tcp_server(handler) as port:  # type: ignore[arg-type]
        asked = node.ask(asks(port))
        refused = node.ask(asks(port, login="refused", data="failed"))
    assert asked.seen.outcome == "connected"
    assert asked.seen.login is None
    assert asked.seen.failed.startswith(failed)
    assert not asked.verdict.passed
    assert not refused.verdict.passed


def test_an_endless_file_is_cut(node: Node) -> None:
    asked = ask(node, Small(content=b"x" * 2_000_000), command="RETR", path="big", timeout_s=3.0)
    assert len(asked.seen.content) == 64 * 1024
    assert asked.verdict.passed


def test_a_closed_port_and_an_unknown_name(node: Node) -> None:
    with tcp_server(until_closed) as port:
        pass
    closed = node.ask(asks(port, data="failed"))
    unknown = node.ask(asks(to="nobody", data="failed"))
    assert closed.seen.outcome == "refused"
    assert unknown.seen.outcome == "unresolved"
    assert not closed.verdict.passed
    assert not unknown.verdict.passed


def test_a_path_is_one_line(node: Node) -> None:
    with pytest.raises(ProbeError, match="more than one line"):
        ask(node, Small(), path="x\r\nDELE y")


@pytest.fixture
def real(network: Network) -> Iterator[Callable[..., object]]:
    """A vsftpd on the far side; a guest may walk into its folder, as into none of pytest's."""
    if shutil.which("vsftpd") is None:
        pytest.skip("vsftpd is not installed")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield lambda *lines: vsftpd(network, "far", folder, FAR, *lines)


@pytest.mark.root
@pytest.mark.parametrize("mode", MODES)
def test_a_real_server(near: Node, real: Callable[..., object], mode: str) -> None:
    with real():
        listing = near.ask(asks(to=FAR, mode=mode, timeout_s=4.0, content=r"readme\.txt"))
        fields = {"command": "RETR", "path": "readme.txt", "content": "^hello guest$"}
        file = near.ask(asks(to=FAR, mode=mode, timeout_s=4.0, data_address=FAR, **fields))
        missing = near.ask(asks(to=FAR, mode=mode, timeout_s=4.0, command="RETR", path="no"))
        nobody = near.ask(asks(to=FAR, user="anna", timeout_s=6.0, login="refused"))
    assert listing.verdict.passed, listing.verdict.rationale
    assert file.verdict.passed, file.verdict.rationale
    assert "RETR: 550" in missing.verdict.rationale
    assert not missing.verdict.passed
    assert nobody.verdict.passed, nobody.verdict.rationale


@pytest.mark.root
def test_a_server_that_names_an_address_of_its_own(
    near: Node, network: Network, real: Callable[..., object]
) -> None:
    """As behind a NAT that does not know FTP: the address cannot be reached from here."""
    network.nft(
        "mid",
        """table ip f { chain c { type filter hook forward priority 0;
        ip daddr 192.168.10.10 drop; }; }""",
    )
    with real("pasv_address=192.168.10.10"):
        passive = near.ask(asks(to=FAR, timeout_s=1.5, data_address=FAR))
        extended = near.ask(asks(to=FAR, timeout_s=4.0, mode="extended-passive"))
    assert passive.seen.data_address == "192.168.10.10"
    assert passive.seen.failed.startswith("data: ")
    assert f"{FAR} for data" in passive.verdict.rationale
    assert extended.verdict.passed, extended.verdict.rationale
