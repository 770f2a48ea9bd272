"""The recorded terminals that go into a hand-in."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from lab_runner.attempts.casts import frames
from lab_runner.errors import HandInError, StoreError
from lab_runner.models.disk_changes import DiskChanges, Entry
from lab_runner.submission.hand_in import TERMINALS_LIMIT, HandIn, read_hand_in, write_hand_in
from lab_runner.submission.keys import SigningKey
from lab_runner.submission.terminals import gathered


def cast(folder: Path, name: str, lines: int) -> Path:
    path = folder / name
    events = (json.dumps([at / 10, "o", f"line {at} {'x' * 80}\r\n"]) for at in range(lines))
    path.write_text("\n".join(['{"version": 2, "width": 80, "height": 24}', *events, ""]))
    return path


def test_all_of_them_where_there_is_room(tmp_path: Path) -> None:
    casts = [cast(tmp_path, f"{number}-gw.cast", 5) for number in (1, 2, 10)]
    found = gathered(casts, TERMINALS_LIMIT)
    assert list(found) == ["1-gw.cast", "2-gw.cast", "10-gw.cast"]
    assert found["2-gw.cast"] == casts[1].read_text()


def test_the_oldest_is_cut_and_says_so(tmp_path: Path) -> None:
    casts = [cast(tmp_path, f"{number}-gw.cast", 300) for number in (1, 2, 3)]
    size = len(casts[0].read_text())
    found = gathered(casts, size * 2 - 5000)
    assert list(found) == ["2-gw.cast", "3-gw.cast"]
    assert sum(map(len, found.values())) <= size * 2 - 5000
    first, *rest = frames(found["2-gw.cast"])
    assert "the beginning of this terminal was left out" in first.text
    assert rest[-1].text.startswith("line 299")
    assert found["3-gw.cast"] == casts[2].read_text()


def test_one_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "1-gw.cast").mkdir()
    with pytest.raises(StoreError, match=r"1-gw\.cast cannot be read: Is a directory") as caught:
        gathered([tmp_path / "1-gw.cast"], 1000)
    assert "move it away" in caught.value.hint


def test_too_little_room_for_any(tmp_path: Path) -> None:
    assert gathered([cast(tmp_path, "1-gw.cast", 300)], 1000) == {}


def hand_in(**more: object) -> HandIn:
    facts = {
        "course": "0123456789abcdef",
        "trainee": "ada",
        "assignment": "first",
        "scenario": "no-page-opens",
        "seed": 1,
        "attempt": "a1",
        "submitted": datetime.datetime(2026, 11, 24, tzinfo=datetime.UTC),
        "version": "0",
        "events": [],
        "changes": {"gw": DiskChanges((Entry("etc/x", "file", 0o644, 0, 0, 1.0, b"y"),))},
        "states": {},
    }
    return HandIn.model_validate(facts | more)


def test_terminals_and_changes_come_through_a_file() -> None:
    work = hand_in(terminals={"1-gw.cast": '{"version": 2}\n[0, "o", "\\u001b[31m"]\n'})
    read, _ = read_hand_in(write_hand_in(work, SigningKey.new()))
    assert read == work


@pytest.mark.parametrize(
    "terminals",
    [
        {"a": "x" * (TERMINALS_LIMIT + 1)},
        {"a": "x" * (TERMINALS_LIMIT // 2 + 1), "b": "x" * (TERMINALS_LIMIT // 2 + 1)},
        {str(number): "" for number in range(501)},
        {"x" * 201: ""},
    ],
    ids=["one", "together", "many", "name"],
)
def test_more_than_that_is_no_hand_in(terminals: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        hand_in(terminals=terminals)


def test_what_no_file_can_hold_is_not_written() -> None:
    entry = Entry("etc/x", "file", 0o644, 0, 0, 1.0, b"y" * (1 << 20))
    many = {f"n{number}": DiskChanges((entry,)) for number in range(30)}
    with pytest.raises(HandInError, match=r"larger|more than"):
        write_hand_in(hand_in(changes=many), SigningKey.new())
