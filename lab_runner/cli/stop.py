"""``lab stop``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lab_runner.cli import complete
from lab_runner.errors import StoreError

if TYPE_CHECKING:
    from docker import DockerClient

    from lab_runner.attempts.store import Store
    from lab_runner.engine.finding import Deployed


def command(
    attempt: Annotated[
        str | None,
        typer.Argument(
            metavar="[ATTEMPT]",
            envvar="LAB_ATTEMPT",
            help="Which attempt, if several run.",
            autocompletion=complete.attempts,
            show_default=False,
        ),
    ] = None,
    option: Annotated[
        str | None, typer.Option("--attempt", "-a", metavar="ID", help="The same.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Everything that runs and is not being proven.")
    ] = False,
) -> None:
    """Take a lab away: machines, cables, disks. The record of the attempt stays.

    What `lab prove` or `lab grade` works on just now is left alone, unless it is named.
    """
    from lab_runner.attempts.finding import pick
    from lab_runner.attempts.store import Store
    from lab_runner.cli.screen import out
    from lab_runner.engine.docker import connect
    from lab_runner.engine.finding import find
    from lab_runner.engine.process import lives
    from lab_runner.engine.removing import remove_leftovers

    client = connect()
    store = Store()
    running = find(client)
    held = [lab for lab in running if every and lives(lab.holder)]
    for lab in running if every else [pick(running, option or attempt)]:
        if lab not in held:
            _stop(client, store, lab)
    if every:
        remove_leftovers(client)
    if not running:
        out().print("Nothing runs.")
    if held:
        _tell_held(held)
    store.close()
    client.close()


def _tell_held(held: list[Deployed]) -> None:
    from lab_runner.cli.screen import out, text

    names = ", ".join(lab.attempt for lab in held)
    out().print("Left alone:", text(names, "name"))
    out().print(
        "`lab prove` or `lab grade` works on that now, and takes it away itself; end it there with "
        "Ctrl-C, or name one here."
    )


def _called(lab: Deployed) -> str:
    """A drill is over, and has its name again; a course's work is called by its own."""
    return lab.name if lab.assignment else lab.scenario or lab.lab


def _stop(client: DockerClient, store: Store, lab: Deployed) -> None:
    from lab_runner.cli.screen import out, text

    take_away(client, store, lab.attempt, f"stopping {lab.attempt}")
    out().print("Stopped", text(lab.attempt, "name"), text(_called(lab), "quiet"))


def take_away(client: DockerClient, store: Store, attempt: str, title: str) -> None:
    """Stop an attempt, with its progress; a record that is broken is told, and is no failure."""
    from lab_runner.attempts.stopping import stop
    from lab_runner.cli.progress import shown
    from lab_runner.cli.screen import show_problem

    try:
        with shown(title) as progress:
            stop(client, store, attempt, progress)
    except StoreError as exc:
        show_problem(str(exc), exc.hint, title="warning", colour="yellow")
