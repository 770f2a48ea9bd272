"""``lab course``: the lead's folder with a course in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab_runner.cli import complete
from lab_runner.cli.session import JsonOption, catalogue

if TYPE_CHECKING:
    from lab_runner.grading.course import CourseFolder

app = typer.Typer(
    help="A course for a team: begin one, invite everybody, see how it stands, override a mark.",
    no_args_is_help=True,
)

CourseArgument = Annotated[
    Path, typer.Argument(metavar="[DIR]", help="The course's folder; this one if left out.")
]
CourseOption = Annotated[
    Path,
    typer.Option("--course", metavar="DIR", help="The course's folder; this one if left out."),
]


@app.command(epilog="Example:\n\nlab course new november --scenario no-page-opens")
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, or an empty one.")],
    scenario: Annotated[
        str | None,
        typer.Option(
            metavar="SCENARIO", help="The first assignment.", autocompletion=complete.scenarios
        ),
    ] = None,
) -> None:
    """Begin a course: a course.yml and a roster.csv to be edited, and its keys."""
    from lab_runner.cli.screen import out, text
    from lab_runner.grading.beginning import begin

    begin(folder, catalogue(), scenario)
    console = out()
    console.print("Written:", text(folder / "course.yml", "name"), text("title, cases, rubric"))
    console.print("Written:", text(folder / "roster.csv", "name"), text("everybody who takes part"))
    console.print("Written:", text(folder / "keys", "name"), text("the course's secrets"))
    console.print(
        text(
            "Keep the folder keys to yourself, and a copy of it: with it anybody can compute every "
            "variant, and without it no hand-in can be matched."
        )
    )
    console.print("Edit both files, then:", text(f"lab course invite {folder}", "name"))


@app.command(epilog="Examples:\n\nlab course invite november\n\nlab course invite --only ada")
def invite(
    folder: CourseArgument = Path(),
    only: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Not everybody; may be given again.")
    ] = None,
) -> None:
    """Write a small file for everybody in the roster: who they are, and what there is to do.

    Whoever has one keeps their key and their variants. What changed is told, for whom to send it.
    """
    from lab_runner.cli.invitations import show_invited
    from lab_runner.grading.inviting import gone, invite

    course = opened(folder)
    show_invited(course, invite(course, only or []), gone(course))


@app.command(epilog="Example:\n\nlab course show november")
def show(folder: CourseArgument = Path(), json: JsonOption = False) -> None:
    """What the course comes to: assignments, rubric, who is invited, who handed in."""
    from lab_runner.cli.plain import show_json
    from lab_runner.cli.standings import course_json, show_course

    course = opened(folder)
    if json:
        show_json(course_json(course))
    else:
        show_course(course)


@app.command(
    epilog='Example:\n\nlab course mark ada case-1 80 --comment "Right, but for a typing slip."'
)
def mark(
    trainee: Annotated[str, typer.Argument(metavar="TRAINEE", help="By the roster's id.")],
    assignment: Annotated[str, typer.Argument(metavar="ASSIGNMENT", help="Which one.")],
    points: Annotated[float, typer.Argument(metavar="POINTS", help="0 to 100.", min=0, max=100)],
    comment: Annotated[str, typer.Option(help="Why; the gradebook shows it.")],
    by: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who; your login name if left out.")
    ] = None,
    course: CourseOption = Path(),
) -> None:
    """Override the mark of what a trainee handed in last.

    Every override is kept, with who, when and why; the last counts.
    """
    from lab_runner.cli.screen import out, text
    from lab_runner.grading.overriding import override

    before, after = override(opened(course), trainee, assignment, points, comment, by)
    was = "not graded" if before.points is None else f"{before.points:g}"
    told = f"{was} → {after.points:g} of 100"
    console = out()
    console.print(text(f"{trainee} {assignment}:", "name"), text(told), text(comment, "quiet"))


def opened(folder: Path) -> CourseFolder:
    """The course in a folder.

    Raises:
        UsageError: There is none.
        DefinitionError: Its file is wrong.
    """
    from lab_runner.grading.course import CourseFolder

    return CourseFolder.open(folder, catalogue())
