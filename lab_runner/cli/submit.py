"""``lab submit``."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab_runner.cli import complete
from lab_runner.cli.session import AttemptOption, JsonOption, attempts
from lab_runner.errors import HandInError, LabRunnerError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from lab_runner.attempts.attempt import Attempts
    from lab_runner.submission.invitation import Assignment
    from lab_runner.submission.losses import Loss
    from lab_runner.submission.seats import Seat
    from lab_runner.submission.submitting import Draft, Written


def command(
    assignment: Annotated[
        str | None,
        typer.Argument(
            metavar="[ASSIGNMENT]",
            help="Which, if several run.",
            autocompletion=complete.assignments,
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be handed in and lost; write nothing.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to, a file or a folder."),
    ] = None,
    attempt: AttemptOption = None,
    json: JsonOption = False,
) -> None:
    """Hand in: check, say what a reboot would undo, and write the file for your lead.

    Only what is on the disks is judged: your lead lays it on a fresh lab and boots that. Handing
    in again replaces what was handed in before.

    Exit code 0: all green. 1: a check is red. 3: a check could not be made and none is red.
    The file is written all the same.
    """
    from lab_runner.cli.check import exit_code
    from lab_runner.cli.plain import show_json
    from lab_runner.cli.progress import shown
    from lab_runner.submission import submitting
    from lab_runner.submission.rules import task_of

    with attempts() as use:
        deployed = submitting.wanted(use, assignment, None if assignment else attempt)
        task = task_of(deployed)
        assert task is not None
        path = _path(*task, output)
        with shown("looking") as progress:
            one = submitting.draft(use, deployed, *task, progress)
        written = submitting.write(use, one)
        late = _is_late(use, one)
        if not dry_run:
            _keep(path, written.data)
            submitting.note(use, one, written)
    kept = None if dry_run else path
    if json:
        show_json(_facts(one, written, kept) | {"late": late})
    else:
        _show(one, written, kept, late=late)
    raise typer.Exit(exit_code(one.report))


# --- the file -------------------------------------------------------------------


def _path(seat: Seat, assignment: Assignment, output: Path | None) -> Path:
    """Where to write, which is never over something else.

    Raises:
        UsageError: There is something else, or no such folder.
    """
    from lab_runner.submission.submitting import file_name

    path = output or Path(file_name(seat, assignment))
    if output and (output.is_dir() or str(output).endswith(os.sep)):
        path = output / file_name(seat, assignment)
    if not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written: there is no folder {path.parent}.")
    if path.exists() and not _is_theirs(path, seat, assignment):
        raise UsageError(
            f"{path} is something else, and is left alone.",
            hint="Name another file with --output.",
        )
    return path


def _is_theirs(path: Path, seat: Seat, assignment: Assignment) -> bool:
    """Is it an earlier hand-in of the same?"""
    from lab_runner.submission.hand_in import read_hand_in

    try:
        work, key = read_hand_in(path.read_bytes())
    except (OSError, HandInError):
        return False
    same = (work.course, work.assignment) == (seat.invitation.course, assignment.id)
    return same and key == seat.key.public


def _keep(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    from lab_runner.writing import write_whole

    try:
        write_whole(path, data)
    except LabRunnerError as exc:
        exc.hint = f"{exc.hint} Or name another file with --output.".strip()
        raise


# --- the receipt -----------------------------------------------------------------


def _facts(one: Draft, written: Written, path: Path | None) -> dict[str, Any]:
    return {
        "course": one.seat.invitation.course,
        "assignment": one.assignment.id,
        "attempt": one.deployed.attempt,
        "file": str(path.absolute()) if path else None,
        "sha256": written.sha256 if path else None,
        "bytes": len(written.data),
        "submitted": written.work.submitted.isoformat() if path else None,
        "passed": one.passed,
        "changed": {
            node: sorted(f"/{entry.path}" for entry in seen.disk.entries)
            for node, seen in one.seen.items()
        },
        "lost": [vars(loss) | {"lines": list(loss.lines)} for loss in one.losses],
        "left_out": [
            {"node": node, "path": f"/{path}", "why": why} for node, path, why in one.left_out
        ],
        "terminals": sorted(written.work.terminals),
        "terminals_cut": written.cut,
        "records": len(written.work.events),
    }


def _is_late(use: Attempts, one: Draft) -> bool:
    from lab_runner.submission.beginning import work_on

    until = work_on(use, one.seat, one.assignment).until
    return until is not None and datetime.datetime.now(datetime.UTC) >= until


def _show(one: Draft, written: Written, path: Path | None, *, late: bool) -> None:
    from lab_runner.cli.reports import show_report
    from lab_runner.cli.screen import out, text

    console = out()
    show_report(console, one.report.unnamed(seed=False))
    _show_losses(console, one)
    console.print()
    invitation = one.seat.invitation
    heading = f"{one.assignment.id} of {invitation.title}"
    if path is None:
        console.print(text(f"Would be handed in: {heading}", "bold"))
    else:
        console.print(text(f"Handed in: {heading}", "bold"))
    _show_receipt(console, one, written, path)
    if path is None:
        console.print(text("Nothing was written. `lab submit` writes it.", "quiet"))
        return
    if late:
        console.print(text("It is late: your lead sees that.", "failed"))
    console.print("Send this file to your lead. Until the time is over you may go on, and hand in")
    console.print("again: the last one counts.")


def _show_losses(console: Console, one: Draft) -> None:
    from lab_runner.cli.screen import text
    from lab_runner.submission.losses import shown_lines

    left_out = list(one.left_out)
    if not (one.losses or left_out):
        return
    console.print()
    console.print(text("Would be lost", "skipped"), text("as in a reboot of everything", "quiet"))
    for loss in one.losses:
        console.print(text(f"  {loss.node}: {loss.what}{_why(loss)}"))
        for line in shown_lines(loss):
            console.print(text(f"      {line}", "quiet"))
    for node, path, why in left_out:
        console.print(text(f"  {node}: /{path} cannot be handed in: {why}"))
    console.print(
        text("→ `lab check --reboot` shows what is still repaired after a reboot.", "bold")
    )


def _why(loss: Loss) -> str:
    """Why it would be lost; that a service is not enabled is reason enough."""
    if loss.what.startswith("a service"):
        return ""
    if loss.certain:
        return f", in memory only: nothing was changed on {loss.node}'s disk"
    return f", perhaps in memory only: no file that you changed on {loss.node} speaks of it"


def _show_receipt(console: Console, one: Draft, written: Written, path: Path | None) -> None:
    from lab_runner.cli.screen import table, text
    from lab_runner.submission.standing import told

    shown = table("", "")
    shown.show_header = False
    rows = [("in it", ", ".join(_contents(one, written)))]
    if path is not None:
        rows = [
            ("file", str(path)),
            ("size", _size(len(written.data))),
            ("time", told(written.work.submitted)),
            ("SHA-256", written.sha256),
            *rows,
        ]
    for word, value in rows:
        shown.add_row(text(f"  {word}", "quiet"), text(value))
    console.print(shown)


def _contents(one: Draft, written: Written) -> Iterator[str]:
    counts = {
        node: sum(entry.kind != "folder" for entry in seen.disk.entries)
        for node, seen in one.seen.items()
    }
    changed = [f"{number} on {node}" for node, number in counts.items() if number]
    yield f"changed files: {' and '.join(changed) or 'none'}"
    yield f"{len(written.work.events)} records"
    number = len(written.work.terminals)
    cut = " (the oldest cut: too large)" if written.cut else ""
    yield f"{number} terminal{'' if number == 1 else 's'}{cut}"


def _size(number: int) -> str:
    return f"{number} bytes" if number < 10_240 else f"{number >> 10} KiB"
