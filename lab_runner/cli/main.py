"""The entry point of ``lab``."""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from lab_runner.cli.session import LABS, SCENARIOS, add_folders
from lab_runner.cli.verbs import LazyGroup

app = typer.Typer(
    name="lab",
    cls=LazyGroup,
    rich_markup_mode="rich",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from lab_runner.cli.version import command

        command()
        raise typer.Exit


def _folders(variable: str, what: str) -> Any:
    def added(folders: list[Path] | None) -> list[Path]:
        add_folders(variable, folders or [])
        return folders or []

    return typer.Option(
        f"--{what.rsplit(maxsplit=1)[-1]}",
        callback=added,
        metavar="DIR",
        exists=True,
        file_okay=False,
        help=f"{what} of your own, beside the kit's; may be given again. Also {variable}.",
    )


@app.callback(
    epilog="Start here: lab doctor, lab list, lab start NAME. `lab VERB --help` has examples."
)
def root(
    ctx: typer.Context,
    _labs: Annotated[list[Path] | None, _folders(LABS, "A folder of labs")] = None,
    _scenarios: Annotated[list[Path] | None, _folders(SCENARIOS, "A folder of scenarios")] = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None:
    """A small real network in Docker, something broken in it, and you.

    A ticket tells what a customer complains about. Log in, look, repair it with the tools of the
    trade; `lab check` asks on the wire whether the network is whole again.

    Exit codes: 0 all well, 1 a check is red, 2 wrong usage or a faulty file, 3 could not be done.
    """
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit(_USAGE)


#: What a shell command without its arguments ends with.
_USAGE = 2


def main() -> None:
    """Run ``lab`` with the arguments of the process."""
    # Whoever ends us from outside gets the same clean-up as Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    # Nobody else has a plugin for our models, and looking for one takes as long as a model.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # A command lives for seconds and imports for most of one: hardly anything that a
    # collection would look through is garbage, and all of it goes with the process.
    gc.set_threshold(100_000, 50, 50)
    try:
        app(prog_name="lab")
    finally:
        gc.freeze()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
