"""What a learner's terminal showed, made harmless, however it is cut into pieces."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_runner.gradebook.cleaning import Harmless, played, seen

#: What no player is to be given: strings, questions, hidden letters, a bell.
FORBIDDEN = re.compile(
    r"\x1b[\]P_^X]|\x1b\[[0-?]*[ -/]*[cnqtx]|[\x05\x07\x90\x98\x9d-\x9f\u202a-\u202e\u2066-\u2069]"
)
PIECES = st.lists(
    st.sampled_from(
        [
            *("\x1b", "]", "[", "P", "\\", "\x07", "\x9c", "\x9d", "\x90", "52;c;", "0;t"),
            *("c", "n", "6", "t", "m", "31", "?", ">", " ", "q", "\u202e", "\u200b", "a", "\x05"),
            *("\x1b]0;t\x07", "\x1b[31m", "\x1bP", "\x1b\\", "\x18"),
        ]
    ),
    max_size=30,
)


@given(PIECES)
def test_nothing_is_put_together_again(pieces: list[str]) -> None:
    filtered = Harmless()
    shown = "".join(filtered.feed(piece) for piece in pieces)
    assert not FORBIDDEN.search(shown)
    assert not FORBIDDEN.search(Harmless().feed("".join(pieces)))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("plain\r\n", "plain\r\n"),
        ("\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m"),
        ("\x1b[2J\x1b[10;5H", "\x1b[2J\x1b[10;5H"),
        ("a\x1b]52;c;b3duZWQ=\x07b", "ab"),
        ("a\x1b]0;title\x1b\\b", "ab"),
        ("a\x1bPq#0\x1b\\b", "ab"),
        ("a\x1b[6nb\x1b[>cc", "abc"),
        ("\x1b\x1b]0;t\x07]52;c;x\x07", "]52;c;x"),
        ("abc\u202edef", "abcdef"),
    ],
)
def test_colours_and_movement_stay(text: str, left: str) -> None:
    assert Harmless().feed(text) == left
    filtered = Harmless()
    assert "".join(map(filtered.feed, text)) == left


def test_many_strings_take_no_longer_than_few() -> None:
    assert Harmless().feed("\x1b]\x1bX\x07" * 50_000) == ""
    assert Harmless().feed("\x1b]" * 50_000) == ""


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"version": 3}', "x", "[" * 100_000, '{"version": 2', "\x00"],
)
def test_what_is_no_cast_is_not_played(text: str) -> None:
    assert played(text) is None


def test_a_cast_keeps_its_bounds() -> None:
    header = {"version": 2, "width": 10**9, "height": -4, "timestamp": "soon"}
    rows = [
        [0.5, "o", "one"],
        [0.2, "o", "from the past"],
        [1, "r", "9999x1"],
        [1.5, "r", "a lot"],
        [2, "i", "secret"],
        [2, "m", "their own mark"],
        [float("nan"), "o", "never"],
        [10**12, "o", "in an age"],
    ]
    cast = played("\n".join(map(json.dumps, [header, *rows])), [(0.7, "ls \x1b[31m"), (99, "late")])
    assert cast is not None
    assert (cast.width, cast.height, cast.places) == (240, 5, (0.7,))
    first, *lines = cast.text.split("\n")
    assert json.loads(first) == {"version": 2, "width": 240, "height": 5}
    assert [json.loads(line) for line in lines] == [
        [0.5, "o", "one"],
        [0.7, "m", "ls "],
        [1.0, "r", "240x5"],
    ]


@given(st.text())
def test_anything_may_be_a_cast(text: str) -> None:
    header = json.dumps({"version": 2, "width": 80, "height": 24})
    cast = played(f"{header}\n{json.dumps([0.1, 'o', text])}\n{text}")
    assert cast is not None
    assert not FORBIDDEN.search("".join(json.loads(line)[2] for line in cast.text.split("\n")[1:]))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[31mred\x1b]0;t\x07", "red"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("\ud800", ""),
        ("x" * 10, "x" * 5 + "…"),
    ],
)
def test_texts_are_shown_as_they_are_read(text: str, shown: str) -> None:
    assert seen(text, 6 if text.startswith("x") else 100) == shown
