"""A recorded terminal, fit for another: what draws stays, whatever does more goes."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_runner.attempts.casts import Frame
from lab_runner.attempts.playing import Harmless, timed

DRAWN = [
    "plain\r\näöü 漢字\ttab\b",
    "\x1b[1;31mred\x1b[0m \x1b[38;2;1;2;3mtrue\x1b[38:5:9m",
    "\x1b[2J\x1b[H\x1b[10;20Hx\x1b[K\x1b[3A\x1b[2;20r",
    "\x1b[?1049h\x1b[?25l\x1b[?7l",
    "\x1b7\x1b8\x1bM\x1b(0lqk\x1b(B\x0e\x0f",
]
ATTACKS = {
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "clipboard with ST": "\x1b]52;c;ZXZpbA==\x1b\\",
    "title": "\x1b]0;evil\x07",
    "link": "\x1b]8;;http://evil.example\x1b\\",
    "answerback": "\x05",
    "device attributes": "\x1b[c\x1b[>c\x1b[0c\x1bZ",
    "status report": "\x1b[6n\x1b[?6n",
    "window": "\x1b[21t\x1b[8;1000;1000t\x1b[14t",
    "device control": '\x1bP$q"p\x1b\\',
    "definition of keys": "\x1bP1;1|17/6576696c\x1b\\",
    "application command": "\x1b_Gf=24;AAAA\x1b\\",
    "privacy message": "\x1b^evil\x1b\\",
    "reset": "\x1bc",
    "keyboard locked": "\x1b[2h",
    "mouse": "\x1b[?1000h\x1b[?1006h",
    "paste mode": "\x1b[?2004h",
    "keypad": "\x1b=\x1b[?1h",
    "modified keys": "\x1b[>4;2m",
    "printer": "\x1b[5i",
    "scrollback": "\x1b[3J",
    "repeated": "\x1b[99999999b",
    "huge": "\x1b[99999999@",
    "eight bits": "\x9b6n\x9d0;evil\x9c\x90q\x9c",
    "right to left": "\u202e\u2066",
    "bell": "\x07",
    "a control within": "\x1b[\r6n",
    "one within another": "\x1b]0;\x1b]52;c;AAAA\x07",
}
#: All that may come through with an escape in it.
ALLOWED = re.compile(
    r"\x1b(?:[78DEM]|[()][0B]|\[[0-9;:]*[ABCDEFGHJKLMPSTX@`adefmr]|\[\?[0-9;]+[hl])"
)


@pytest.mark.parametrize("text", DRAWN)
def test_what_draws_is_shown(text: str) -> None:
    assert Harmless().feed(text) == text


@pytest.mark.parametrize("name", ATTACKS)
def test_what_does_more_is_not(name: str) -> None:
    shown = Harmless().feed(f"a{ATTACKS[name]}b")
    # Without what makes it a sequence, a few letters of it may be left, which do nothing.
    assert shown in {"ab", "a[\r6nb", "a6n0;evilqb"}


@pytest.mark.parametrize("name", ATTACKS)
def test_nor_when_it_comes_in_pieces(name: str) -> None:
    harmless = Harmless()
    shown = "".join(harmless.feed(sign) for sign in f"a{ATTACKS[name]}b")
    assert shown == Harmless().feed(f"a{ATTACKS[name]}b")


PIECES = st.lists(
    st.sampled_from(
        [
            "\x1b",
            "[",
            "]",
            "P",
            "52;c;",
            "6n",
            "\x07",
            "\\",
            "\x9c",
            "?1049h",
            "31m",
            "x",
            "\r",
            "(0",
        ]
    ),
    max_size=30,
)


@given(PIECES)
def test_nothing_else_comes_through(pieces: list[str]) -> None:
    harmless = Harmless()
    shown = "".join(map(harmless.feed, pieces))
    assert "\x1b" not in ALLOWED.sub("", shown)
    assert not re.search(r"[\x05\x07\x7f-\x9f]", shown)


@given(PIECES, st.lists(st.integers(0, 60)))
def test_however_it_is_cut_the_same_is_shown(pieces: list[str], cuts: list[int]) -> None:
    text = "".join(pieces)
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    cut = Harmless()
    assert "".join(cut.feed(text[a:b]) for a, b in pairwise(edges)) == Harmless().feed(text)


def test_an_endless_string_is_not_kept_and_not_shown() -> None:
    harmless = Harmless()
    assert harmless.feed("a\x1b]52;c;" + "Q" * 10_000) == "a"
    assert harmless.feed("Q" * 10_000) == ""
    assert harmless.feed("\x07b") == "b"


def test_nobody_waits_long() -> None:
    frames = [Frame(1.0, "o", "a"), Frame(1.5, "r", "1x1"), Frame(100.0, "o", "b")]
    assert list(timed(frames, 2.0, Harmless())) == [(0.5, "a"), (1.0, "b")]
    assert [wait for wait, _ in timed([Frame(5, "o", "a"), Frame(1, "o", "b")], 1, Harmless())] == [
        2.0,
        0.0,
    ]


def test_only_who_entered_the_alternate_screen_leaves_it() -> None:
    harmless = Harmless()
    assert "1049" not in harmless.undone
    harmless.feed("\x1b[?25;1049h")
    assert harmless.undone.startswith("\x1b[?1049l")
    harmless.feed("\x1b[?1049l")
    assert "1049" not in harmless.undone
