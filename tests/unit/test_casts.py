"""Recorded terminals: what was shown comes out again, also of a session that was cut off."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from lab_runner.attempts import casts
from lab_runner.attempts.casts import CastWriter, frames
from lab_runner.errors import StoreError


def test_a_session_is_an_asciicast(tmp_path: Path) -> None:
    path = tmp_path / "casts/1.cast"
    with CastWriter(path, width=80, height=24, title="gw") as cast:
        cast.output("ä".encode()[:1])
        cast.output("ä".encode()[1:] + b"\x1b[31mred\r\n\xff")
        cast.resized(100, 30)
        cast.mark("ls")
    header, *lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert {key: header[key] for key in ("version", "width", "height", "title")} == {
        "version": 2,
        "width": 80,
        "height": 24,
        "title": "gw",
    }
    assert [line[1:] for line in lines] == [
        ["o", "ä\x1b[31mred\r\n\ufffd"],
        ["r", "100x30"],
        ["m", "ls"],
    ]
    assert [line[0] for line in lines] == sorted(line[0] for line in lines)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [frame.kind for frame in frames(path.read_text())] == ["o", "r", "m"]


def test_half_a_character_at_the_end_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "1.cast"
    with CastWriter(path, width=80, height=24) as cast:
        cast.output(b"x\xc3")
    assert [frame.text for frame in frames(path.read_text())] == ["x", "\ufffd"]


def test_of_a_session_that_was_cut_off_the_rest_is_there(tmp_path: Path) -> None:
    path = tmp_path / "1.cast"
    cast = CastWriter(path, width=80, height=24)
    for number in range(3):
        cast.output(b"%d" % number)
    text = path.read_text()  # nobody has closed it
    assert [frame.text for frame in frames(text)] == ["0", "1", "2"]
    assert [frame.text for frame in frames(text[:-4])] == ["0", "1"]
    cast.close()


def test_an_endless_session_is_kept_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(casts, "LIMIT", 1000)
    path = tmp_path / "1.cast"
    with CastWriter(path, width=80, height=24) as cast:
        for _ in range(100):
            cast.output(b"x" * 100)
    assert path.stat().st_size < 1300


def test_a_session_is_written_over_no_other(tmp_path: Path) -> None:
    path = tmp_path / "1.cast"
    path.write_text("kept")
    with pytest.raises(StoreError, match="File exists"):
        CastWriter(path, width=80, height=24)
    assert path.read_text() == "kept"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 1}', "cast"])
def test_what_is_no_cast_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an asciicast"):
        list(frames(text))
