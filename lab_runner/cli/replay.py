"""``lab replay``."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lab_runner.attempts.keeping import Kept

#: Up to this long a key that was pressed is not noticed.
_PIECE_S = 0.25


def command(
    attempt: Annotated[
        str | None,
        typer.Argument(
            metavar="[ATTEMPT]", help="Which one; the last that has a terminal if left out."
        ),
    ] = None,
    speed: Annotated[float, typer.Option(min=0.1, max=1000, help="So many times as fast.")] = 1.0,
    terminal: Annotated[
        int | None, typer.Option(min=1, metavar="K", help="Only this one of its terminals.")
    ] = None,
) -> None:
    """Watch the terminals of an attempt of yours again, as they were recorded.

    Space holds it, n goes to the next terminal, q ends it. Pauses are cut to two seconds. Where
    nobody watches (a pipe), all of it is written at once.
    """
    from lab_runner.attempts.store import Store

    with Store() as store:
        found = _found(store, attempt)
    with contextlib.suppress(KeyboardInterrupt):
        _play(_casts(found, terminal), speed)


def _found(store: object, attempt: str | None) -> Kept:
    from lab_runner.attempts.keeping import kept, the_one
    from lab_runner.attempts.store import Store
    from lab_runner.errors import NoAttempt

    assert isinstance(store, Store)
    if attempt is not None:
        return the_one(store, attempt)
    having = [one for one in kept(store) if one.terminals]
    if not having:
        raise NoAttempt(
            "No terminal was recorded yet.",
            hint="`lab shell NODE` in an attempt records one, unless you said `lab record off`.",
        )
    return having[-1]


def _casts(found: Kept, terminal: int | None) -> list[Path]:
    from lab_runner.errors import UsageError

    name = found.record.attempt
    if not found.terminals:
        raise UsageError(f"No terminal of {name} was recorded.", hint="`lab record show` lists.")
    if terminal is None:
        return found.terminals
    chosen = [path for path in found.terminals if path.name.startswith(f"{terminal}-")]
    if not chosen:
        there = ", ".join(path.name.partition("-")[0] for path in found.terminals)
        raise UsageError(f"{name} has no terminal {terminal}.", hint=f"It has: {there}.")
    return chosen


def _play(casts: list[Path], speed: float) -> None:
    from lab_runner.attempts.casts import frames, header_of
    from lab_runner.attempts.playing import Harmless, timed
    from lab_runner.cli.screen import show_problem

    live = sys.stdin.isatty() and sys.stdout.isatty()
    with _keys(live=live):
        for cast in casts:
            try:
                text = cast.read_text(encoding="utf-8", errors="replace")
                _announce(cast, header_of(text), live=live)
            except (OSError, ValueError) as exc:
                show_problem(f"{cast} cannot be played: {exc}", "", title="warning")
                continue
            harmless = Harmless()
            try:
                go_on = _shown(timed(frames(text), speed, harmless), live=live)
            finally:
                sys.stdout.write(f"{harmless.undone}\r\n" if live else "\n")
                sys.stdout.flush()
            if not go_on:
                return


def _announce(cast: Path, header: dict[str, object], *, live: bool) -> None:
    """Which terminal comes, when it was, and whether there is room for it here."""
    import datetime

    from lab_runner.cli.screen import err, text

    number, _, node = cast.stem.partition("-")
    with contextlib.suppress(ValueError, TypeError, OSError, OverflowError):
        began = datetime.datetime.fromtimestamp(float(str(header.get("timestamp")))).astimezone()
        err().print(text(f"terminal {number}: {node}, {began:%Y-%m-%d %H:%M}", "quiet"))
    here = shutil.get_terminal_size()
    wide, high = header.get("width"), header.get("height")
    if not (live and isinstance(wide, int) and isinstance(high, int)):
        return
    if wide > here.columns or high > here.lines:
        words = f"It was {wide} columns by {high} lines, this one is {here.columns} by {here.lines}"
        err().print(text(f"{words}: what fills the screen may look odd.", "skipped"))


def _shown(pieces: Iterator[tuple[float, str]], *, live: bool) -> bool:
    """Show a terminal; False if nobody wants to see any more."""
    for wait, text in pieces:
        key = _waited(wait) if live else ""
        if key in {"q", "n"}:
            return key == "n"
        sys.stdout.write(text if live else _as_text(text))
        sys.stdout.flush()
    return True


def _as_text(text: str) -> str:
    """For a pipe: the words, without colours."""
    from lab_runner.cli.plain import plain

    return plain(text)


def _waited(seconds: float) -> str:
    """Wait, as long as somebody holds it longer; the key that ended it, if one did."""
    until = time.monotonic() + seconds
    held = False
    while held or (left := until - time.monotonic()) > 0:
        ready, _, _ = select.select([sys.stdin], [], [], _PIECE_S if held else min(left, _PIECE_S))
        key = os.read(sys.stdin.fileno(), 64).decode("utf-8", "replace")[:1] if ready else ""
        if key in {"q", "n"}:
            return key
        if key == " ":
            held, until = not held, time.monotonic()
    return ""


@contextlib.contextmanager
def _keys(*, live: bool) -> Iterator[None]:
    """Keys one by one and unseen, as long as it is played."""
    if not live:
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
