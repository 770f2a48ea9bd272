"""``lab status``."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab_runner.cli.session import JsonOption, catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab_runner.attempts.finding import Standing
    from lab_runner.attempts.history import Record
    from lab_runner.engine.running import Deployed


def command(
    every: Annotated[bool, typer.Option("--all", help="Also the attempts that are over.")] = False,
    json: JsonOption = False,
) -> None:
    """What runs, how it stands, and what became of an attempt that vanished."""
    from lab_runner.cli.plain import show_json

    standings = _standings(every=every)
    if json:
        show_json([_facts(standing) for standing in standings])
    else:
        _show(standings)


def _standings(*, every: bool) -> list[Standing]:
    """By the engine and by the record; without a record the engine still tells what runs."""
    from lab_runner.attempts.finding import Standing, finished, reconcile
    from lab_runner.attempts.history import records
    from lab_runner.attempts.store import Store
    from lab_runner.cli.screen import show_problem
    from lab_runner.engine.docker import connect
    from lab_runner.engine.running import find
    from lab_runner.errors import StoreError

    client = connect()
    try:
        with Store() as store:
            past = finished(records(store.events())) if every else []
            return [*past, *reconcile(store, lambda: find(client))]
    except StoreError as exc:
        show_problem(str(exc), exc.hint, title="warning", colour="yellow")
        return [Standing(lab.attempt, lab, None) for lab in find(client)]
    finally:
        client.close()


def _facts(standing: Standing) -> dict[str, Any]:
    lab, record = standing.deployed, standing.record
    source = lab or record
    assert source is not None
    solved = bool(record and (record.solved or record.given_up))
    assignment = (lab.assignment.rpartition("/")[2] if lab else "") or (
        record.assignment if record else ""
    )
    hidden = bool(assignment or (lab and lab.is_unnamed(solved=solved)))
    return {
        "attempt": standing.attempt,
        "state": standing.state,
        "scenario": "" if hidden else source.scenario,
        "drill": bool(lab and lab.drill),
        "assignment": assignment,
        "lab": source.lab,
        "seed": None if assignment else source.seed,
        "started": (record.started if record else lab.created if lab else None).__str__(),
        "nodes": dict(sorted(lab.states.items())) if lab else {},
        "recorded": record is not None,
        "checks": record.checks if record else 0,
        "hints": record.hints if record else 0,
        "solved": bool(record and record.solved),
        "given_up": bool(record and record.given_up),
        "last_check": _last(record, hidden=hidden, seed=not assignment),
    }


def _last(record: Record | None, *, hidden: bool, seed: bool) -> dict[str, Any] | None:
    """The last report, without the names that are kept."""
    from lab_runner.attempts.last_report import report_of

    if not hidden:
        return record.last_check if record else None
    report = report_of(record)
    return report.unnamed(seed=seed).to_json() if report else None


def _show(standings: list[Standing]) -> None:
    from lab_runner.cli.screen import out, table, text

    console = out()
    if not standings:
        console.print("Nothing runs.", text("`lab list` shows what there is to start.", "quiet"))
        return
    shown = table("attempt", "scenario", "seed", "since", "state", "last check", "hints")
    for standing in standings:
        facts = _facts(standing)
        shown.add_row(
            text(standing.attempt, "name"),
            text(_called(facts)),
            text("" if facts["seed"] is None else facts["seed"]),
            text(_ago(standing)),
            text(standing.state, _STYLES.get(standing.state, "")),
            text(_last_check(facts)),
            text(facts["hints"]),
        )
    console.print(shown)
    for standing in standings:
        for line in _remarks(standing):
            console.print(text(f"{standing.attempt}: {line}", "quiet"))


def _called(facts: dict[str, Any]) -> str:
    name = facts["scenario"] or facts["assignment"]
    return str(name or ("a drill" if facts["drill"] else facts["lab"]))


_STYLES = {"running": "passed", "impaired": "failed", "lost": "skipped", "stopped": "quiet"}


def _remarks(standing: Standing) -> Iterator[str]:
    if standing.deployed is not None and standing.deployed.proof:
        way = f"`lab stop {standing.attempt}` takes away what a proof that was cut short has left"
        yield f"held to its contract by `lab prove`, and nobody's attempt; {way}"
        return
    if standing.state == "lost":
        yield (
            "its machines are gone, and it was not `lab stop` that took them away, unless it was "
            "cut short"
        )
    if standing.deployed is not None and standing.record is None:
        way = f"`lab stop {standing.attempt}` takes it away"
        yield (
            f"not in the record: its start is under way, or was cut short ({way}), "
            "or the record was lost (it can be used)"
        )
    if standing.deployed is not None:
        yield from _troubles(standing.deployed, standing.record)


def _troubles(lab: Deployed, record: Record | None) -> Iterator[str]:
    from lab_runner.attempts.folders import advice, missing
    from lab_runner.engine.containers import SWITCHBOARD
    from lab_runner.engine.finding import OFF
    from lab_runner.planning.composite import PLUS

    down = {name: state for name, state in sorted(lab.states.items()) if state != "running"}
    if down:
        told = ", ".join(f"{name} is {state}" for name, state in down.items())
        if SWITCHBOARD in down:
            way = f"stop {lab.attempt}` takes it away"
        elif OFF.issuperset(down.values()):
            way = f"reboot {' '.join(down)}` switches on, and keeps what was done"
        else:
            way = "reset` builds all machines again"
        yield f"{told}; `lab {way}"
    for part in lab.scenario.split(PLUS):
        options = missing(catalogue(), part, lab.lab)
        if options:
            name = f"what {lab.name} needs" if lab.assignment else f"scenario {part!r}"
            what = f"lab {lab.lab!r}" if options == ["labs"] else name
            how = advice(options, record.folders if record else {})
            yield f"there is no {what} here. {how} `lab stop {lab.attempt}` removes it"


def _ago(standing: Standing) -> str:
    source = standing.record.started if standing.record else None
    if source is None and standing.deployed is not None:
        source = standing.deployed.created
    if source is None:
        return ""
    seconds = int((datetime.datetime.now(datetime.UTC) - source).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"


def _last_check(facts: dict[str, Any]) -> str:
    last = facts["last_check"]
    if not last:
        return "none yet"
    red = sum(row["status"] != "passed" for row in last["checks"])
    return "all green" if last["passed"] else f"{red} of {len(last['checks'])} not green"
