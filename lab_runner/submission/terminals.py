"""The recorded terminals that go into a hand-in: the newest whole, and what is too much cut."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from lab_runner.errors import StoreError
from lab_runner.submission.hand_in import TERMINALS

_CUT = "[the beginning of this terminal was left out: the hand-in would be too large]\r\n"
#: Less of a terminal than this says nothing.
_WORTH = 4096


def gathered(casts: Iterable[Path], limit: int) -> dict[str, str]:
    """The terminals' text by name, in their order.

    Args:
        casts: Oldest first.
        limit: Of all together, in characters; what is older is cut for it.

    Raises:
        StoreError: One cannot be read.
    """
    newest_first = list(reversed(list(casts)))[:TERMINALS]
    found: dict[str, str] = {}
    for path in newest_first:
        text = _shortened(_text(path), limit)
        if text:
            found[path.name] = text
            limit -= len(text)
    return dict(reversed(found.items()))


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError as exc:
        raise StoreError(
            f"The recorded terminal {path} cannot be read: {exc.strerror}.",
            hint="See that it is yours, or move it away: it is handed in without it then.",
        ) from exc


def _shortened(text: str, limit: int) -> str:
    """A cast's header and its end; empty where not even that is worth it."""
    if len(text) <= limit:
        return text
    header, _, rest = text.partition("\n")
    note = json.dumps([0.0, "o", _CUT])
    room = limit - len(header) - len(note) - 2
    if room < _WORTH:
        return ""
    _, _, whole = rest[-room:].partition("\n")  # from the first line that is whole
    return f"{header}\n{note}\n{whole}"
