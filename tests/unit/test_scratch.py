"""A worker's folder: kept from others as long as it lives, removed after it, however it ended."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_runner.pool.scratch import PREFIX, scratch, sweep

HOLD = """
import time
from lab_runner.pool.scratch import scratch
with scratch() as folder:
    (folder / "spill").mkdir()
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files that no other worker uses."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@contextlib.contextmanager
def holder() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def test_nothing_is_left_of_it(place: Path) -> None:
    with scratch() as folder:
        (folder / "file").touch()
        assert folder.parent == place
    assert list(place.iterdir()) == []


def test_what_a_killed_worker_left_goes_with_the_next_start(place: Path) -> None:
    with holder() as (process, left):
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        assert (left / "spill").is_dir()
        with scratch() as own:
            assert list(place.iterdir()) == [own]


def test_what_somebody_works_in_is_left_alone(place: Path) -> None:
    with holder() as (_, theirs), scratch() as own:
        assert sweep() == []
        assert set(place.iterdir()) == {theirs, own}


def test_what_is_no_folder_is_left_alone(place: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.mkdir()
    (place / f"{PREFIX}file").touch()
    (place / f"{PREFIX}link").symlink_to(target)
    assert sweep() == []
    assert target.is_dir()
