"""TELNET servers that ask for a login, refuse it, negotiate without end, and hang up."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab_runner.errors import ProbeError
from lab_runner.models.probes import TelnetProbe
from tests.wire.asking import Node
from tests.wire.servers import drip, pour, reset, tcp_server, until_closed

DO, WILL, DONT = b"\xff\xfd", b"\xff\xfb", b"\xff\xfe"
ANNA = {"user": "anna", "password": "secret"}


def asks(port: int, **fields: object) -> TelnetProbe:
    return TelnetProbe(**{"to": "127.0.0.1", "port": port, "timeout_s": 0.8} | fields)


def ask(node: Node, handler: Callable[[socket.socket], object], **fields: object) -> object:
    with tcp_server(handler) as port:  # type: ignore[arg-type]
        return node.ask(asks(port, **fields))


def ups(conn: socket.socket) -> None:
    """A device that knows one user and one command."""
    lines = conn.makefile("rb")
    conn.sendall(b"UPS 9000\r\nlogin: ")
    while True:
        user = lines.readline()
        conn.sendall(b"Password: ")
        if (user, lines.readline()) == (b"anna\r\n", b"secret\r\n"):
            break
        conn.sendall(b"\r\nLogin incorrect\r\nlogin: ")
    conn.sendall(b"\r\nLast login: yesterday\r\nups> ")
    command = lines.readline()
    conn.sendall(command + b"load 42 %\r\nups> ")
    until_closed(conn)


def test_a_prompt(node: Node) -> None:
    asked = ask(node, ups)
    assert asked.seen.said == "UPS 9000\nlogin: "
    assert asked.verdict.passed
    assert not ask(node, ups, expect="blocked").verdict.passed
    assert not ask(node, ups, prompt="Username: *$").verdict.passed


def test_a_login_and_a_command(node: Node) -> None:
    asked = ask(node, ups, **ANNA, command="show load", output=r"^load \d+ %$")
    assert asked.seen.output == "load 42 %\nups> "
    assert asked.verdict.passed, asked.verdict.rationale
    other = ask(node, ups, **ANNA, command="show load", output="show")
    assert other.verdict.rationale.endswith('/show/ in the output, not "load 42 % ups>"')


def test_a_login_that_is_refused(node: Node) -> None:
    red = ask(node, ups, user="anna", password="wrong")
    green = ask(node, ups, user="anna", password="wrong", login="refused")
    assert red.seen.login == "refused"
    assert red.verdict.rationale.endswith(
        "a prompt, login refused; expected a login that is accepted"
    )
    assert green.verdict.passed
    assert not ask(node, ups, **ANNA, login="refused").verdict.passed


def test_a_server_that_hangs_up_after_the_password(node: Node) -> None:
    def unkind(conn: socket.socket) -> None:
        conn.sendall(b"login: ")
        conn.recv(99)
        conn.sendall(b"Password: ")
        conn.recv(99)

    assert ask(node, unkind, **ANNA, login="refused").verdict.passed


@pytest.mark.parametrize("stage", ["login", "command"])
def test_silence_after_the_prompt_is_no_refusal(node: Node, stage: str) -> None:
    def silent(conn: socket.socket) -> None:
        conn.sendall(b"login: ")
        conn.recv(99)
        conn.sendall(b"$ " if stage == "command" else b"")
        until_closed(conn)

    asked = ask(node, silent, **ANNA, command="ls", output="x")
    refused = ask(node, silent, **ANNA, login="refused")
    assert asked.seen.failed == f"{stage}: timeout"
    assert not asked.verdict.passed
    assert not refused.verdict.passed


def test_options_are_refused_once_and_kept_out_of_the_text(node: Node) -> None:
    answers: list[bytes] = []
    all_heard = threading.Event()

    def negotiates(conn: socket.socket) -> None:
        # Each refusal is a segment of its own; MSG_WAITALL does not wait on a socket with a limit.
        heard = conn.makefile("rb")
        conn.sendall(DO + b"\x18" + WILL + b"\x01" + DONT + b"\x03" + DO + b"\x18" + b"ab\xff\xff")
        answers.append(heard.read(6))
        # A subnegotiation, a command, and an option that is cut in two.
        conn.sendall(b"\xff\xfa\x18\x01login: \xff\xf0c\xff\xf1\0d\r\n\xff")
        conn.sendall(b"\xfb")
        conn.sendall(b"\x05login: ")
        answers.append(heard.read(3))
        all_heard.set()
        until_closed(conn)

    asked = ask(node, negotiates)
    assert all_heard.wait(5)
    assert asked.seen.said == "ab\N{REPLACEMENT CHARACTER}cd\nlogin: "
    assert b"".join(answers) == b"\xff\xfc\x18\xff\xfe\x01\xff\xfe\x05"
    assert asked.verdict.passed


MISBEHAVING: dict[str, tuple[Callable[[socket.socket], object], str, bool]] = {
    "closed at once": (lambda c: None, "closed", True),
    "reset": (lambda c: (time.sleep(0.2), reset(c)), "reset", True),
    "silent": (until_closed, "timeout", True),
    "byte by byte": (lambda c: drip(c, b"x" * 400), "timeout", True),
    "endless text": (pour, "too-much", False),
    "endless options": (lambda c: pour(c, (DO + b"\x18") * 50_000), "too-much", False),
    "endless subnegotiation": (lambda c: pour(c, b"\xff\xfa\x18"), "too-much", False),
    "garbage": (lambda c: c.sendall(b"\xff\xff\xfa\xff\xf0\xff\xfb"), "closed", True),
}


@pytest.mark.parametrize("name", MISBEHAVING)
def test_what_is_no_prompt(node: Node, name: str) -> None:
    handler, outcome, blocked = MISBEHAVING[name]
    asked = ask(node, handler, timeout_s=2.0 if outcome == "too-much" else 0.5)
    assert asked.seen.outcome == outcome
    assert asked.seen.login is None
    assert not asked.verdict.passed
    again = ask(node, handler, expect="blocked", timeout_s=2.0 if outcome == "too-much" else 0.5)
    assert again.verdict.passed is blocked


def test_a_closed_port_and_an_unknown_name(node: Node) -> None:
    with tcp_server(until_closed) as port:
        pass
    assert node.ask(asks(port, expect="blocked")).verdict.passed
    unknown = node.ask(asks(port, to="nobody", expect="blocked"))
    assert unknown.seen.outcome == "unresolved"
    assert not unknown.verdict.passed


def test_a_prompt_cannot_write_to_the_terminal(node: Node) -> None:
    asked = ask(node, lambda c: c.sendall(b"\x1b[2Jlogin: "))
    assert asked.seen.said == "\\x1b[2Jlogin: "


def test_an_authors_broken_pattern(node: Node) -> None:
    with pytest.raises(ProbeError, match="no regular expression"):
        ask(node, ups, prompt="(")


@pytest.mark.root
def test_a_real_server(node: Node, tmp_path: Path) -> None:
    """GNU's telnetd, with a small program in the place of login(1)."""
    telnetd = shutil.which("telnetd")
    if telnetd is None:
        pytest.skip("inetutils-telnetd is not installed")
    login = tmp_path / "login"
    login.write_text(
        "#!/bin/sh\nprintf 'login: '; read user; printf 'Password: '; read word\n"
        "[ $user/$word = anna/secret ] || exit 1\nPS1='$ ' exec sh -i\n"
    )
    login.chmod(0o755)

    def serve(conn: socket.socket) -> None:
        argv = [telnetd, "--no-hostinfo", f"--exec-login={login}"]
        with subprocess.Popen(argv, stdin=conn, stdout=conn, stderr=conn) as server:
            server.wait(8)

    fields = {**ANNA, "timeout_s": 5.0}
    asked = ask(node, serve, **fields, command="echo $((6 * 7))", output="^42$")
    refused = ask(node, serve, **fields | {"password": "x"}, login="refused")
    assert asked.verdict.passed, (asked.verdict.rationale, asked.seen)
    assert refused.verdict.passed, (refused.verdict.rationale, refused.seen)
