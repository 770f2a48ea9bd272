"""What the verbs say about recording."""

from __future__ import annotations


def warn(problem: str) -> None:
    """Say on standard error that something was not recorded, and why; nothing if it was."""
    from lab_runner.cli.screen import show_problem

    if problem:
        hint = "The lab is as it was. `lab record show` tells what is kept."
        title = "not recorded"
        show_problem(f"Not all of this was recorded: {problem}", hint, title=title, colour="yellow")
