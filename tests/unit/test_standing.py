"""How a node stands against how it was handed over: names of files, lines of its kernel."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lab_runner.switchboard.changes import folders
from lab_runner.switchboard.standing import changed_files, differing
from lab_runner.switchboard.vantage import NodeFiles
from tests.ticks import tick


def changed(root: Path, script: str) -> list[tuple[str, str]]:
    for name in ("etc/app", "var/log", "srv", "opt/a", "usr/share/a/b"):
        (root / name).mkdir(parents=True)
    for name in ("etc/hosts", "etc/motd", "etc/app/one", "var/log/x", "opt/a/b", "usr/share/a/b/f"):
        (root / name).write_text("x\n")
    files = NodeFiles(os.open(root, os.O_PATH | os.O_DIRECTORY))
    known = folders(files)
    since = tick()
    subprocess.run(["sh", "-ec", script], cwd=root, check=True)
    return sorted(changed_files(files, since, known))


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("true", []),
        ("echo >> etc/hosts", [("changed", "etc/hosts")]),
        ("touch -d 2001-01-01 etc/hosts", [("changed", "etc/hosts")]),
        ("sed -i s/x/y/ etc/motd", [("changed", "etc/motd")]),
        ("echo > etc/new", [("added", "etc/new")]),
        ("ln -s /x srv/link", [("added", "srv/link")]),
        ("rm etc/motd", [("removed", "etc/motd")]),
        ("rm -r etc/app", [("removed", "etc/app")]),
        ("mkdir srv/d; echo > srv/d/f", [("added", "srv/d"), ("added", "srv/d/f")]),
        (
            "mv opt/a opt/c",
            [("added", "opt/c"), ("added", "opt/c/b"), ("removed", "opt/a")],
        ),
        ("echo >> var/log/x; echo > var/log/y; echo > etc/.pwd.lock", []),
        ("echo > usr/share/a/new", [("added", "usr/share/a/new")]),
        ("sed -i s/x/y/ usr/share/a/b/f", [("changed", "usr/share/a/b/f")]),
        ("rm -r usr/share/a/b", [("removed", "usr/share/a/b")]),
        ("mkfifo srv/pipe", [("added", "srv/pipe")]),
    ],
)
def test_what_changed_is_named(tmp_path: Path, script: str, found: list[tuple[str, str]]) -> None:
    assert changed(tmp_path, script) == found


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "root").mkdir()
    found = changed(tmp_path / "root", f"ln -s {outside} srv/out; echo > {outside}/f")
    assert found == [("added", "srv/out")]


def test_lines_that_came_and_went_are_told_by_kind() -> None:
    before = {"routes": ["a", "b"], "firewall": ["x", "y"], "rules": ["r"]}
    now = {"routes": ["a", "c "], "firewall": ["y", "x"], "rules": ["r"], "sockets": ["s"]}
    told = differing(before, now)
    assert told["routes"] == {"added": ["c"], "removed": ["b"]}
    assert told["firewall"]["added"]  # the order of rules counts
    assert "rules" not in told
    assert told["sockets"] == {"added": ["s"], "removed": []}


def test_no_more_is_told_than_anybody_reads() -> None:
    told = differing({}, {"firewall": ["l" * 9000] + [str(n) for n in range(9000)]})
    assert len(told["firewall"]["added"]) == 200
    assert len(told["firewall"]["added"][0]) == 500
