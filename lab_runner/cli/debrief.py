"""``lab debrief``."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from lab_runner.cli.coursework import YesOption
from lab_runner.cli.session import AttemptOption, JsonOption, attempts
from lab_runner.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from lab_runner.attempts.attempt import Attempts
    from lab_runner.models.scenario import Scenario


def command(
    spoil: Annotated[
        bool, typer.Option("--spoil", help="Tell it although the network is not repaired.")
    ] = False,
    yes: YesOption = False,
    attempt: AttemptOption = None,
    json: JsonOption = False,
) -> None:
    """What it was, how it shows, why the tempting repair is wrong. Once it is repaired.

    In a course it is kept back until the course closes.
    """
    from lab_runner.cli.plain import show_json

    with attempts() as use:
        which = use.finished(attempt) or use.find(attempt)
        early = _is_early(use, which.attempt)
        if early:
            _require_yes(spoil=spoil, yes=yes)
        told = use.debrief(which.attempt, which.scenario, which.seed, spoil=spoil, keep=early)
    if json:
        keys = {"title", "diagnosis", "solutions", "wrong_fixes", "debrief"}
        show_json(told.model_dump(include=keys, exclude_none=True))
    else:
        _show(told)


def _is_early(use: Attempts, attempt: str) -> bool:
    """Is it of a course that goes on?"""
    from lab_runner.submission.rules import is_kept_back

    record = use.record(attempt)
    now = datetime.datetime.now(datetime.UTC)
    return bool(record and record.course and is_kept_back(record.course, now))


def _require_yes(*, spoil: bool, yes: bool) -> None:
    from lab_runner.cli.coursework import require_yes
    from lab_runner.submission.rules import ANSWER_COST

    if not spoil:
        raise UsageError(
            "The debrief tells the answer, and the course is not over yet.",
            hint="Once it has closed, `lab debrief` tells it. `lab debrief --spoil` does so now: "
            f"{ANSWER_COST}.",
        )
    require_yes("The debrief tells the answer", ANSWER_COST, yes=yes)


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
