"""Each record holds on to the one before it: none can be changed, taken out or put in between.

Who may write the last link may write all of them anew. So a chain says nothing of its
writer; it says that what was signed at its end is what had been told along the way.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Protocol

#: What the first record of an attempt holds on to.
BEGINNING = ""


class Linked(Protocol):
    """A record with its place in a chain."""

    @property
    def attempt(self) -> str:
        """Whose it is."""

    @property
    def written(self) -> str:
        """When it was written, as it was written."""

    @property
    def kind(self) -> str:
        """What happened."""

    @property
    def text(self) -> str:
        """Everything else, as it was written."""

    @property
    def link(self) -> str:
        """What :func:`link` gave."""


def link(before: str, attempt: str, written: str, kind: str, text: str) -> str:
    """The link of a record behind another: SHA-256 (FIPS 180-4) over both, in hexadecimal."""
    told = json.dumps([before, attempt, written, kind, text])
    return hashlib.sha256(told.encode()).hexdigest()


def broken_at(records: Iterable[Linked]) -> int | None:
    """The first record, from 0, that does not hold on to the one before it; None if all do."""
    before = BEGINNING
    for number, record in enumerate(records):
        if record.link != link(before, record.attempt, record.written, record.kind, record.text):
            return number
        before = record.link
    return None
