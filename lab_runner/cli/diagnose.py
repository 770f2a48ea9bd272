"""``lab diagnose``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from lab_runner.cli import complete
from lab_runner.cli.session import AttemptOption, JsonOption, attempts
from lab_runner.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from lab_runner.attempts.attempt import Diagnosed
    from lab_runner.attempts.scoring import Score

LAYERS = ("link", "network", "transport", "application", "host")

_QUESTIONS = {
    "node": "On which machine is the fault?",
    "layer": f"On which layer ({', '.join(LAYERS)})?",
    "component": "In which component (a program, a table, a file)?",
    "cause": "What is wrong, in one sentence?",
}


def command(
    node: Annotated[
        str | None, typer.Option(help="The machine at fault.", autocompletion=complete.nodes)
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(help=" · ".join(LAYERS), autocompletion=lambda: list(LAYERS)),
    ] = None,
    component: Annotated[str | None, typer.Option(help="The program, table or file.")] = None,
    cause: Annotated[str | None, typer.Option(help="What is wrong, in one sentence.")] = None,
    attempt: AttemptOption = None,
    json: JsonOption = False,
) -> None:
    """Say what you think is wrong, and learn which parts of that are right.

    What is not given is asked for. In a course your lead learns how near it is, and the first
    answer counts.
    """
    from lab_runner.attempts.scoring import Answer

    with attempts() as use:
        deployed = use.find(attempt)
        given = {"node": node, "layer": layer, "component": component, "cause": cause}
        words = {name: value or _ask(name) for name, value in given.items()}
        _require_known(words, [name for name in deployed.states if name[0] != "("])
        result = use.diagnose(deployed, Answer(**words))
    if deployed.assignment:
        _show_kept(json=json)
    elif json:
        from lab_runner.cli.plain import show_json

        touched = result.touched
        told = {} if touched is None else {"left_alone": not touched}
        show_json({"points": result.score.points, **vars(result.score), **told})
    else:
        _show(result)


def _show_kept(*, json: bool) -> None:
    """That it was right would be found out by trying, and by starting again."""
    from lab_runner.cli.plain import show_json
    from lab_runner.cli.screen import out, text

    if json:
        show_json({"kept": True})
        return
    console = out()
    console.print(text("Kept, for your lead.", "passed"), "Of several answers the first counts.")


def _ask(name: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(f"--{name} is missing.", hint="`lab diagnose --help` shows an example.")
    return str(typer.prompt(_QUESTIONS[name]))


def _require_known(words: dict[str, str], nodes: list[str]) -> None:
    from lab_runner.errors import UnknownName
    from lab_runner.models.source import unknown

    for name, known in (("node", nodes), ("layer", list(LAYERS))):
        if words[name] not in known:
            raise UnknownName(unknown(f"{name} {words[name]!r}", words[name], known))


def _show(result: Diagnosed) -> None:
    from lab_runner.cli.screen import out, text

    console = out()
    _show_score(console, result.score)
    if result.touched is None:
        return
    if not result.touched:
        words = "This is not ours to repair, and all else is in order: solved."
        console.print(text(words, "passed"))
        return
    console.print(text("This is not ours to repair. What else is not in order:", "failed"))
    for row in result.touched:
        console.print(text(f"  ✗ {row.title}", "failed"), text(row.rationale, "quiet"))
    words = "Say it again once that is in order; `lab reset` hands the network over afresh."
    console.print(text(words, "quiet"))


def _show_score(console: Console, result: Score) -> None:
    from lab_runner.cli.screen import table, text

    shown = table("", "", "")
    shown.show_header = False
    for name in ("node", "layer", "component", "cause"):
        share = float(getattr(result, name))
        mark = ("✓", "passed") if share == 1 else ("~", "skipped") if share else ("✗", "failed")
        said = "right" if share == 1 else "in part" if share else "not it"
        shown.add_row(text(*mark), text(name), text(said, "quiet"))
    console.print(shown)
    console.print(text(f"{result.points} of 100 points"))
