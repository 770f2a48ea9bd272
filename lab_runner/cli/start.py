"""``lab start``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lab_runner.cli import complete
from lab_runner.cli.session import JsonOption, attempts
from lab_runner.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from lab_runner.attempts.attempt import Attempts, Started
    from lab_runner.submission.invitation import Assignment
    from lab_runner.submission.seats import Seat

Task = tuple["Seat", "Assignment"]


def command(
    scenario: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO",
            help="A scenario's id, as `lab list` shows it, or an assignment's of a course.",
            autocompletion=complete.startable,
        ),
    ],
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Which variant; the same seed is the same case everywhere."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Start a scenario: build its network, break it, make sure it is broken, show the ticket.

    An assignment of a course is started by its own name, in your own variant.
    """
    from lab_runner.cli.progress import shown

    with attempts() as use:
        task = _task(use, scenario)
        if task and seed is not None:
            raise UsageError(
                "An assignment has a variant of its own.", hint="--seed is for practice: leave it."
            )
        with shown(f"starting {scenario}") as progress:
            if task is None:
                started = use.start(scenario, seed, progress)
            else:
                from lab_runner.submission.beginning import begin

                started = begin(use, *task, progress)
        words = _terms(use, *task) if task else ""
    show_started(started, json=json, task=task, terms=words)


def _task(use: Attempts, name: str) -> Task | None:
    """The assignment that is meant; a scenario of the same name comes first, and says so."""
    from lab_runner.planning.composite import is_scenario
    from lab_runner.submission.place import courses

    if is_scenario(use.catalogue, name):
        if courses().exists():
            _warn_of_an_assignment(name)
        return None
    from lab_runner.submission.seats import find_assignment, seats

    try:
        return find_assignment(name)
    except UnknownName:
        from difflib import get_close_matches

        ids = [one.id for seat in seats() for one in seat.invitation.assignments]
        if "/" in name or get_close_matches(name, ids, n=1):
            raise
        return None  # the scenario's own message names what is near


def _warn_of_an_assignment(name: str) -> None:
    """Say that one has the scenario's name, if one has."""
    from lab_runner.cli.screen import show_problem
    from lab_runner.submission.seats import seats

    if not any(seat.assignment(name) for seat in seats()):
        return
    show_problem(
        f"{name} is a scenario, and one of your assignments, too. This is the scenario, to "
        "practise with.",
        "`lab assignments` shows the name that starts the assignment.",
        title="note",
        colour="yellow",
    )


def _terms(use: Attempts, seat: Seat, assignment: Assignment) -> str:
    from lab_runner.cli.coursework import terms
    from lab_runner.submission.beginning import work_on

    return terms(seat, assignment, work_on(use, seat, assignment).until)


def show_started(
    started: Started, *, json: bool, task: Task | None = None, terms: str = ""
) -> None:
    """The ticket, the network, and what to type next.

    A drill keeps its scenario's name; an assignment its seed, too.
    """
    from lab_runner.cli.plain import show_json
    from lab_runner.cli.show import node_facts

    if not json:
        _show(started, task[1].title if task else "", terms)
        return
    plan = started.plan
    unnamed = plan.drill or plan.assignment
    show_json(
        {
            "attempt": started.attempt,
            "scenario": "" if unnamed else plan.scenario_id,
            "assignment": plan.assignment.rpartition("/")[2],
            "lab": plan.lab_id,
            "seed": None if plan.assignment else plan.seed,
            "ticket": plan.scenario.ticket if plan.scenario else "",
            "nodes": node_facts(plan),
            "seconds": round(started.seconds, 3),
            "recorded": started.recorded,
        }
    )


def _show(started: Started, title: str, terms: str) -> None:
    from lab_runner.attempts.access import open_nodes
    from lab_runner.attempts.breaking import scenario_of
    from lab_runner.cli.map import show_map
    from lab_runner.cli.recorded import told_at_start
    from lab_runner.cli.reports import show_ticket
    from lab_runner.cli.screen import out, table, text

    console, plan = out(), started.plan
    show_ticket(console, scenario_of(plan), title)
    show_map(console, plan, None)
    console.print()
    ready = f"Ready after {started.seconds:.1f} s, and broken as told."
    facts = f"attempt {started.attempt}" + ("" if plan.assignment else f" · seed {plan.seed}")
    console.print(text(ready), text(facts, "quiet"))
    if terms:
        console.print(text(terms))
    shown = table("", "", "", "")
    shown.show_header = False
    shell = f"  lab shell {open_nodes(plan)[0]}"
    second = ("  lab submit", "hand it in") if terms else ("  lab hint", "a nudge")
    shown.add_row(text(shell, "name"), "log in", text("lab check", "name"), "ask the referee")
    shown.add_row(text(second[0], "name"), second[1], text("lab stop", "name"), "take it away")
    console.print(shown)
    console.print(text(told_at_start(recorded=started.recorded, course=plan.assignment), "quiet"))
