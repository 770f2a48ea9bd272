"""Changes of a disk: found on one tree, laid on its twin, and never believed."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_runner.models.disk_changes import BadChanges, DiskChanges, Entry
from lab_runner.switchboard.changes import folders, found, lay
from lab_runner.switchboard.vantage import NodeFiles
from tests.ticks import tick


def tree(root: Path) -> Path:
    (root / "etc/app").mkdir(parents=True)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (root / "etc/app/app.conf").write_text("listen 80\n")
    (root / "etc/app/old.conf").write_text("x\n")
    (root / "etc/good").mkdir()
    (root / "etc/good/app.conf").write_text("listen 443\n")
    (root / "etc/link").symlink_to("/etc/hosts")
    (root / "var/log").mkdir(parents=True)
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/tool").write_text("#!/bin/sh\n")
    return root


def files(root: Path) -> NodeFiles:
    return NodeFiles(os.open(root, os.O_PATH | os.O_DIRECTORY))


def told(root: Path) -> dict[str, tuple[Any, ...]]:
    """All of a tree that a hand-in carries."""
    facts: dict[str, tuple[Any, ...]] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        status = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.is_file() and path.read_bytes()
        mode = 0 if path.is_symlink() else stat.S_IMODE(status.st_mode)
        facts[name] = (stat.S_IFMT(status.st_mode), mode, status.st_uid, status.st_gid, content)
    return facts


def changed(root: Path, script: str, *, noted: bool = True) -> DiskChanges:
    """What is found after a script, on its way through a line."""
    known = {p: one[0] for p, one in folders(files(root)).items()} if noted else None
    begun = tick()
    subprocess.run(["sh", "-ec", script], cwd=root, check=True)
    return DiskChanges.from_json(json.loads(json.dumps(found(files(root), begun, known).to_json())))


#: What somebody types, and what of it is found; folders whose names changed are found, too.
TYPED = {
    "true": "",
    "echo x >> etc/hosts": "etc/hosts",
    "sed -i s/80/81/ etc/app/app.conf": "etc/app etc/app/app.conf",
    "rm etc/app/old.conf": "etc/app",
    "rm -r etc/app": "etc",
    "rm -r etc/app; ln -s /usr/bin etc/app": "etc etc/app",
    "rm etc/link; mkdir etc/link; echo x > etc/link/y": "etc etc/link etc/link/y",
    "rm etc/hosts; mkdir etc/hosts": "etc etc/hosts",
    "chmod 600 etc/hosts": "etc/hosts",
    "chmod 700 etc/app": "etc/app",
    "chmod 4755 usr/bin/tool": "usr/bin/tool",
    "ln -sf /nowhere etc/link": "etc etc/link",
    "mkdir -p opt/a/b; echo x > opt/a/b/c": "opt opt/a opt/a/b opt/a/b/c",
    "mv etc/app etc/new": "etc etc/new etc/new/app.conf etc/new/old.conf",
    "mv etc/app etc/bad; mv etc/good etc/app": (
        "etc etc/app etc/app/app.conf etc/bad etc/bad/app.conf etc/bad/old.conf"
    ),
    "printf 'a' > 'etc/two\nlines'": "etc etc/two\nlines",
    "touch -d 2001-01-01 etc/hosts": "etc/hosts",
}


@pytest.mark.parametrize("script", TYPED)
def test_what_was_changed_is_found_and_laid(tmp_path: Path, script: str) -> None:
    paths = set(filter(None, TYPED[script].split(" ")))
    here, there = tree(tmp_path / "here"), tree(tmp_path / "there")
    changes = changed(here, script)
    assert {entry.path for entry in changes.entries} == paths
    lay(files(there), changes)
    assert told(there) == told(here)
    for path in paths & {"etc/hosts", "etc/app"}:
        assert (there / path).lstat().st_mtime == pytest.approx((here / path).lstat().st_mtime)


def test_where_nobody_noted_the_folders_changed_ones_are_taken_whole(tmp_path: Path) -> None:
    here, there = tree(tmp_path / "here"), tree(tmp_path / "there")
    changes = changed(here, "mv etc/app etc/service", noted=False)
    assert "etc/hosts" in {entry.path for entry in changes.entries}
    assert "usr/bin/tool" not in {entry.path for entry in changes.entries}
    lay(files(there), changes)
    assert told(there) == told(here)


def test_what_passes_by_itself_is_not_taken(tmp_path: Path) -> None:
    script = "echo x > var/log/messages; echo x > etc/mtab; echo x > etc/.bash_history"
    changes = changed(tree(tmp_path / "here"), script)
    assert {entry.path for entry in changes.entries} == {"etc"}


def test_what_cannot_be_taken_is_named(tmp_path: Path) -> None:
    script = "mkfifo etc/pipe; truncate -s 2M etc/big; mkdir etc/two; mknod etc/two/null c 1 3"
    changes = changed(tree(tmp_path / "here"), script)
    told_of = {"etc/pipe": "a named pipe", "etc/big": "larger than 1 MiB"}
    assert changes.left_out == told_of | {"etc/two/null": "a device"}
    assert {entry.path for entry in changes.entries} == {"etc", "etc/two"}


def test_more_than_a_hand_in_holds_is_named(tmp_path: Path) -> None:
    script = "for i in 1 2 3 4 5 6 7; do head -c 1000000 /dev/zero > etc/$i; done"
    changes = changed(tree(tmp_path / "here"), script)
    assert changes.left_out == {"etc/7": "more than a hand-in can hold"}


def test_access_lists_are_carried(tmp_path: Path) -> None:
    here, there = tree(tmp_path / "here"), tree(tmp_path / "there")
    acl = bytes.fromhex(
        "0200000001000600ffffffff02000600d204000004000400ffffffff10000600ffffffff20000400ffffffff"
    )
    try:
        os.setxattr(here / "etc/app/app.conf", "system.posix_acl_access", acl)
    except OSError:
        pytest.skip("this file system has no access control lists")
    changes = changed(here, "touch etc/app/app.conf")
    lay(files(there), changes)
    assert os.getxattr(there / "etc/app/app.conf", "system.posix_acl_access") == acl


# --- what nobody's work would make ---------------------------------------------------


def entry(**fields: Any) -> dict[str, Any]:
    plain = {"path": "etc/x", "kind": "file", "mode": 0o644, "uid": 0, "gid": 0, "mtime": 1.0}
    return plain | {"content": "", "target": "", "attributes": {}} | fields


def changes_of(*entries: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"entries": list(entries), "folders": {}, "left_out": {}} | fields


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "not an object"),
        ({}, "not an object with entries"),
        (changes_of(entries=1), "not a list"),
        (changes_of(entry(path="../etc/passwd")), "'..' is no name"),
        (changes_of(entry(path="/etc/passwd")), "'' is no name"),
        (changes_of(entry(path="etc//x")), "'' is no name"),
        (changes_of(entry(path="")), "'' is no name"),
        (changes_of(entry(path="etc/x\0y")), "not a text"),
        (changes_of(entry(path="a" * 256)), "a name of more than 255 bytes"),
        (changes_of(entry(path="a/" * 3000 + "b")), "not a text of at most 4096"),
        (changes_of(entry(path="\ud800")), "not a text"),
        (changes_of(entry(path="proc/1/mem")), "no part of a disk"),
        (changes_of(entry(path="dev/sda")), "no part of a disk"),
        (changes_of(entry(path=7)), "not a text"),
        (changes_of(entry(kind="device")), "is a 'device'"),
        (changes_of(entry(kind="fifo")), "is a 'fifo'"),
        (changes_of(entry(kind="link")), "what no link has"),
        (changes_of(entry(kind="folder", content="eA==")), "what no folder has"),
        (changes_of(entry(target="x")), "what no file has"),
        (changes_of(entry(mode=0o100644)), "is no number from 0 to 4095"),
        (changes_of(entry(mode=True)), "is no number"),
        (changes_of(entry(uid=-1)), "is no number"),
        (changes_of(entry(gid=1 << 32)), "is no number"),
        (changes_of(entry(mtime=float("inf"))), "is no time"),
        (changes_of(entry(mtime=float("nan"))), "is no time"),
        (changes_of(entry(content="%%%%")), "cannot be read"),
        (changes_of(entry(content="A" * (2 << 20))), "more than 1 MiB"),
        (changes_of(entry(attributes={"security.capability": ""})), "has an attribute"),
        (changes_of(entry(extra=1)), "not an object with"),
        (changes_of(entry(), entry()), "is there twice"),
        (changes_of(folders={"..": []}), "'..' is no name"),
        (changes_of(folders={"etc": ["a/b"]}), "'a/b' is no name"),
        (changes_of(folders={"etc": "abc"}), "not a list"),
        (changes_of(left_out={"x": 1}), "not a text"),
    ],
)
def test_what_nobodys_work_would_make_is_refused(data: object, message: str) -> None:
    with pytest.raises(BadChanges, match=re.escape(message)):
        DiskChanges.from_json(data)


def test_too_much_is_refused() -> None:
    with pytest.raises(BadChanges, match="at most 5000"):
        DiskChanges.from_json(changes_of(*[entry(path=f"etc/{n}") for n in range(5001)]))
    full = base64.b64encode(bytes(1 << 20)).decode()
    with pytest.raises(BadChanges, match="more than 6 MiB on one machine"):
        DiskChanges.from_json(changes_of(*[entry(path=f"e{n}", content=full) for n in range(7)]))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_anything_at_all_is_refused_or_read(data: object) -> None:
    with contextlib.suppress(BadChanges):
        DiskChanges.from_json(data)


@given(st.dictionaries(st.sampled_from(list(entry())), json_values))
def test_any_entry_is_refused_or_read(fields: dict[str, Any]) -> None:
    with contextlib.suppress(BadChanges):
        DiskChanges.from_json(changes_of(entry(**fields)))


# --- laid on a disk that leads elsewhere ---------------------------------------------


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tree(tmp_path / "root")
    (root / "trap").symlink_to(outside)
    (root / "etc/trap").symlink_to("../../outside")
    for path in ("trap/x", "etc/trap/x"):
        changes = DiskChanges((Entry(path, "file", 0o644, 0, 0, 1.0, b"x"),))
        with pytest.raises(OSError, match=f"/{path}"):
            lay(files(root), changes)
    (outside / "kept").write_text("kept")
    lay(files(root), DiskChanges(folders={"trap": (), "etc/trap": ()}))
    assert [path.name for path in outside.iterdir()] == ["kept"]


def test_a_link_that_comes_with_it_leads_nowhere_either(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    root = tree(tmp_path / "root")
    link = Entry("etc/out", "link", 0o777, 0, 0, 1.0, target=str(outside))
    below = Entry("etc/out/x", "file", 0o644, 0, 0, 1.0, b"x")
    with pytest.raises(OSError, match="/etc/out/x"):
        lay(files(root), DiskChanges((link, below)))
    assert [path.name for path in outside.iterdir()] == ["kept"]


def test_taking_away_a_link_takes_away_the_link_alone(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    root = tree(tmp_path / "root")
    (root / "etc/app/out").symlink_to(outside)
    lay(files(root), DiskChanges(folders={"etc": ("hosts",)}))
    assert sorted(path.name for path in (root / "etc").iterdir()) == ["hosts"]
    assert (outside / "kept").read_text() == "kept"


def test_special_bits_are_laid_as_they_were(tmp_path: Path) -> None:
    root = tree(tmp_path / "root")
    lay(files(root), DiskChanges((Entry("usr/bin/tool", "file", 0o4755, 0, 0, 1.0, b"x"),)))
    assert stat.S_IMODE((root / "usr/bin/tool").stat().st_mode) == 0o4755
