"""Text and JSON as a program reads them, and text that a terminal does not obey."""

from __future__ import annotations

import json
import re
from typing import Any

import typer

#: C0, DEL, C1 (ECMA-48) but for tab and newline, and what reorders text (Unicode TR 9).
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
#: Whole escape sequences go, not just their first byte: ``[31m`` is no news to a reader.
_SEQUENCES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P^_X].*?(?:\x07|\x1b\\)|[ -/]*[0-~])", re.DOTALL
)


def plain(text: str) -> str:
    """Text from a node or a file without anything that a terminal would obey."""
    return _CONTROLS.sub("", _SEQUENCES.sub("", text))


def show_json(data: Any) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))
