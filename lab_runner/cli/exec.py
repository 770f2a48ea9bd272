"""``lab exec``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lab_runner.cli.session import AttemptOption, NodeArgument, attempts


def command(
    node: NodeArgument,
    argv: Annotated[
        list[str], typer.Argument(metavar="-- COMMAND…", help="The program and its arguments.")
    ],
    stdin: Annotated[
        bool, typer.Option("-i", "--interactive", help="Hand on the keyboard, or what is piped in.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds, unless interactive.")] = 60.0,
    attempt: AttemptOption = None,
) -> None:
    """Run one command on a machine, as root; its exit status is ours."""
    from lab_runner.attempts.access import require_node
    from lab_runner.attempts.session import executed, interactive
    from lab_runner.cli.recorded import warn

    with attempts() as use, use.opened(use.find(attempt)) as lab:
        require_node(lab.plan, node)
        if stdin:
            status, problem = interactive(use.store, lab, node, argv)
            warn(problem)
            raise typer.Exit(status)
        done, problem = executed(use.store, lab, node, argv, timeout_s=timeout)
    for stream, data in ((sys.stdout, done.stdout), (sys.stderr, done.stderr)):
        stream.buffer.write(data)
        stream.flush()
    warn(problem)
    raise typer.Exit(done.exit_status)
