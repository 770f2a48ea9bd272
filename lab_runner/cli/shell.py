"""``lab shell``."""

from __future__ import annotations

import typer

from lab_runner.cli.session import AttemptOption, NodeArgument, attempts


def command(node: NodeArgument, attempt: AttemptOption = None) -> None:
    """Log in to a machine, as root."""
    from lab_runner.attempts.access import require_node

    with attempts() as use, use.opened(use.find(attempt)) as lab:
        require_node(lab.plan, node)
        status = lab.interactive(node, ["bash", "-l"])
    raise typer.Exit(status)
