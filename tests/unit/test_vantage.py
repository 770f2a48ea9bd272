"""A node's disk is read without leaving it and without waiting."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from lab_runner.switchboard.vantage import NodeFiles


@pytest.fixture
def files(tmp_path: Path) -> NodeFiles:
    (tmp_path / "disk/etc").mkdir(parents=True)
    (tmp_path / "outside").write_text("not the node's")
    return NodeFiles(os.open(tmp_path / "disk", os.O_PATH | os.O_DIRECTORY))


def disk(tmp_path: Path) -> Path:
    return tmp_path / "disk"


def test_a_file_is_read_up_to_the_limit(files: NodeFiles, tmp_path: Path) -> None:
    (disk(tmp_path) / "etc/hosts").write_text("0123456789")
    assert files.read("/etc/hosts") == b"0123456789"
    assert files.read("etc/hosts", limit=4) == b"0123"
    assert files.text("/etc/hosts") == "0123456789"


def test_what_is_not_there_is_none_and_empty(files: NodeFiles) -> None:
    assert files.read("/etc/nothing") is None
    assert files.text("/etc/nothing") == ""
    with pytest.raises(FileNotFoundError):
        files.open("/etc/nothing")


@pytest.mark.parametrize("target", ["/outside", "../../outside", "../../../../outside"])
def test_no_link_leads_out(files: NodeFiles, tmp_path: Path, target: str) -> None:
    (disk(tmp_path) / "etc/link").symlink_to(target)
    assert files.read("/etc/link") is None
    (disk(tmp_path) / "outside").write_text("the node's")
    assert files.read("/etc/link") == b"the node's"


def test_no_magic_link_leads_out(files: NodeFiles, tmp_path: Path) -> None:
    (disk(tmp_path) / "proc").symlink_to("/proc/self/root")
    assert files.read("/proc/etc/passwd") is None


def test_a_farm_of_links_ends(files: NodeFiles, tmp_path: Path) -> None:
    (disk(tmp_path) / "loop").symlink_to("loop")
    with pytest.raises(OSError) as caught:
        files.open("/loop")
    assert caught.value.errno == errno.ELOOP


def test_a_fifo_and_a_directory_are_not_read(files: NodeFiles, tmp_path: Path) -> None:
    os.mkfifo(disk(tmp_path) / "fifo")
    assert files.read("/fifo") is None
    assert files.read("/etc") is None


def test_bytes_that_are_no_text_are_replaced(files: NodeFiles, tmp_path: Path) -> None:
    (disk(tmp_path) / "junk").write_bytes(b"a\xffb")
    assert files.text("/junk") == "a\N{REPLACEMENT CHARACTER}b"


def test_a_path_can_be_looked_at_without_being_opened(files: NodeFiles, tmp_path: Path) -> None:
    os.mkfifo(disk(tmp_path) / "fifo")
    fd = files.open("/fifo", os.O_PATH)
    os.close(fd)
