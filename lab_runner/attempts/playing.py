"""A recorded terminal, fit to be shown on another: nothing in it that does more than draw.

What a machine printed is somebody else's. Told to a terminal once more it must not set its
title or clipboard, ask it questions whose answers are typed, or leave it in a strange mode.
So nothing is forbidden here: what draws is let through, everything else is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from lab_runner.attempts.casts import Frame

#: Nobody waits longer than this, in seconds, for what comes next.
IDLE_S: Final = 2.0
#: A sequence that is longer is none.
_LONGEST: Final = 4096
#: Escape sequences (ECMA-48 section 5.4) and control strings (section 5.6), which another one,
#: CAN or SUB breaks off.
_SEQUENCE = re.compile(
    r"\x1b\[(?P<words>[0-?]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    r"|\x1b[\]P^_X][^\x07\x18\x1a\x1b\x9c]*(?:[\x07\x18\x1a\x9c]|\x1b\\|(?=\x1b[^\\]))"
    r"|\x1b(?P<plain>[ -/]*[0-OQ-WYZ\\`-~])"
)
_BEGUN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*\Z|[ -/]*\Z|[\]P^_X])")
_STRING_ENDS = re.compile(r"[\x07\x18\x1a\x9c]|\x1b\\|(?=\x1b[^\\])")
#: Cursor, erasing, inserting, deleting, scrolling, colours, margins (ECMA-48 section 8.3).
_DRAWING: Final = frozenset("ABCDEFGHJKLMPSTX@`adefmr")
_NUMBERS = re.compile(r"[0-9;:]{0,64}\Z")
#: What no number is needed for that is longer: 10^4 columns are wider than any screen.
_HUGE = re.compile(r"\d{5}")
#: Modes that draw: wrapping at the margin, a visible cursor, the alternate screen.
_MODES = re.compile(r"\?(?:7|12|25|47|1047|1049)(?:;(?:7|12|25|47|1047|1049))*\Z")
#: Save and restore the cursor, next line, index, reverse index; the sets of line drawing.
_PLAIN: Final = frozenset({"7", "8", "D", "E", "M", "(0", "(B", ")0", ")B"})
#: C0 but what moves the cursor or picks a set; DEL; C1; what reorders text (Unicode TR 9).
_CONTROLS = re.compile(
    r"[\x00-\x07\x0b\x0c\x10-\x1a\x1c-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_ALTERNATE = re.compile(r"\?(?:[0-9;]*;)?(?:47|1047|1049)(?:;|\Z)")
#: Attributes, sets, margins and modes as they were; the cursor, which goes home with the margins,
#: stays where it is.
_RESTORED: Final = "\x1b[0m\x1b(B\x0f\x1b7\x1b[r\x1b8\x1b[?7h\x1b[?25h"


class Harmless:
    """Takes out of what was shown whatever does more than draw, also where it is cut in pieces."""

    def __init__(self) -> None:
        self._held = ""
        self._in_string = False
        self._alternate = False

    @property
    def undone(self) -> str:
        """What makes a terminal as it was before."""
        # Left where nothing was entered, the alternate screen would move the cursor.
        return ("\x1b[?1049l" if self._alternate else "") + _RESTORED

    def feed(self, text: str) -> str:
        """What of it may be shown; the beginning of a sequence is held back."""
        text, self._held = self._held + text, ""
        if self._in_string:
            text = self._after_string(text)
        shown, at = [], 0
        while (escape := text.find("\x1b", at)) >= 0:
            shown.append(_quiet(text[at:escape]))
            found = _SEQUENCE.match(text, escape)
            if found is None and _BEGUN.match(text, escape):
                self._hold(text[escape:])
                return "".join(shown)
            shown.append(self._let_through(found) if found else "")
            at = found.end() if found else escape + 1
        return "".join([*shown, _quiet(text[at:])])

    def _let_through(self, found: re.Match[str]) -> str:
        if not _draws(found):
            return ""
        if found["final"] in {"h", "l"} and _ALTERNATE.match(found["words"]):
            self._alternate = found["final"] == "h"
        return found.group()

    def _hold(self, begun: str) -> None:
        """Keep what is not whole yet, unless it is too long to be anything; then its end is due."""
        self._in_string = len(begun) > _LONGEST
        self._held = begun if not self._in_string else "\x1b" if begun[-1] == "\x1b" else ""

    def _after_string(self, text: str) -> str:
        end = _STRING_ENDS.search(text)
        self._in_string = end is None
        if end is None:
            self._held = "\x1b" if text.endswith("\x1b") else ""
        return text[end.end() :] if end else ""


def _quiet(text: str) -> str:
    return _CONTROLS.sub("", text)


def _draws(found: re.Match[str]) -> bool:
    words, final = found["words"], found["final"]
    if final is None:
        return found["plain"] in _PLAIN
    if found["between"] or _HUGE.search(words):
        return False
    if final in "hl":
        return bool(_MODES.match(words))
    # 3J would empty what was shown before the replay as well.
    return final in _DRAWING and bool(_NUMBERS.match(words)) and (words, final) != ("3", "J")


def timed(frames: Iterable[Frame], speed: float, harmless: Harmless) -> Iterator[tuple[float, str]]:
    """What to show, and how many seconds to wait before it; nobody waits long for nothing."""
    before = 0.0
    for frame in frames:
        if frame.kind == "o":
            wait = min(max(frame.after - before, 0.0), IDLE_S) / speed
            before = frame.after
            yield wait, harmless.feed(frame.text)
