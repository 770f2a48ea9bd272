"""``lab debrief``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lab_runner.cli.session import AttemptOption, JsonOption, attempts

if TYPE_CHECKING:
    from rich.console import Console

    from lab_runner.models.scenario import Scenario


def command(
    spoil: Annotated[
        bool, typer.Option("--spoil", help="Tell it although the network is not repaired.")
    ] = False,
    attempt: AttemptOption = None,
    json: JsonOption = False,
) -> None:
    """What it was, how it shows, why the tempting repair is wrong. Once it is repaired."""
    from lab_runner.cli.plain import show_json

    with attempts() as use:
        which = use.finished(attempt) or use.find(attempt)
        told = use.debrief(which.attempt, which.scenario, which.seed, spoil=spoil)
    if json:
        keys = {"title", "diagnosis", "solutions", "wrong_fixes", "debrief"}
        show_json(told.model_dump(include=keys, exclude_none=True))
    else:
        _show(told)


def _show(told: Scenario) -> None:
    from rich.markdown import Markdown

    from lab_runner.cli.plain import plain
    from lab_runner.cli.screen import WIDEST, out, text

    console, truth = out(), told.diagnosis
    console.print(text(told.title, "bold"))
    console.print(text(f"{truth.node} · {truth.layer} layer · {truth.component}", "quiet"))
    console.print(text(truth.cause))
    console.print()
    console.print(Markdown(plain(told.debrief)), width=min(console.width, WIDEST))
    console.print()
    _titles(console, "Sound repairs", ("✓", "passed"), [fix.title for fix in told.solutions])
    console.print()
    wrong = [fix.title for fix in told.wrong_fixes]
    _titles(console, "Tempting, and wrong", ("✗", "failed"), wrong)


def _titles(console: Console, heading: str, mark: tuple[str, str], titles: list[str]) -> None:
    from lab_runner.cli.screen import table, text

    shown = table("", "")
    shown.show_header = False
    for title in titles:
        shown.add_row(text(*mark), text(title))
    console.print(text(heading, "bold"))
    console.print(shown)
