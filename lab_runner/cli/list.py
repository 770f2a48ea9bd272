"""``lab list``."""

from __future__ import annotations

from typing import Annotated

import typer

from lab_runner.cli.session import JsonOption, catalogue


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
    from lab_runner.cli.screen import out, show_json, table, text

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
    shown = table("scenario", "complaint", "level", "min")
    shown.columns[0].no_wrap = True
    for row in rows:
        about = ", ".join([str(row["lab"]), *(row["topics"] or ())])
        complaint = text(row["title"])
        complaint.append_text(text("\n" + about, "quiet"))
        if row["folder"]:
            complaint.append_text(text(f"\nfrom {row['folder']}", "quiet"))
        shown.add_row(
            text(row["id"], "name"), complaint, text(dots(row["level"])), text(row["minutes"])
        )
    console = out()
    console.print(shown if rows else "Nothing fits.")


def dots(level: object) -> str:
    """A level from 1 to 5 as dots: ``●●○○○``."""
    number = level if isinstance(level, int) else 0
    return "●" * number + "○" * (5 - number)
