"""``lab start``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lab_runner.cli.session import JsonOption, ScenarioArgument, attempts

if TYPE_CHECKING:
    from lab_runner.attempts.attempt import Started


def command(
    scenario: ScenarioArgument,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Which variant; the same seed is the same case everywhere."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Start a scenario: build its network, break it, make sure it is broken, show the ticket."""
    from lab_runner.cli.progress import shown

    with attempts() as use, shown(f"starting {scenario}") as progress:
        started = use.start(scenario, seed, progress)
    show_started(started, json=json)


def show_started(started: Started, *, json: bool) -> None:
    """The ticket, the network, and what to type next; a drill keeps its scenario's name."""
    from lab_runner.cli.plain import show_json
    from lab_runner.cli.show import node_facts

    if not json:
        _show(started)
        return
    plan = started.plan
    show_json(
        {
            "attempt": started.attempt,
            "scenario": "" if plan.drill else plan.scenario_id,
            "lab": plan.lab_id,
            "seed": plan.seed,
            "ticket": plan.scenario.ticket if plan.scenario else "",
            "nodes": node_facts(plan),
            "seconds": round(started.seconds, 3),
            "recorded": started.recorded,
        }
    )


def _show(started: Started) -> None:
    from lab_runner.attempts.access import open_nodes
    from lab_runner.attempts.breaking import scenario_of
    from lab_runner.cli.map import show_map
    from lab_runner.cli.recorded import told_at_start
    from lab_runner.cli.reports import show_ticket
    from lab_runner.cli.screen import out, table, text

    console, plan = out(), started.plan
    show_ticket(console, scenario_of(plan))
    show_map(console, plan, None)
    console.print()
    ready = f"Ready after {started.seconds:.1f} s, and broken as told."
    console.print(text(ready), text(f"attempt {started.attempt} · seed {plan.seed}", "quiet"))
    shown = table("", "", "", "")
    shown.show_header = False
    shell = f"  lab shell {open_nodes(plan)[0]}"
    shown.add_row(text(shell, "name"), "log in", text("lab check", "name"), "ask the referee")
    shown.add_row(text("  lab hint", "name"), "a nudge", text("lab stop", "name"), "take it away")
    console.print(shown)
    console.print(text(told_at_start(recorded=started.recorded), "quiet"))
