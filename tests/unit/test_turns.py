"""One after the other, between processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab_runner.attempts import turns
from lab_runner.attempts.turns import turn
from lab_runner.errors import StoreError, UsageError

ADD = """
import sys, time
from pathlib import Path
from lab_runner.attempts.turns import turn
counter = Path(sys.argv[2])
for _ in range(20):
    with turn(Path(sys.argv[1]), "it"):
        number = int(counter.read_text())
        time.sleep(0.001)
        counter.write_text(str(number + 1))
"""
HOLD = """
import sys
from pathlib import Path
from lab_runner.attempts.turns import turn
with turn(Path(sys.argv[1]), "it"):
    print(flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "records/a1b2c3"


def test_one_at_a_time(place: Path, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    words = [sys.executable, "-c", ADD, str(place), str(counter)]
    adding = [subprocess.Popen(words) for _ in range(5)]
    assert [one.wait(120) for one in adding] == [0] * 5
    assert counter.read_text() == "100"
    assert not place.exists()


def test_a_place_that_is_gone_between_two_looks(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever had the turn removes it just when it was found to be there already."""
    place.mkdir(parents=True)
    making = os.mkdir

    def made(path: Path, mode: int = 0o777) -> None:
        try:
            making(path, mode)
        finally:
            if path == place and not gone:
                gone.append(path)
                place.rmdir()

    gone: list[Path] = []
    monkeypatch.setattr(os, "mkdir", made)
    with turn(place, "it"):
        assert gone == [place]
        assert place.exists()


def test_what_else_is_there_stays(place: Path) -> None:
    place.mkdir(parents=True)
    (place / "1-gw.cast").touch()
    with turn(place, "it"):
        pass
    assert list(place.iterdir()) == [place / "1-gw.cast"]


def test_nobody_waits_for_ever_and_the_killed_hold_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "PATIENCE_S", 0.3)
    words = [sys.executable, "-c", HOLD, str(place)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        began = time.monotonic()
        with pytest.raises(UsageError, match="at work on it"), turn(place, "it"):
            pass
        assert time.monotonic() - began >= 0.3
        process.kill()
        process.wait(10)
        with turn(place, "it"):
            pass
    assert not place.exists()


@pytest.mark.parametrize("is_parent", [True, False])
def test_a_place_that_cannot_be(place: Path, *, is_parent: bool) -> None:
    if not is_parent:
        place.parent.mkdir()
    (place.parent if is_parent else place).write_text("a file, no folder")
    with pytest.raises(StoreError, match="cannot be used"), turn(place, "it"):
        pass
