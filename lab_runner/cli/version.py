"""``lab version``."""

from __future__ import annotations

import typer

from lab_runner import __version__


def command() -> None:
    """The version of this program."""
    typer.echo(f"breakfix {__version__}")
