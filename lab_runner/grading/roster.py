"""Who takes part in a course: a CSV file, as any school or office can write one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab_runner.errors import DefinitionError
from lab_runner.submission.invitation import PERSON

#: What the columns are called that the kit needs; case and blanks do not matter.
_ID, _NAME = "id", "name"
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Person:
    """One row.

    Attributes:
        id: The column ``id``.
        name: The column ``name``; the id where there is none.
        columns: All columns, as they are, for whoever reads the gradebook.
    """

    id: str
    name: str
    columns: Mapping[str, str]


def read_roster(path: Path) -> list[Person]:
    """The people in a file.

    Raises:
        DefinitionError: It cannot be read, has no column ``id``, or an id twice; with the line.
    """
    try:
        # Spreadsheets begin with a byte order mark; older ones write Windows' characters.
        text = _decoded(path.read_bytes())
    except OSError as exc:
        raise DefinitionError(f"cannot be read: {exc.strerror}", path=str(path)) from exc
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        people = [_person(row, path, rows.line_num) for row in rows if any(row.values())]
    except csv.Error as exc:
        raise DefinitionError(f"not CSV: {exc}", path=str(path), line=rows.line_num) from exc
    seen: set[str] = set()
    for number, person in enumerate(people, 2):
        if person.id.casefold() in seen:
            raise DefinitionError(f"{person.id!r} is there twice", path=str(path), line=number)
        seen.add(person.id.casefold())
    if not people:
        raise DefinitionError(
            "nobody is in it",
            path=str(path),
            hint="A first line `id,name`, then one person a line.",
        )
    return people


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _delimiter(text: str) -> str:
    """Of the first line's candidates the one that is there most often."""
    first = text.split("\n", 1)[0]
    return max(_DELIMITERS, key=first.count)


def _person(row: Mapping[str | None, str | None], path: Path, line: int) -> Person:
    columns = {key.strip(): (value or "").strip() for key, value in row.items() if key}
    plain = {key.casefold(): value for key, value in columns.items()}
    if _ID not in plain:
        raise DefinitionError(
            f"no column is called {_ID!r}; there are: {', '.join(columns) or 'none'}",
            path=str(path),
            line=1,
        )
    if None in row:
        raise DefinitionError("more fields than the first line has", path=str(path), line=line)
    if not re.match(PERSON, plain[_ID]):
        raise DefinitionError(
            f"{plain[_ID]!r} is no id (letters, digits, and . @ + - _ behind the first)",
            path=str(path),
            line=line,
        )
    return Person(plain[_ID], plain.get(_NAME) or plain[_ID], columns)
