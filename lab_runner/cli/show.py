"""``lab show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab_runner.cli.session import JsonOption, ScenarioArgument, catalogue

if TYPE_CHECKING:
    from lab_runner.planning.plan import Plan


def command(
    scenario: ScenarioArgument,
    seed: Annotated[int, typer.Option(min=0, help="Which variant.")] = 1,
    json: JsonOption = False,
) -> None:
    """One scenario: its ticket, its network, what is checked. Nothing that spoils it."""
    from lab_runner.cli.plain import show_json
    from lab_runner.planning.plan import make_plan

    plan = make_plan(catalogue(), scenario, seed)
    if json:
        show_json(_facts(plan))
    else:
        _show(plan)


def _facts(plan: Plan) -> dict[str, Any]:
    from lab_runner.attempts.breaking import scenario_of

    told = scenario_of(plan)
    return {
        "id": plan.scenario_id,
        **told.model_dump(include={"title", "lab", "topics", "level", "minutes", "ref"}),
        "summary": plan.lab.summary,
        "seed": plan.seed,
        "ticket": told.ticket,
        "nodes": node_facts(plan),
        "checks": [
            {"id": check.id, "title": check.title, "role": plan.role(check.id).value}
            for check in plan.checks
        ],
    }


def node_facts(plan: Plan) -> list[dict[str, Any]]:
    """The machines as JSON tells them: name, title, kind, access, address by card."""
    return [
        {
            "name": node.name,
            "title": node.title,
            "kind": node.kind.value,
            "access": node.access,
            "interfaces": {card.name: card.cidr for card in node.view.interfaces.values()},
        }
        for node in plan.nodes.values()
    ]


def _show(plan: Plan) -> None:
    from lab_runner.attempts.breaking import scenario_of
    from lab_runner.cli.list import dots
    from lab_runner.cli.map import show_map
    from lab_runner.cli.reports import show_ticket
    from lab_runner.cli.screen import out, text

    told, console = scenario_of(plan), out()
    facts = [dots(told.level), f"about {told.minutes} minutes", ", ".join(told.topics)]
    console.print(text(" · ".join([str(plan.scenario_id), *facts]), "quiet"))
    show_ticket(console, told)
    console.print(text(plan.lab.summary.strip()))
    console.print()
    show_map(console, plan, None)
    console.print()
    console.print(text(f"lab start {plan.scenario_id}", "name"))
