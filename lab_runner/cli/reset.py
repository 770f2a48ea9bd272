"""``lab reset``."""

from __future__ import annotations

from lab_runner.cli.session import AttemptOption, attempts


def command(attempt: AttemptOption = None) -> None:
    """The network as it was handed out: new disks, the same seed, the same fault."""
    from lab_runner.cli.progress import shown
    from lab_runner.cli.screen import out, text

    with attempts() as use:
        deployed = use.find(attempt)
        with shown("resetting") as progress:
            use.reset(deployed, progress)
    console = out()
    console.print("As it was handed out.", text(f"attempt {deployed.attempt}", "quiet"))
