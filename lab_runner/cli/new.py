"""``lab new``."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from lab_runner.cli.session import LABS, SCENARIOS, catalogue

app = typer.Typer(
    help="A lab or a scenario to begin with: valid at once, and it holds the contract.",
    no_args_is_help=True,
)

ToOption = Annotated[
    Path | None,
    typer.Option(
        "--to",
        metavar="DIR",
        file_okay=False,
        help="The folder of labs or scenarios that it goes into; made if it is not there. "
        "Default: the first folder of your own, else labs or scenarios here.",
    ),
]


@app.command(epilog="Example:\n\nlab new scenario web/no-page-opens --lab branch")
def scenario(
    name: Annotated[str, typer.Argument(metavar="AREA/ID", help="Its place and its name.")],
    lab: Annotated[str, typer.Option(metavar="LAB", help="On which lab.")],
    to: ToOption = None,
) -> None:
    """A scenario with a small fault, its repairs and its wrong repairs, to be changed."""
    from lab_runner.authoring.skeletons import new_scenario

    top = _top(to, SCENARIOS, "scenarios")
    folder = new_scenario(catalogue(), name, lab, top)
    _show(folder / "scenario.yml", _prefix(top, SCENARIOS), "validate", "prove")


@app.command(epilog="Example:\n\nlab new lab workshop --to my/labs")
def lab(
    name: Annotated[str, typer.Argument(metavar="ID", help="Its name.")],
    to: ToOption = None,
) -> None:
    """A lab with two desks, a server and a router, to be changed."""
    from lab_runner.authoring.skeletons import new_lab

    top = _top(to, LABS, "labs")
    folder = new_lab(catalogue(), name, top)
    _show(folder / "lab.yml", _prefix(top, LABS), "validate")


def _top(to: Path | None, variable: str, here: str) -> Path:
    own = [name for name in os.environ.get(variable, "").split(os.pathsep) if name]
    return to or Path(own[0] if own else here)


def _prefix(top: Path, variable: str) -> str:
    """What has to stand before a verb for the folder to be known, with those that are named now."""
    from lab_runner import paths

    words = []
    for name, option in ((LABS, "labs"), (SCENARIOS, "scenarios")):
        own = [one for one in os.environ.get(name, "").split(os.pathsep) if one]
        known = {Path(one).resolve() for one in (*own, str(paths.data_root() / option))}
        more = [str(top)] if name == variable and top.resolve() not in known else []
        words += [f"--{option} {shlex.quote(one)} " for one in (*own, *more)]
    return "".join(words)


def _show(file: Path, prefix: str, *verbs: str) -> None:
    from lab_runner.cli.screen import out, text

    console = out()
    console.print("Written:", text(file, "name"))
    for verb in verbs:
        console.print(text(f"lab {prefix}{verb} {file.parent.name}", "name"), soft_wrap=True)
