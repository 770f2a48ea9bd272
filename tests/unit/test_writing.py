"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

import pytest

from lab_runner.errors import NoRoom, UsageError
from lab_runner.submission.private import write_private
from lab_runner.writing import whole, write_whole


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_was_there_is_replaced(path: Path) -> None:
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_what_does_not_end_well_leaves_what_was_there(path: Path) -> None:
    path.write_bytes(b"before")
    with contextlib.suppress(RuntimeError), whole(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"before"
    assert list(path.parent.iterdir()) == [path]


def test_who_might_read_it_before_may_read_it_still(path: Path) -> None:
    path.touch(0o640)
    path.chmod(0o640)
    write_whole(path, b"")
    assert mode(path) == 0o640
    write_private(path, b"")
    assert mode(path) == 0o600


def test_a_link_stays_one(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.touch()
    path.symlink_to(target)
    write_whole(path, b"new")
    assert path.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_pipe_is_written_to(path: Path) -> None:
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(path, b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_full_disk_is_not_the_user_s_mistake() -> None:
    with pytest.raises(NoRoom, match="No space left on device") as caught:
        write_whole(Path("/dev/full"), b"x")
    assert caught.value.exit_code == 3
    assert "Make room" in caught.value.hint


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none/file cannot be written: No such file"):
        write_whole(tmp_path / "none/file", b"")
