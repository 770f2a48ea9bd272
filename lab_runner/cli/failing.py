"""What a failed command says, and its exit code."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import Any

import typer

from lab_runner.errors import LabRunnerError

INTERRUPTED = 130
_BUG = 3
#: Where a reader of a pipe went away; what a shell reports for SIGPIPE.
_BROKEN_PIPE = 141
#: Where the terminal itself went away; what a shell reports for SIGHUP.
_HANG_UP = 129


def guarded(work: Callable[[], Any]) -> Any:
    """Run a command; what it raises on purpose ends it with a message and an exit code.

    Raises:
        typer.Exit: With the exit code, once the message is shown.
    """
    try:
        return work()
    except LabRunnerError as exc:
        _show(str(exc), exc.hint)
        raise typer.Exit(exc.exit_code) from exc
    except KeyboardInterrupt as exc:
        if _hung_up():
            _silence()
            raise typer.Exit(_HANG_UP) from exc
        _show("Interrupted.", _left_behind(), title="stopped", colour="yellow")
        raise typer.Exit(INTERRUPTED) from exc
    except BrokenPipeError as exc:
        _silence()
        raise typer.Exit(_BROKEN_PIPE) from exc
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except Exception as exc:
        if type(exc).__module__.startswith(("typer", "click")):
            raise
        if isinstance(exc, OSError) and _hung_up():
            _silence()
            raise typer.Exit(_HANG_UP) from exc
        _report_bug(exc)
        raise typer.Exit(_BUG) from exc


def _show(message: str, hint: str, *, title: str = "error", colour: str = "red") -> None:
    from lab_runner.cli.screen import show_problem

    show_problem(message, hint, title=title, colour=colour)


def _report_bug(exc: Exception) -> None:
    with tempfile.NamedTemporaryFile(
        "w", prefix="breakfix-bug-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(f"lab {' '.join(sys.argv[1:])}\n\n")
        traceback.print_exception(exc, file=file)
    _show(
        f"This is a bug in breakfix, not a mistake of yours: {type(exc).__name__}: {exc}",
        f"Please report it with the file {file.name}. `lab status` shows what still runs, "
        "`lab stop --all` cleans up.",
        title="bug",
    )


def _hung_up() -> bool:
    """Was what we write to a terminal that is gone?"""
    try:
        import termios
    except ImportError:  # not on this system: no terminal there hangs up
        return False
    for stream in (1, 2):
        try:
            termios.tcgetattr(stream)
        except termios.error as exc:
            if exc.args[0] == errno.EIO:
                return True
    return False


def _silence() -> None:
    """Nobody reads any more; without this Python complains once more at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)


def _left_behind() -> str:
    """What an interrupted command has left running."""
    if "lab_runner.engine.running" not in sys.modules:
        # The engine was not yet spoken to; and a half-imported SDK cannot be imported again.
        return "Nothing was started."
    from lab_runner.engine.docker import connect
    from lab_runner.engine.running import find

    try:
        left = find(connect(timeout_s=5))
    except LabRunnerError:
        return "The engine does not answer; `lab status` will say what is left once it does."
    if not left:
        return "Nothing is left running."
    names = ", ".join(f"{lab.attempt} ({lab.name})" for lab in left)
    if len(left) == 1:
        return f"Still running: {names}. `lab stop` takes it away."
    return f"Still running: {names}. `lab stop ID` takes one away, `lab stop --all` all of them."
