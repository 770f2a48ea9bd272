"""What a shell says of itself between the lines: where a command begins, and how it ended.

A shell that was asked to puts marks into its output which terminals do not show: operating
system command 133, as FinalTerm defined it and terminals of today read it. They are taken
out again here, so that the terminal of whoever sits there need not know them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Final

_ESCAPE: Final = b"\x1b"
#: A mark: OSC 133 ; letter ; key ; words, ended by BEL or ST (ECMA-48 sections 8.3.89, 8.3.143).
_MARK = re.compile(rb"\x1b\]133;([A-Z]);([0-9a-f]+);([^\x07\x1b]*)(?:\x07|\x1b\\)")
_BEGINNING = b"\x1b]133;"
#: A mark that is longer is none; nor is a beginning that is held back for so long.
_MARK_LIMIT: Final = 8192
#: Bash keeps what it was given for itself: its children see nothing of it.
_HIDE = "export -n PROMPT_COMMAND PS0; unset -f history"
_NUMBER = re.compile(r"\s*\d+\*?\s+")

#: Told of marks: a command begins (its text), and ends (its status).
OnBegin = Callable[[str], None]
OnEnd = Callable[[int], None]


def environment(key: str) -> dict[str, str]:
    """Variables with which bash(1) makes marks that carry ``key``; programs do not see them.

    A mark without the key is somebody else's: of a shell on a machine further on, say.
    """
    # A line of history may hold what would end the mark, or be longer than one may be.
    line = 'l=$(HISTTIMEFORMAT= history 1); l=${l:0:2000}; printf %s "${l//[[:cntrl:]]/ }"'
    told = rf"printf '\e]133;D;{key};%s\a' " + '"$?"'
    return {
        "PS0": rf"\e]133;C;{key};$({line})\a",
        "PROMPT_COMMAND": f"{told}; {_HIDE}",
        # A profile that has a prompt command of its own, which saves the history as that of the
        # kit's machines does, meets this once, before anything is typed.
        "BASH_FUNC_history%%": f"() {{ {_HIDE}; PROMPT_COMMAND=({shlex.quote(told)} "
        '"$PROMPT_COMMAND"); history "$@"; }',
    }


class Marks:
    """Takes marks out of what a shell prints."""

    def __init__(self, key: str, on_begin: OnBegin, on_end: OnEnd) -> None:
        self._key = key.encode()
        self._on_begin, self._on_end = on_begin, on_end
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What of the output is to be shown; the beginning of a mark is held back."""
        text = self._held + data
        shown = _MARK.sub(self._told, text)
        at = _unfinished(shown)
        self._held = shown[at:]
        return shown[:at]

    def rest(self) -> bytes:
        """What was held back and turned out to be no mark."""
        held, self._held = self._held, b""
        return held

    def _told(self, found: re.Match[bytes]) -> bytes:
        letter, key, words = found.groups()
        if key != self._key:
            return b""
        if letter == b"C":
            self._on_begin(_typed(words))
        elif letter == b"D" and words.isdigit():
            self._on_end(int(words))
        return b""


def _unfinished(text: bytes) -> int:
    """Where the beginning of a mark stands at the end of a text; its length if nowhere."""
    at = text.rfind(_ESCAPE)
    if at > 0 and text[at:] == _ESCAPE and (start := text.rfind(_BEGINNING)) >= 0:
        at = start  # the first half of an ST
    if at < 0 or len(text) - at > _MARK_LIMIT:
        return len(text)
    tail = text[at:]
    begun = tail.startswith(_BEGINNING) and b"\x07" not in tail
    return at if begun or _BEGINNING.startswith(tail) else len(text)


def _typed(words: bytes) -> str:
    """A line of history without its number."""
    return _NUMBER.sub("", words.decode("utf-8", "replace"), count=1).strip()
