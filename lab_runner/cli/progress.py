"""Progress of long work: a line for each item on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from lab_runner.cli.screen import err, plain, text

Progress = Callable[[str, str], None]

#: States after which nothing more happens to an item.
_DONE = {"up", "ready", "removed", "verified", "present"}
#: An image's build says a lot; a pipe gets no more than one line an item in this time.
_EVERY_S = 5.0
_STATE_WIDTH = 60


class _Board:
    """The items and their states, drawn again and again."""

    def __init__(self, title: str) -> None:
        self._title = title
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
        short = [_cell(*item) for item in items if item not in long]
        lines = [_cell(name, state[:_STATE_WIDTH]) for name, state in long]
        yield Group(head, Columns(short, padding=(0, 3)), *lines)


def _cell(item: str, state: str) -> Text:
    done = state in _DONE
    mark = ("● ", "passed") if done else ("◌ ", "skipped")
    return Text.assemble(mark, (plain(item), "" if done else "bold"), " ", (plain(state), "quiet"))


@contextlib.contextmanager
def shown(title: str) -> Iterator[Progress]:
    """Show progress while the body runs; on a terminal nothing of it stays."""
    console = err()
    if not console.is_terminal:
        yield _Lines(console, title).tell
        return
    board = _Board(title)
    with Live(board, console=console, refresh_per_second=12, transient=True):
        yield board.set


class _Lines:
    """Plain lines: the last state of each item, and a sign of life where that takes long."""

    def __init__(self, console: Console, title: str) -> None:
        self._console, self._title = console, title
        self._told: dict[str, float] = {}
        self._turn = threading.Lock()

    def tell(self, item: str, state: str) -> None:
        now = time.monotonic()
        with self._turn:
            if state in _DONE or now - self._told.setdefault(item, now) > _EVERY_S:
                self._told[item] = now
                self._console.print(text(f"{self._title}: {item}: {state}"))
