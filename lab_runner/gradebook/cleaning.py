"""What a learner's machine wrote, as nothing that anybody obeys: no browser, no player."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from lab_runner.attempts.casts import Frame, frames

#: Sequences that end at a letter, and those that carry a text (ECMA-48 sections 5.4, 5.6).
_SEQUENCES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P_^X].*?(?:\x07|\x1b\\)|[ -/]*[0-~])", re.DOTALL
)
#: C0, DEL and C1 but for tab and newline; halves of characters, which no file can hold.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
#: What reorders or hides text (Unicode TR 9; zero width ones).
_HIDDEN = re.compile(r"[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")

#: Of a text in a table, in characters.
TEXT_LIMIT: Final = 600
_STRING_BEGINS = re.compile(r"\x1b[\]P_^X]|[\x90\x98\x9d-\x9f]")
_STRING_ENDS = re.compile(r"\x07|\x1b\\|[\x18\x1a\x9c]")
#: Questions to the terminal and orders to its window: a player has nobody to answer.
_QUERIES = re.compile(r"\x1b\[[0-?]*[ -/]*[cnqtx]|[\x05\x07]")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*)?$")
#: A sequence before what is taken out: its two halves would come together.
_CUT_SHORT = re.compile(rf"\x1b(?:\[[0-?]*[ -/]*)?(?=[\x1b\x05\x07]|{_HIDDEN.pattern})")
_HELD_LIMIT = 256
_SIZE = re.compile(r"(\d{1,4})x(\d{1,4})")
_WIDTHS, _HEIGHTS = (20, 240), (5, 80)
#: No session lasts longer, in seconds.
_DAY: Final = 86_400.0


def seen(text: str, limit: int = TEXT_LIMIT) -> str:
    """A text as it may be shown: no escapes, and what is hidden or reorders is named.

    Args:
        text: From anywhere.
        limit: The most characters that are shown; the end of a longer text is cut off.
    """
    shown = text[: limit * 4]
    shown = _CONTROLS.sub("", _SEQUENCES.sub("", shown))
    shown = _HIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", shown)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


class Harmless:
    """Takes out of a terminal's output what is no text, colour or movement."""

    def __init__(self) -> None:
        self._held = ""
        self._inside = False

    def feed(self, text: str) -> str:
        """What is left of a piece; a sequence that was begun is held back."""
        text, self._held = _CUT_SHORT.sub("", self._held + text), ""
        pieces: list[str] = []
        at = 0
        while at < len(text):
            found = (_STRING_ENDS if self._inside else _STRING_BEGINS).search(text, at)
            if found is None:
                pieces.append(self._rest(text[at:]))
                break
            if not self._inside:
                # What was begun before a string is over, or it would take up what follows it.
                pieces.append(_UNFINISHED.sub("", text[at : found.start()]))
            at, self._inside = found.end(), not self._inside
        return _HIDDEN.sub("", _QUERIES.sub("", "".join(pieces)))

    def _rest(self, text: str) -> str:
        """The end of a piece, as far as it can be told what it is."""
        if self._inside:
            self._held = "\x1b" if text.endswith("\x1b") else ""
            return ""
        unfinished = _UNFINISHED.search(text)
        if unfinished is None:
            return text
        if len(unfinished[0]) < _HELD_LIMIT:
            self._held = unfinished[0]
        return text[: unfinished.start()]


@dataclass(frozen=True)
class Cast:
    """A recorded terminal that may be played.

    Attributes:
        width: In columns.
        height: In lines.
        seconds: Its length.
        places: Where its marks are, in seconds.
        text: An asciicast of version 2.
    """

    width: int
    height: int
    seconds: float
    places: tuple[float, ...]
    text: str


def played(text: str, marks: Iterable[tuple[float, str]] = ()) -> Cast | None:
    """A cast from anybody, without what a terminal would obey; None where it is none.

    Args:
        text: The cast.
        marks: Places that a player can jump to, in seconds, and what they are called; its own
            are left out.
    """
    try:
        header = json.loads(text.split("\n", 1)[0])
        events = list(_events(text))
    except (ValueError, RecursionError):
        return None
    seconds = events[-1].after if events else 0.0
    placed = [Frame(at, "m", seen(name, 100)) for at, name in marks if at <= seconds]
    # Idle time is cut out by the player: a mark among the events goes along with them.
    events = sorted([*placed, *events], key=lambda one: one.after)
    lines = [json.dumps([round(one.after, 3), one.kind, one.text]) for one in events]
    width = _within(header.get("width"), *_WIDTHS)
    height = _within(header.get("height"), *_HEIGHTS)
    first = json.dumps({"version": 2, "width": width, "height": height})
    return Cast(
        width=width,
        height=height,
        seconds=seconds,
        places=tuple(sorted(one.after for one in placed)),
        text="\n".join([first, *lines]),
    )


def _events(text: str) -> Iterator[Frame]:
    filtered = Harmless()
    at = 0.0
    for frame in frames(text):
        if not at <= frame.after <= _DAY:  # also what is no number
            continue
        output = frame.kind == "o"
        shown = filtered.feed(frame.text) if output else _resized(frame.kind, frame.text)
        at = frame.after
        if shown:
            yield Frame(at, frame.kind, shown)


def _resized(kind: str, text: str) -> str:
    found = _SIZE.fullmatch(text) if kind == "r" else None
    if found is None:
        return ""
    return f"{_within(int(found[1]), *_WIDTHS)}x{_within(int(found[2]), *_HEIGHTS)}"


def _within(value: Any, low: int, high: int) -> int:
    known = isinstance(value, int) and not isinstance(value, bool)
    return min(max(value, low), high) if known else low * 4
