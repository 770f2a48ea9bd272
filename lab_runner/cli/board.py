"""The items of long work on a terminal: a line for each, drawn again and again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from lab_runner.cli.plain import plain
from lab_runner.cli.screen import err

_STATE_WIDTH = 60


@contextlib.contextmanager
def board(title: str, done: frozenset[str]) -> Iterator[Callable[[str, str], None]]:
    """Show items while the body runs; nothing of it stays.

    Args:
        title: What the work is.
        done: States after which nothing more happens to an item.
    """
    made = _Board(title, done)
    with Live(made, console=err(), refresh_per_second=12, transient=True):
        yield made.set


class _Board:
    """The items and their states."""

    def __init__(self, title: str, done: frozenset[str]) -> None:
        self._title, self._done = title, done
        self._states: dict[str, str] = {}
        self._spinner = Spinner("dots")
        self._began = time.monotonic()

    def set(self, item: str, state: str) -> None:
        self._states[item] = state

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        head = Text.assemble(
            self._spinner.render(time.monotonic()),  # type: ignore[arg-type]  # text for "dots"
            f" {self._title} ",
            (f"{time.monotonic() - self._began:.1f} s", "quiet"),
        )
        # A copy: other threads add items while this one draws.
        items = list(self._states.items())
        long = [item for item in items if len(item[1]) > len("being verified")]
        short = [self._cell(*item) for item in items if item not in long]
        lines = [self._cell(name, state[:_STATE_WIDTH]) for name, state in long]
        yield Group(head, Columns(short, padding=(0, 3)), *lines)

    def _cell(self, item: str, state: str) -> Text:
        done = state in self._done
        mark = ("● ", "passed") if done else ("◌ ", "skipped")
        name = (plain(item), "" if done else "bold")
        return Text.assemble(mark, name, " ", (plain(state), "quiet"))
