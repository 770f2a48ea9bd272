"""``lab check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab_runner.cli.session import AttemptOption, JsonOption, attempts

if TYPE_CHECKING:
    from lab_runner.models.results import Report

RED = 1
NOT_JUDGED = 3


def command(
    reboot: Annotated[
        bool, typer.Option("--reboot", help="Reboot all machines first: does the repair last?")
    ] = False,
    pcap: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Keep what crosses each segment meanwhile.", file_okay=False
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Show every green check as well, one a line.")
    ] = False,
    attempt: AttemptOption = None,
    json: JsonOption = False,
) -> None:
    """Ask the network everything: is it whole again, and is nothing else broken?

    Exit code 0: all green. 1: a check is red. 3: a check could not be made and none is red.
    """
    from lab_runner.cli.plain import show_json
    from lab_runner.cli.progress import shown

    with attempts() as use:
        deployed = use.find(attempt)
        if reboot:
            with shown("rebooting") as progress:
                use.reboot(deployed, [], progress)
        with shown("checking") as progress:
            report = use.check(deployed, pcap=pcap)
    if deployed.is_unnamed(solved=report.passed):
        report = report.unnamed(seed=not deployed.assignment)
    if json:
        show_json(report.to_json())
    else:
        _show(report, drilled=deployed.drill, everything=every)
    raise typer.Exit(exit_code(report))


def _show(report: Report, *, drilled: bool, everything: bool) -> None:
    from lab_runner.cli.reports import show_report
    from lab_runner.cli.screen import out, text

    show_report(out(), report, everything=everything)
    if drilled and report.passed:
        out().print("This was", text(report.scenario, "name"))


def exit_code(report: Report) -> int:
    """0: all green; 1: something is red; 3: nothing is red, but not everything could be asked."""
    if report.passed:
        return 0
    only_errors = report.errors and not any(row.status == "failed" for row in report.checks)
    return NOT_JUDGED if only_errors else RED
