"""``lab shell``."""

from __future__ import annotations

import typer

from lab_runner.cli.session import AttemptOption, NodeArgument, attempts


def command(node: NodeArgument, attempt: AttemptOption = None) -> None:
    """Log in to a machine, as root."""
    from lab_runner.attempts.access import require_node
    from lab_runner.attempts.session import interactive
    from lab_runner.cli.recorded import warn

    with attempts() as use, use.opened(use.find(attempt)) as lab:
        require_node(lab.plan, node)
        status, problem = interactive(use.store, lab, node, ["bash", "-l"], keep_piped=True)
    warn(problem)
    raise typer.Exit(status)
