"""What nearly every verb needs: catalogue, engine, record, the attempt that is meant."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab_runner.cli import complete

if TYPE_CHECKING:
    from lab_runner.attempts.attempt import Attempts
    from lab_runner.catalogue import Catalogue

#: Where folders of one's own are named, for a shell; ``lab --labs`` adds to it.
LABS, SCENARIOS = "BREAKFIX_LABS", "BREAKFIX_SCENARIOS"

AttemptOption = Annotated[
    str | None,
    typer.Option(
        "--attempt",
        "-a",
        envvar="LAB_ATTEMPT",
        metavar="ID",
        help="Which attempt, if several run; its first letters will do.",
        autocompletion=complete.attempts,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable, on standard output.")]
NodeArgument = Annotated[
    str,
    typer.Argument(metavar="NODE", help="A machine's name.", autocompletion=complete.nodes),
]
ScenarioArgument = Annotated[
    str,
    typer.Argument(
        metavar="SCENARIO",
        help="A scenario's id, as `lab list` shows it.",
        autocompletion=complete.scenarios,
    ),
]


def add_folders(variable: str, folders: Iterable[Path]) -> None:
    """Folders that were named on the command line, beside those of the environment.

    They go there too: completions and whatever this process starts see them as well.
    """
    known = [name for name in os.environ.get(variable, "").split(os.pathsep) if name]
    more = [str(folder.absolute()) for folder in folders]
    if more:
        os.environ[variable] = os.pathsep.join(dict.fromkeys([*known, *more]))


def catalogue() -> Catalogue:
    """The kit's labs and scenarios, and those of ``BREAKFIX_LABS`` and ``BREAKFIX_SCENARIOS``.

    Both variables hold folders, separated as in ``PATH``.

    Raises:
        UsageError: One of them is no folder.
    """
    from lab_runner.catalogue import Catalogue

    own = Catalogue()
    return Catalogue(
        lab_folders=_with_more(own.lab_folders, LABS),
        scenario_folders=_with_more(own.scenario_folders, SCENARIOS),
    )


def _with_more(own: tuple[Path, ...], variable: str) -> tuple[Path, ...]:
    """Each folder once, however it is named."""
    from lab_runner.errors import UsageError

    folders = {folder.resolve(): folder for folder in own}
    for name in filter(None, os.environ.get(variable, "").split(os.pathsep)):
        if not Path(name).is_dir():
            raise UsageError(f"{name} is no folder.", hint=f"{variable} names it.")
        folders.setdefault(Path(name).resolve(), Path(name))
    return tuple(folders.values())


@contextlib.contextmanager
def attempts() -> Iterator[Attempts]:
    """The use cases on the engine and the record of this user.

    The engine is asked first: without it there is no use in creating a record.
    """
    from lab_runner.attempts.attempt import Attempts
    from lab_runner.attempts.store import Store
    from lab_runner.engine.docker import connect

    client = connect()
    try:
        with Store() as store:
            yield Attempts(catalogue(), client, store)
    finally:
        client.close()
