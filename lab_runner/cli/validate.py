"""``lab validate``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab_runner.cli import complete
from lab_runner.cli.session import JsonOption, catalogue

if TYPE_CHECKING:
    from rich.text import Text

    from lab_runner.authoring.findings import Finding
    from lab_runner.authoring.validating import Validation

_FAULTY = 2


def command(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SCENARIO|LAB|FILE|DIR]…",
            help="All that `lab list` knows, and all labs, if nothing is named.",
            autocompletion=complete.scenarios,
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="Fill everything in for so many variants.")
    ] = 25,
    strict: Annotated[
        bool, typer.Option("--strict", help="A warning counts as an error does.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """All that is wrong in labs and scenarios, at once, without starting anything.

    Exit code 0: nothing, or warnings only. 2: something is wrong.
    """
    from lab_runner.authoring.validating import validate
    from lab_runner.cli.plain import show_json

    found = validate(catalogue(), what or [], seeds=seeds)
    if json:
        show_json(_facts(found))
    else:
        _show(found)
    if found.errors or (strict and found.findings):
        raise typer.Exit(_FAULTY)


def _facts(found: Validation) -> dict[str, Any]:
    rows = []
    for one in found.findings:
        facts = {key: value for key, value in vars(one).items() if key != "path"}
        rows.append({"file": one.path, **facts, "seeds": list(one.seeds)})
    return {
        "labs": found.labs,
        "scenarios": found.scenarios,
        "seeds": found.seeds,
        "errors": found.errors,
        "warnings": found.warnings,
        "findings": rows,
        "variants": [vars(one) for one in found.variants],
    }


def _show(found: Validation) -> None:
    from lab_runner.cli.screen import out, table, text

    console = out()
    for one in found.findings:
        console.print(_line(one), soft_wrap=True)
    if found.findings:
        console.print()
    if found.variants:
        shown = table("scenario", "seeds", "parameter sets", "faults")
        for row in found.variants:
            numbers = (row.seeds, row.parameter_sets, row.faults)
            shown.add_row(text(row.scenario, "name"), *(text(number) for number in numbers))
        console.print(shown)
    looked = f"{_count(found.labs, 'lab')}, {_count(found.scenarios, 'scenario')}"
    if found.findings:
        style = "failed" if found.errors else "skipped"
        console.print(text(f"{looked}: {_sum(found)}.", style))
    else:
        console.print(text(f"{looked}: nothing is wrong.", "passed"))


def _line(one: Finding) -> Text:
    from lab_runner.cli.screen import text

    place = ":".join(str(part) for part in (_near(one.path), one.line, one.column) if part)
    style = "failed" if one.severity == "error" else "skipped"
    line = text(f"{place}: ").append_text(text(f"{one.severity}: ", style))
    line.append_text(text(one.message))
    if one.seeds:
        line.append_text(text(f" (with {_seeds(one.seeds)})", "quiet"))
    return line


def _near(path: str) -> str:
    """The path from here, if the file lies below."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path


def _seeds(seeds: tuple[int, ...]) -> str:
    first = ", ".join(str(seed) for seed in seeds[:3])
    more = f" and {len(seeds) - 3} more" if len(seeds) > 3 else ""
    return f"seed{'s' if len(seeds) > 1 else ''} {first}{more}"


def _count(names: tuple[str, ...], what: str) -> str:
    return f"{len(names)} {what}{'' if len(names) == 1 else 's'}"


def _sum(found: Validation) -> str:
    numbers = ((found.errors, "error"), (found.warnings, "warning"))
    return ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in numbers if n)
