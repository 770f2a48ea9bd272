"""Progress of long work: a line for each item on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator

from lab_runner.cli.plain import plain

Progress = Callable[[str, str], None]

#: States after which nothing more happens to an item.
_DONE = frozenset({"up", "ready", "removed", "verified", "present"})
#: An image's build says a lot; a pipe gets no more than one line an item in this time.
_EVERY_S = 5.0


@contextlib.contextmanager
def shown(title: str) -> Iterator[Progress]:
    """Show progress while the body runs; on a terminal nothing of it stays."""
    if not sys.stderr.isatty():
        yield _Lines(title).tell
        return
    from lab_runner.cli.board import board

    with board(title, _DONE) as progress:
        yield progress


class _Lines:
    """Plain lines: the last state of each item, and a sign of life where that takes long."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._told: dict[str, float] = {}
        self._turn = threading.Lock()

    def tell(self, item: str, state: str) -> None:
        now = time.monotonic()
        with self._turn:
            if state in _DONE or now - self._told.setdefault(item, now) > _EVERY_S:
                self._told[item] = now
                sys.stderr.write(plain(f"{self._title}: {item}: {state}\n"))
