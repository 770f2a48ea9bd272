"""Files on a disk that somebody else arranges."""

from __future__ import annotations

import os

import pytest

from lab_runner.models.probes import FileProbe
from tests.wire.asking import Node


def test_content_mode_and_owner(node: Node) -> None:
    node.write("/etc/motd", "first\nsecond\n").chmod(0o640)
    probe = FileProbe(
        path="/etc/motd", contains=["^second$"], lacks=["third"], mode="0640", uid=os.getuid()
    )
    asked = node.ask(probe)
    assert (asked.seen.kind, asked.seen.mode, asked.seen.size) == ("regular", "0640", 13)
    assert asked.verdict.passed


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"contains": ["third"]}, "a line with /third/"),
        ({"lacks": ["^first$"]}, "no line with /^first$/"),
        ({"mode": "600"}, "mode 600"),
        ({"uid": 4711}, "owner 4711"),
        ({"expect": "absent"}, "no such file"),
    ],
)
def test_each_expectation_that_is_not_met(
    node: Node, fields: dict[str, object], expected: str
) -> None:
    node.write("/etc/motd", "first\n")
    asked = node.ask(FileProbe(path="/etc/motd", **fields))
    assert asked.verdict.rationale.endswith(f"expected {expected}")
    assert not asked.verdict.passed


def test_absent_and_dangling(node: Node) -> None:
    (node.disk / "etc/link").symlink_to("nowhere")
    (node.disk / "etc/loop").symlink_to("loop")
    gone = node.ask(FileProbe(path="/etc/gone", expect="absent"))
    link = node.ask(FileProbe(path="/etc/link", expect="absent"))
    loop = node.ask(FileProbe(path="/etc/loop"))
    assert gone.verdict.passed
    assert link.seen.kind == "symlink"
    assert not link.verdict.passed
    assert loop.seen.problem == "a loop of symbolic links"
    assert not loop.verdict.passed


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../../../../../etc/passwd"])
def test_a_link_cannot_lead_out_of_the_disk(node: Node, target: str) -> None:
    (node.disk / "etc/link").symlink_to(target)
    node.write("/etc/passwd", "the node's own\n")
    asked = node.ask(FileProbe(path="/etc/link", contains=["the node's own"]))
    assert asked.seen.kind == "regular"
    assert asked.verdict.passed


def test_a_huge_file_is_cut_and_escapes_are_shown(node: Node) -> None:
    node.write("/var/log", b"\x1b[2J" + b"x" * 200_000)
    asked = node.ask(FileProbe(path="/var/log"))
    assert asked.seen.size == 200_004
    assert asked.seen.content.startswith("\\x1b[2Jxxx")
    assert len(asked.seen.content) < 70_000
    assert asked.verdict.passed


@pytest.mark.parametrize("kind", ["directory", "other"])
def test_what_is_no_regular_file_is_not_read(node: Node, kind: str) -> None:
    if kind == "directory":
        (node.disk / "etc/thing").mkdir()
    else:
        os.mkfifo(node.disk / "etc/thing")
    asked = node.ask(FileProbe(path="/etc/thing", lacks=["x"]))
    assert (asked.seen.kind, asked.seen.content) == (kind, None)
    assert not asked.verdict.passed


@pytest.mark.root
def test_a_file_for_root_only_is_read(node: Node) -> None:
    node.write("/root/secret", "s3cret").chmod(0o600)
    (node.disk / "root").chmod(0o700)
    assert node.ask(FileProbe(path="/root/secret", contains=["s3cret"])).verdict.passed
