"""The terminal: consoles, text that came from elsewhere, tables, problems."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from lab_runner.cli.plain import plain

#: Lines longer than this are no longer read, they are looked at.
WIDEST = 100
_PIPE_WIDTH = 200

_THEME = Theme(
    {
        "passed": "green",
        "failed": "bold red",
        "skipped": "yellow",
        "error": "bold magenta",
        "name": "bold cyan",
        "quiet": "dim",
    }
)


def out() -> Console:
    """Standard output; without colour where it is no terminal or ``NO_COLOR`` is set."""
    return _console(stderr=False)


def err() -> Console:
    """Standard error: progress and problems."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    # A pipe has no width: nothing is folded for it.
    width = None if stream.isatty() else _PIPE_WIDTH
    # ":a:" in an IPv6 address is no picture.
    return Console(theme=_THEME, highlight=False, emoji=False, stderr=stderr, width=width)


def text(content: object, style: str = "") -> Text:
    """Text that is shown as it is: no markup, no escapes."""
    return Text(plain(str(content)), style=style)


def table(*headings: str) -> Table:
    """A table in the look of the kit."""
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


def show_problem(message: str, hint: str, *, title: str = "error", colour: str = "red") -> None:
    """What happened and what to do next, on standard error."""
    console = err()
    body = text(message)
    if hint:
        body.append("\n→ ", style="bold")
        body.append(plain(hint))
    if console.is_terminal:
        width = min(console.width, WIDEST)
        console.print(
            Panel(body, title=title, title_align="left", border_style=colour, width=width)
        )
    else:
        console.print(f"{title}: ", body, sep="")
