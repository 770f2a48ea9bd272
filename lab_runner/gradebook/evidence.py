"""The check that decided, and what it saw on the wire, as small tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from lab_runner.models.results import CheckResult, Report, Role, Status

#: Of one table, in rows; of what lies inside of what.
_ROWS_LIMIT, _DEPTH_LIMIT = 40, 4
_FEW_COLUMNS: Final = 8
#: What says nothing to a reader.
_DULL = {"version", "probe", "final", "question_ms"}
#: What a reader calls it.
_NAMES = {"summaries": "packets", "during": "asked meanwhile", "evidence": ""}


@dataclass(frozen=True)
class Block:
    """A table with its name; without headings, one of names and values."""

    name: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def decisive(report: Report | None) -> CheckResult | None:
    """The first symptom that was still red, else the first red check, else the first symptom."""
    rows = report.checks if report else []
    ranks = (
        (row for row in rows if row.role is Role.SYMPTOM and row.status is Status.FAILED),
        (row for row in rows if row.status is Status.FAILED),
        (row for row in rows if row.status is Status.ERROR),
        (row for row in rows if row.role is Role.SYMPTOM and row.evidence),
        (row for row in rows if row.evidence),
    )
    return next((row for rank in ranks for row in rank), None)


def blocks(evidence: dict[str, Any] | None) -> list[Block]:
    """What a probe saw: names and values first, then lists and what lies inside."""
    return list(_blocks("", evidence or {}, 0))


def _blocks(name: str, told: dict[str, Any], depth: int) -> Iterator[Block]:
    plain = [(_words(key), _text(value)) for key, value in told.items() if _is_plain(key, value)]
    if plain:
        yield Block(name, (), tuple(plain[:_ROWS_LIMIT]))
    if depth >= _DEPTH_LIMIT:
        return
    for key, value in told.items():
        if key in _DULL:
            continue
        if isinstance(value, dict) and value:
            yield from _blocks(_joined(name, key), value, depth + 1)
        elif isinstance(value, list) and value and not _is_plain(key, value):
            yield _table(_joined(name, key), value)


def _table(name: str, rows: list[Any]) -> Block:
    """A list: of objects with a column for each key, of lines with one."""
    objects = [row for row in rows if isinstance(row, dict)]
    if len(objects) < len(rows):
        lines = tuple((_text(row),) for row in rows[:_ROWS_LIMIT])
        return Block(name, ("",), lines)
    keys = list(dict.fromkeys(key for row in objects for key, value in row.items() if _said(value)))
    keys = keys[:_FEW_COLUMNS]
    cells = tuple(tuple(_text(row.get(key)) for key in keys) for row in objects[:_ROWS_LIMIT])
    return Block(name, tuple(map(_words, keys)), cells)


def _said(value: object) -> bool:
    return value not in (None, [], {}, "")


def _is_plain(key: str, value: object) -> bool:
    """Is it told in one line? Packets are lines of their own."""
    if key in _DULL or not _said(value):
        return False
    if isinstance(value, list):
        short = all(isinstance(one, int | float | str) for one in value)
        return short and key != "summaries" and len(", ".join(map(str, value))) < 80
    return not isinstance(value, dict)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    if isinstance(value, list):
        return ", ".join(map(_text, value[:_ROWS_LIMIT]))
    if isinstance(value, dict):
        told = [f"{_words(key)} {_text(one)}" for key, one in value.items() if _said(one)]
        return ", ".join(told[:_ROWS_LIMIT])
    return str(value)[:2000]


def _words(key: str) -> str:
    if key in _NAMES:
        return _NAMES[key]
    return key.removesuffix("_ms").replace("_", " ") + (" (ms)" if key.endswith("_ms") else "")


def _joined(name: str, key: str) -> str:
    return ": ".join(filter(None, (name, _words(key))))
