"""``lab gradebook``: how a class stands, on the terminal, as CSV, as a report for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab_runner.cli.course import CourseArgument, opened
from lab_runner.cli.session import JsonOption, catalogue

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from lab_runner.gradebook.book import Gradebook, Row
    from lab_runner.gradebook.difficulty import Difficulty
    from lab_runner.gradebook.entries import Entry
    from lab_runner.grading.course import CourseFolder

#: What is kept in a course's folder, as it stood when somebody last graded.
CSV, HTML = "gradebook.csv", "gradebook.html"

CsvOption = Annotated[
    Path | None,
    typer.Option("--csv", metavar="FILE", help="For a spreadsheet: the roster's columns first."),
]
HtmlOption = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="A report for a browser, in one file, offline."),
]


def command(
    folder: CourseArgument = Path(),
    csv: CsvOption = None,
    html: HtmlOption = None,
    json: JsonOption = False,
) -> None:
    """How everybody stands, and what the class found hard; nothing is replayed for it.

    `lab grade` keeps the spreadsheet and the report in the course's folder.
    """
    from lab_runner.cli.plain import show_json
    from lab_runner.gradebook import page, spreadsheet

    book = book_of(opened(folder))
    for path, write in ((csv, spreadsheet.write), (html, page.write)):
        if path is not None:
            write(book, path)
    if json:
        show_json(as_json(book))
    else:
        show(book)


def book_of(course: CourseFolder) -> Gradebook:
    """The gradebook of a course as it stands."""
    from lab_runner.gradebook.book import of
    from lab_runner.grading.ledger import Ledger

    return of(course, Ledger(course.path), catalogue())


def keep(course: CourseFolder) -> list[Path]:
    """Write the spreadsheet and the report into the course's folder, and say which files."""
    from lab_runner.gradebook import page, spreadsheet

    book = book_of(course)
    paths = [course.path / CSV, course.path / HTML]
    spreadsheet.write(book, paths[0])
    page.write(book, paths[1])
    return paths


def show(book: Gradebook) -> None:
    """The class, what it found hard, and what is to be looked at."""
    from lab_runner.cli.screen import out, text

    console = out()
    console.print(text(book.course.title, "bold"))
    _show_class(console, book)
    if any(one.handed_in for one in book.difficulty):
        console.print()
        _show_difficulty(console, book.difficulty)
    for one in book.refused:
        told = (text(f"{one.file}:", "name"), text("refused", "failed"), text(one.problem))
        console.print(*told)


def as_json(book: Gradebook) -> dict[str, Any]:
    """The same for a program."""
    return {
        "title": book.course.title,
        "passing": book.passing,
        "mean": book.mean,
        "median": book.median,
        "trainees": [
            {
                "id": row.person.id,
                "columns": dict(row.person.columns),
                "total": row.total,
                "passed": row.passed,
                "not_graded": row.waiting,
                "assignments": {entry.case.id: _entry_json(entry) for entry in row.entries},
            }
            for row in book.rows
        ],
        "assignments": {one.case.id: _difficulty_json(one) for one in book.difficulty},
        "refused": [{"file": one.file, "problem": one.problem} for one in book.refused],
    }


def _entry_json(entry: Entry) -> dict[str, Any]:
    mark = entry.mark
    return {
        "points": entry.points,
        "standing": mark.standing.value if mark else "not handed in",
        "solved": entry.solved,
        "hand_ins": len(entry.history),
        "minutes": entry.facts.minutes if entry.facts else None,
        "hints": entry.facts.hints if entry.facts else None,
        "flags": [flag.model_dump() for flag in mark.flags] if mark else [],
    }


def _difficulty_json(one: Difficulty) -> dict[str, Any]:
    return {
        "handed_in": one.handed_in,
        "graded": one.graded,
        "solved": one.solved,
        "median_minutes": one.median_minutes,
        "mean": one.mean,
        "hints": one.hints,
        "correlation": one.correlation,
        "upper_lower": one.upper_lower,
        "red": {row.id: row.count for row in one.red},
        "wrong_fixes": {met.title: list(met.trainees) for met in one.wrong_fixes},
    }


def _show_class(console: Console, book: Gradebook) -> None:
    from lab_runner.cli.screen import table, text

    shown = table("trainee", "name", *(one.title for one in book.difficulty), "total", "")
    for row in book.rows:
        cells = [_cell(entry) for entry in row.entries]
        shown.add_row(text(row.person.id, "name"), text(row.person.name), *cells, *_total(row))
    console.print(shown)
    if book.mean is not None:
        told = f"mean {book.mean:.1f}, median {book.median:.1f}, passed from {book.passing:g}"
        console.print(text(told, "quiet"))
    signs = (
        "✓ every check green   ⚑ to look at   * given by a person   ~ without what is not graded"
    )
    console.print(text(signs, "quiet"))


def _cell(entry: Entry) -> Text:
    from lab_runner.cli.screen import text

    mark = entry.mark
    if mark is None:
        return text("·", "quiet")
    if entry.points is None:
        return text(mark.standing.value, "error")
    shown = text(f"{entry.points:g}{'*' if mark.overrides else ''}")
    shown.append(" ✓" if entry.solved else "", style="passed")
    shown.append(" ⚑" if mark.flags else "", style="failed")
    return shown


def _total(row: Row) -> tuple[Text, Text]:
    from lab_runner.cli.screen import text

    total = "·" if row.total is None else f"{row.total:g}{'~' if row.waiting else ''}"
    passed = {True: ("passed", "passed"), False: ("not passed", "failed"), None: ("", "")}
    return text(total, "bold"), text(*passed[row.passed])


def _show_difficulty(console: Console, rows: tuple[Difficulty, ...]) -> None:
    from lab_runner.cli.screen import table, text

    shown = table("assignment", "solved", "median time", "hints", "tells apart", "red most often")
    for one in rows:
        minutes = "·" if one.median_minutes is None else f"{one.median_minutes:.0f} min"
        apart = "·" if one.correlation is None else f"{one.correlation:+.2f}"
        red = f"{one.red[0].title} ({one.red[0].count})" if one.red else ""
        solved = f"{one.solved} of {one.graded}"
        cells = (text(cell) for cell in (solved, minutes, one.hints, apart, red))
        shown.add_row(text(one.title, "name"), *cells)
    console.print(shown)
