"""Reads what a record tells; nothing in it is believed to be well-formed."""

from __future__ import annotations

import datetime
import json
from typing import Any

from lab_runner.submission.hand_in import Recorded


def payload(event: Recorded) -> dict[str, Any]:
    """What an event tells; empty where that cannot be read."""
    try:
        told = json.loads(event.text)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def moment_of(written: object) -> datetime.datetime | None:
    """A time with its zone, or None."""
    try:
        at = datetime.datetime.fromisoformat(str(written))
        return at.astimezone(datetime.UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def text_of(value: object) -> str:
    """A text; empty where it is none."""
    return str(value)[:4000] if isinstance(value, str | int | float) else ""


def number_of(value: object) -> float | None:
    """A number that a person may have meant, or None."""
    known = isinstance(value, int | float) and abs(value) < 1 << 40
    return float(value) if known else None  # type: ignore[arg-type]


def list_of(value: object) -> list[Any]:
    """A list; empty where it is none."""
    return value if isinstance(value, list) else []


def dict_of(value: object) -> dict[str, Any]:
    """An object; empty where it is none."""
    return value if isinstance(value, dict) else {}
