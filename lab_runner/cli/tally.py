"""How far long work is: a bar below what is printed meanwhile, on a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lab_runner.cli.plain import plain


@contextlib.contextmanager
def tally(console: Console, title: str, total: int) -> Iterator[Callable[[], None]]:
    """Count what is done while the body runs; nothing of the bar stays.

    What is printed meanwhile has to go through the same console.

    Args:
        console: Where to; a pipe gets no bar.
        title: What the work is.
        total: How much of it there is.

    Yields:
        To be called for each that is done.
    """
    if not console.is_terminal:
        yield lambda: None
        return
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as progress:
        task = progress.add_task(plain(title), total=total)
        yield lambda: progress.advance(task)
