"""``lab solve``."""

from __future__ import annotations

import typer

from lab_runner.cli.coursework import YesOption
from lab_runner.cli.session import AttemptOption, JsonOption, attempts


def command(
    yes: YesOption = False, attempt: AttemptOption = None, json: JsonOption = False
) -> None:
    """Give up: show the reference repair, carry it out, and check. Kept with the attempt."""
    from lab_runner.cli.check import exit_code
    from lab_runner.cli.coursework import require_yes
    from lab_runner.cli.plain import show_json
    from lab_runner.cli.reports import show_report, show_steps
    from lab_runner.cli.screen import out, text
    from lab_runner.submission.rules import ANSWER_COST

    console = out()
    with attempts() as use:
        deployed = use.find(attempt)
        if deployed.assignment:
            require_yes(f"`lab solve` gives up {deployed.name}", ANSWER_COST, yes=yes)
        solution = use.solve(deployed)
        if not json:
            console.print(text(solution.title, "bold"))
            show_steps(console, solution.steps)
            console.print()
        report = use.check(deployed)
    if deployed.assignment:
        report = report.unnamed(seed=False)
    if json:
        show_json({"solution": solution.model_dump(exclude_none=True), **report.to_json()})
    else:
        show_report(console, report)
        console.print(text("`lab debrief` tells what it was.", "quiet"))
    raise typer.Exit(exit_code(report))
