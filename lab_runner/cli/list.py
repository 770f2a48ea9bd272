"""``lab list``."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab_runner.cli.session import JsonOption, catalogue

if TYPE_CHECKING:
    from rich.table import Table


def command(
    topic: Annotated[str | None, typer.Option(help="Only those about this: dns, nat…")] = None,
    level: Annotated[int | None, typer.Option(min=1, max=5, help="Only this level.")] = None,
    lab: Annotated[str | None, typer.Option(help="Only those in this network.")] = None,
    json: JsonOption = False,
) -> None:
    """All scenarios: what is complained about, how hard, how long.

    `lab --labs DIR --scenarios DIR list` adds folders of your own, as BREAKFIX_LABS and
    BREAKFIX_SCENARIOS do; what comes from there says so.
    """
    from lab_runner.cli.plain import show_json
    from lab_runner.cli.screen import out

    rows = [
        row
        for row in (source.summary() for source in catalogue().scenarios())
        if (topic is None or topic in {*(row["topics"] or ()), row["area"]})
        and (level is None or row["level"] == level)
        and (lab is None or row["lab"] == lab)
    ]
    if json:
        show_json(rows)
        return
    out().print(_table(rows) if rows else "Nothing fits.")


def _table(rows: list[dict[str, Any]]) -> Table:
    """The scenarios by area; what they are about is told where it is asked for."""
    from lab_runner.cli.screen import table, text

    shown = table("scenario", "complaint", "level", "min")
    shown.columns[0].no_wrap = True
    labs = {row["lab"] for row in rows}
    for area, those in groupby(rows, key=lambda row: row["area"]):
        shown.add_section()
        shown.add_row(text(area, "bold"))
        for row in those:
            complaint = text(row["title"])
            if len(labs) > 1:
                complaint.append_text(text(f"\non {row['lab']}", "quiet"))
            if row["folder"]:
                complaint.append_text(text(f"\nfrom {row['folder']}", "quiet"))
            level, minutes = text(dots(row["level"])), text(row["minutes"])
            shown.add_row(text(row["id"], "name"), complaint, level, minutes)
    return shown


def dots(level: object) -> str:
    """A level from 1 to 5 as dots: ``●●○○○``."""
    number = level if isinstance(level, int) else 0
    return "●" * number + "○" * (5 - number)
