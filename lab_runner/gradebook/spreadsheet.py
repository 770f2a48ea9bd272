"""The gradebook as CSV: one row a trainee, the roster's columns first."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from lab_runner.gradebook.book import Gradebook, Row
from lab_runner.gradebook.cleaning import seen
from lab_runner.gradebook.entries import Entry
from lab_runner.grading.marks import Standing
from lab_runner.writing import write_whole

#: What a spreadsheet takes for the beginning of a formula, also behind blanks; the last four
#: are the wide forms of = + - @, which some programs read alike.
_FORMULA = re.compile(r"\s*[=+\-@\t\r|%\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
_OF_EACH = ("points", "standing", "replay", "minutes", "hints", "flags", "problem", "comment")


def write(book: Gradebook, path: Path) -> None:
    """Write the file, with a byte order mark: without it some programs take it for Windows' own.

    Raises:
        NoRoom: The disk is full.
        UsageError: It cannot be written for another reason.
    """
    write_whole(path, as_csv(book).encode("utf-8-sig"))


def as_csv(book: Gradebook) -> str:
    """All of it, as RFC 4180 has it."""
    text = io.StringIO()
    rows = csv.writer(text)
    ids = [case.id for case in book.course.assignments]
    each = [f"{name} {word}" for name in ids for word in _OF_EACH]
    headings = [*book.columns, "course total", "passed", "not graded", *each]
    rows.writerow([_cell(one) for one in headings])
    for row in book.rows:
        rows.writerow([_cell(one) for one in _fields(row, book.columns)])
    return text.getvalue()


def _fields(row: Row, columns: tuple[str, ...]) -> Iterator[object]:
    yield from (row.person.columns.get(name, "") for name in columns)
    yield row.total
    yield {True: "yes", False: "no", None: ""}[row.passed]
    yield row.waiting
    for entry in row.entries:
        yield from _of_entry(entry)


def _of_entry(entry: Entry) -> Iterator[object]:
    mark = entry.mark
    if mark is None:
        yield from ("", "not handed in", *[""] * (len(_OF_EACH) - 2))
        return
    yield mark.points
    yield mark.standing.value
    yield "" if mark.standing is not Standing.GRADED else "green" if entry.solved else "red"
    yield round(entry.facts.minutes, 1) if entry.facts and entry.facts.minutes else ""
    yield entry.facts.hints if entry.facts else ""
    yield "; ".join(f"{flag.kind}: {flag.text}" for flag in mark.flags)
    yield mark.problem
    yield mark.overrides[-1].comment if mark.overrides else ""


def _cell(value: object) -> str:
    """A field that no spreadsheet carries out: an apostrophe in front makes it a text."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return f"{value:g}"
    text = seen(str(value), 5000)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
