"""``lab prove --watch``: edit, and see the matrix."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console

from lab_runner.cli.prove import LEGEND, line, show_matrix
from lab_runner.cli.screen import out, text
from lab_runner.errors import LabRunnerError, UsageError

if TYPE_CHECKING:
    from lab_runner.catalogue import Catalogue
    from lab_runner.proving.watching import Watch


def command(read: Callable[[], Catalogue], scenarios: list[str], seed: int) -> int:
    """Prove one scenario at each change of its files, until ctrl-C.

    Returns:
        The exit code: 0 if what was seen last holds, else 1.
    """
    from lab_runner.engine import docker
    from lab_runner.planning.plan import make_plan
    from lab_runner.proving.watching import Watch

    if len(scenarios) != 1:
        raise UsageError("--watch proves one scenario.", hint="`lab prove --watch NAME`")
    make_plan(read(), scenarios[0], seed)  # a name that nobody knows is told at once
    watch = Watch(read, docker.connect(), scenarios[0], seed)
    console, holds = out(), False
    try:
        while True:
            holds = _once(console, watch, scenarios[0], seed)
            changed = watch.wait()
            names = ", ".join(sorted({file.name for file in changed}))
            console.print(text(f"\n{time.strftime('%H:%M:%S')} {names} changed", "bold"))
    except KeyboardInterrupt:
        console.print("Taking the lab away.")
        return 0 if holds else 1
    finally:
        watch.close()


def _once(console: Console, watch: Watch, name: str, seed: int) -> bool:
    try:
        proof = watch.prove(lambda row: console.print(line(name, seed, row)))
    except LabRunnerError as exc:
        console.print(text(f"{exc}", "failed"))
        return False
    show_matrix(console, proof)
    console.print(f"[dim]{LEGEND}[/]")
    console.print(text("Waiting for a change; ctrl-C ends.", "quiet"))
    return proof.holds
