"""``lab reboot``."""

from __future__ import annotations

from typing import Annotated

import typer

from lab_runner.cli import complete
from lab_runner.cli.session import AttemptOption, attempts
from lab_runner.errors import UnknownName, UsageError


def command(
    nodes: Annotated[
        list[str] | None,
        typer.Argument(metavar="NODE…", autocompletion=complete.nodes, help="Which machines."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    attempt: AttemptOption = None,
) -> None:
    """Reboot machines and wait until they are up: does your repair last?"""
    from lab_runner.cli.progress import shown
    from lab_runner.cli.screen import out, text
    from lab_runner.models.source import unknown

    if every == bool(nodes):
        raise UsageError("Name the machines, or say --all.", hint="lab reboot gw")
    with attempts() as use:
        deployed = use.find(attempt)
        for name in nodes or []:
            if name not in deployed.states:
                known = [node for node in deployed.states if node[0] != "("]
                raise UnknownName(unknown(f"node {name!r}", name, known))
        with shown("rebooting") as progress:
            done = use.reboot(deployed, nodes or [], progress)
    out().print("Rebooted:", text(", ".join(done)))
