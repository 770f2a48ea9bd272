"""``lab record``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab_runner.cli.session import JsonOption

if TYPE_CHECKING:
    from lab_runner.attempts.keeping import Kept
    from lab_runner.attempts.store import Store

app = typer.Typer(
    help="What is recorded of your work: show it, switch it, take it along, delete it.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
)
Attempt = Annotated[
    str | None, typer.Argument(metavar="[ATTEMPT]", help="Which one; its first letters will do.")
]
Attempts = Annotated[
    list[str] | None, typer.Argument(metavar="ATTEMPT…", help="Which ones; first letters will do.")
]
AllOption = Annotated[bool, typer.Option("--all", help="All of them.")]


@app.command()
def show(attempt: Attempt = None, json: JsonOption = False) -> None:
    """What is kept, where, and how big it is."""
    from lab_runner.attempts.keeping import kept
    from lab_runner.attempts.recording import is_wanted
    from lab_runner.attempts.store import Store
    from lab_runner.cli.plain import show_json
    from lab_runner.cli.recorded import facts, show_all, show_one

    with Store() as store:
        found = kept(store, attempt)
    if json:
        where = str(store.path.parent)
        show_json({"on": is_wanted(), "where": where, "attempts": [facts(one) for one in found]})
    elif attempt and len(found) == 1:
        show_one(found[0])
    else:
        show_all(found, store.path.parent)


@app.command()
def on() -> None:
    """Record practice from now on."""
    _switch(on=True)


@app.command()
def off() -> None:
    """Do not record practice any more; what belongs to a course still is."""
    _switch(on=False)


def _switch(*, on: bool) -> None:
    from lab_runner.attempts.history import records
    from lab_runner.attempts.recording import switch
    from lab_runner.attempts.store import Store
    from lab_runner.cli.recorded import show_switched

    with Store() as store:
        going_on = [name for name, told in records(store.events()).items() if not told.ended]
        kept = switch(store, going_on, on=on)
    show_switched(kept, on=on)


@app.command()
def export(
    attempts: Attempts = None,
    to: Annotated[
        Path,
        typer.Option("--to", "-o", metavar="PATH", help="A folder that is not there yet, or …zip."),
    ] = Path("records.zip"),
    every: AllOption = False,
) -> None:
    """Copy terminals (asciicasts) and events (JSON) of attempts into a zip file or a folder."""
    from lab_runner.attempts import keeping
    from lab_runner.attempts.store import Store
    from lab_runner.cli.screen import out, text
    from lab_runner.errors import UsageError

    with Store() as store:
        chosen = _chosen(store, attempts, every=every)
        for one in chosen:
            if one.record.hidden:
                raise UsageError(
                    f"What is kept of {one.record.attempt} names its scenario, which is not told "
                    "yet.",
                    hint="Export it when it is solved or stopped.",
                )
        keeping.export(store, [one.record.attempt for one in chosen], to)
    out().print(text(f"Wrote {to}: {_count(chosen)}."))


@app.command()
def delete(
    attempts: Attempts = None,
    every: AllOption = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Throw away all that is kept of attempts that are over: terminals, commands, checks."""
    from lab_runner.attempts import keeping
    from lab_runner.attempts.store import Store
    from lab_runner.cli.screen import out, text

    with Store() as store:
        chosen = _over(_chosen(store, attempts, every=every), every=every)
        if not chosen:
            out().print("Nothing is kept of an attempt that is over.")
        elif yes or _agreed(chosen):
            keeping.delete(store, [one.record.attempt for one in chosen])
            out().print(text(f"Deleted: {_count(chosen)}."))
        else:
            out().print("Nothing was deleted.")
            raise typer.Exit(1)


def _chosen(store: Store, attempts: list[str] | None, *, every: bool) -> list[Kept]:
    from lab_runner.attempts.keeping import kept, the_one
    from lab_runner.errors import UsageError

    if bool(attempts) == every:
        raise UsageError(
            "Name attempts, or say --all.", hint="`lab record show` lists them, with their size."
        )
    return kept(store) if every else [the_one(store, name) for name in attempts or ()]


def _over(chosen: list[Kept], *, every: bool) -> list[Kept]:
    """Those that are over; where one that is not was named, that is an error."""
    from lab_runner.engine.docker import connect
    from lab_runner.engine.running import find
    from lab_runner.errors import UsageError

    going_on: set[str] = set()
    if any(not one.record.ended for one in chosen):
        client = connect()
        going_on = {lab.attempt for lab in find(client)}
        client.close()
    named = [one.record.attempt for one in chosen if one.record.attempt in going_on]
    if named and not every:
        raise UsageError(
            f"{named[0]} still runs.",
            hint=f"`lab stop {named[0]}` first; or `lab record off`, and no more is kept of it.",
        )
    return [one for one in chosen if one.record.attempt not in going_on]


def _agreed(chosen: list[Kept]) -> bool:
    from lab_runner.cli.screen import out, text
    from lab_runner.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError("Nobody can be asked here.", hint="--yes deletes without asking.")
    console = out()
    console.print(text(f"This deletes {_count(chosen)}: `lab progress` forgets them, too."))
    courses = sorted({one.record.course for one in chosen if one.record.course})
    if courses:
        names = ", ".join(courses)
        console.print(text(f"Some belong to a course ({names}) and cannot be handed in then."))
    return typer.confirm("Delete?")


def _count(chosen: list[Kept]) -> str:
    from lab_runner.cli.recorded import size

    terminals = sum(len(one.terminals) for one in chosen)
    words: list[Any] = [len(chosen), "attempt" if len(chosen) == 1 else "attempts"]
    return (
        f"{words[0]} {words[1]} with {terminals} terminal{'' if terminals == 1 else 's'}, "
        f"{size(sum(one.bytes for one in chosen))}"
    )
