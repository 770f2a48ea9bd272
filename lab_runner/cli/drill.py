"""``lab drill``."""

from __future__ import annotations

import random
from typing import Annotated

import typer

from lab_runner.cli.session import JsonOption, attempts


def command(
    area: Annotated[
        str | None, typer.Option(help="Only of this area or topic: dns, nat, ssh …")
    ] = None,
    level: Annotated[int | None, typer.Option(min=1, max=5, help="Only of this level.")] = None,
    exclude_solved: Annotated[
        bool, typer.Option("--exclude-solved", help="Nothing that was solved before.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Start the case that you need most, and learn which it was when it is solved.

    What was not solved comes before what was never tried, and that before what took hints.
    The seed is a fresh one each time.
    """
    from lab_runner.attempts.drilling import needs, pick_next
    from lab_runner.attempts.history import records
    from lab_runner.cli.progress import shown
    from lab_runner.cli.start import show_started

    with attempts() as use, shown("starting a drill") as progress:
        past = records(use.store.events()).values()
        fitting = [
            source
            for source in use.catalogue.scenarios()
            if area in (None, source.area, *(source.document.data.get("topics") or ()))
            and level in (None, source.document.data.get("level"))
        ]
        chosen = pick_next(
            fitting, needs(past), exclude_solved=exclude_solved, chance=random.SystemRandom()
        )
        started = use.start(chosen.id, None, progress, drill=True)
    show_started(started, json=json)
