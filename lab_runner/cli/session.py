"""What nearly every verb needs: catalogue, engine, record, the attempt that is meant."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab_runner.cli import complete

if TYPE_CHECKING:
    from lab_runner.attempts.attempt import Attempts
    from lab_runner.catalogue import Catalogue

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


def catalogue() -> Catalogue:
    """The kit's labs and scenarios, and those of ``BREAKFIX_LABS`` and ``BREAKFIX_SCENARIOS``.

    Both variables hold folders, separated as in ``PATH``.
    """
    from lab_runner.catalogue import Catalogue

    own = Catalogue()
    return Catalogue(
        lab_folders=(*own.lab_folders, *_folders("BREAKFIX_LABS")),
        scenario_folders=(*own.scenario_folders, *_folders("BREAKFIX_SCENARIOS")),
    )


def _folders(variable: str) -> list[Path]:
    return [Path(name) for name in os.environ.get(variable, "").split(os.pathsep) if name]


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
