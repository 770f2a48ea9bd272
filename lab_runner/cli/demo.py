"""``lab demo``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from lab_runner.cli import complete
from lab_runner.cli.session import attempts
from lab_runner.cli.stop import take_away

if TYPE_CHECKING:
    from rich.console import Console

    from lab_runner.attempts.attempt import Attempts, Started

NOT_AS_TOLD = 1
#: An office behind NAT that lost the Internet: every kind of machine takes part.
SCENARIO = "internet-gone-since-the-renumbering"
SEED = 7


def command(
    scenario: Annotated[
        str, typer.Argument(metavar="[SCENARIO]", autocompletion=complete.scenarios)
    ] = SCENARIO,
    seed: Annotated[int, typer.Option(min=0, help="Which variant.")] = SEED,
) -> None:
    """Everything once: break a network, look at it, repair it, reboot it, take it away.

    Exit code 1: something was not as told.
    """
    from lab_runner.cli.screen import out, text

    began = time.monotonic()
    console = out()
    with attempts() as use:
        as_told = _play(console, use, scenario, seed)
    console.print()
    if as_told:
        console.print(text(f"Everything as told, in {time.monotonic() - began:.0f} s.", "passed"))
        console.print("Now you:", text("lab list", "name"), "and", text("lab start NAME", "name"))
        return
    console.print(text("Something was not as told; see above.", "failed"))
    raise typer.Exit(NOT_AS_TOLD)


def _play(console: Console, use: Attempts, scenario: str, seed: int) -> bool:
    """The whole course; the lab is taken away however it ends."""
    from lab_runner.cli.progress import shown

    _say(console, 1, f"A network is built, and broken: lab start {scenario} --seed {seed}")
    with shown("starting") as progress:
        started = use.start(scenario, seed, progress)
    try:
        return _course(console, use, started)
    finally:
        _say(console, 6, "The lab is taken away: lab stop")
        take_away(use.client, use.store, started.attempt, "stopping")


def _course(console: Console, use: Attempts, started: Started) -> bool:
    from lab_runner.checker.verifying import not_as_told
    from lab_runner.cli.map import show_map
    from lab_runner.cli.progress import shown
    from lab_runner.cli.reports import show_report, show_steps, show_ticket
    from lab_runner.cli.screen import text

    assert started.plan.scenario is not None
    deployed = use.find(started.attempt)
    console.print(text(f"Ready after {started.seconds:.1f} s.", "quiet"))
    show_ticket(console, started.plan.scenario)
    _say(console, 2, "The referee asks on the wire: lab check")
    broken = use.check(deployed)
    show_report(console, broken)
    console.print()
    show_map(console, started.plan, broken)
    _say(console, 3, "The reference repair, as one would type it: lab solve")
    solution = use.solve(deployed)
    console.print(text(solution.title, "bold"))
    show_steps(console, solution.steps)
    _say(console, 4, "Does it last? All machines reboot: lab reboot --all")
    with shown("rebooting") as progress:
        names = use.reboot(deployed, [], progress)
    console.print(text(f"{len(names)} machines rebooted.", "quiet"))
    _say(console, 5, "The referee asks again: lab check")
    repaired = use.check(deployed)
    show_report(console, repaired)
    return not not_as_told(started.plan, broken) and repaired.passed


def _say(console: Console, number: int, words: str) -> None:
    from rich.rule import Rule
    from rich.text import Text

    from lab_runner.cli.screen import WIDEST

    console.print()
    head = Rule(Text(f"{number}  {words}"), align="left", style="cyan")
    console.print(head, width=min(console.width, WIDEST))
