"""``lab map``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab_runner.cli.session import AttemptOption, attempts

if TYPE_CHECKING:
    from rich.console import Console

    from lab_runner.map.network import Network
    from lab_runner.models.results import Report
    from lab_runner.planning.plan import Plan

_STYLES = {
    "green": "green",
    "red": "bold red",
    "unknown": "bright_black",
    "bar": "cyan",
    "wire": "bright_black",
    "segment": "bold cyan",
    "address": "",
    "name": "bold",
}


def command(
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Write a drawing instead.")
    ] = None,
    attempt: AttemptOption = None,
) -> None:
    """The network as a picture, coloured by the last check.

    Red: a red check was asked from this machine. Green: all that was asked from it is in order.
    A broken frame: somebody else's machine, which you cannot enter.
    """
    from lab_runner.attempts.last_report import report_of
    from lab_runner.cli.screen import out, text
    from lab_runner.map.network import network_of

    with attempts() as use:
        deployed = use.find(attempt)
        plan = use.plan(deployed)
        report = report_of(use.record(deployed.attempt))
    if svg is None:
        show_map(out(), plan, report)
    else:
        _write(svg, network_of(plan, report))
        out().print("Drawn:", text(svg, "name"))


def show_map(console: Console, plan: Plan, report: Report | None) -> None:
    """The picture with its legend."""
    from rich.text import Text

    from lab_runner.cli.screen import text
    from lab_runner.map.drawing import ASCII, draw
    from lab_runner.map.network import network_of

    only_ascii = not (sys.stdout.encoding or "").lower().startswith("utf")
    width = console.width if console.is_terminal else 120
    for line in draw(network_of(plan, report), width):
        row = Text()
        for words, style in line:
            shown = words.translate(ASCII) if only_ascii else words
            row.append(shown, style=_STYLES.get(style, ""))
        row.rstrip()
        console.print(row, no_wrap=True, overflow="crop", crop=True)
    console.print(text(_legend(checked=report is not None), "quiet"))


def _legend(*, checked: bool) -> str:
    colours = "✓ in order  ✗ something asked from here is red  · not asked" if checked else ""
    frames = "a broken frame: not yours to enter"
    return "   ".join(words for words in (colours, frames) if words)


def _write(file: Path, network: Network) -> None:
    from lab_runner.map.svg import as_svg
    from lab_runner.writing import write_whole

    write_whole(file, as_svg(network).encode())
