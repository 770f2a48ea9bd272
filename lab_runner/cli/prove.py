"""``lab prove``: scenarios held to the contract, shown as states against checks."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lab_runner.cli.screen import err, out
from lab_runner.cli.tally import tally
from lab_runner.errors import UsageError
from lab_runner.models.mutants import Verdict
from lab_runner.models.results import Role, Status
from lab_runner.proving.matrix import Cell, Clause, Proof, Row

if TYPE_CHECKING:
    from lab_runner.catalogue import Catalogue
    from lab_runner.cli.scheduling import Place
    from lab_runner.proving.contract import ProofJob

_MARKS = {Status.PASSED: "●", Status.FAILED: "○", Status.SKIPPED: "·", Status.ERROR: "!"}
_STYLES = {
    Status.PASSED: "green",
    Status.FAILED: "red",
    Status.SKIPPED: "dim",
    Status.ERROR: "yellow",
}
#: What a symptom's name begins with, and what a state takes of a line.
_SYMPTOM_MARK, _STATE_WIDTH = 2, 3
#: Of more proofs than these, nobody reads those that hold: they are many screens each.
_FEW = 3
LEGEND = "● passed  ○ failed  · skipped  ! error  ✗ not what the contract wants  S a symptom"


@dataclass(frozen=True)
class Wanted:
    """What is to be proven, and what is to be kept of it."""

    catalogue: Catalogue
    scenarios: list[str]
    seeds: range
    repetitions: int
    packets: Path | None
    in_pairs: bool
    mutated: bool = False


def command(
    wanted: Wanted,
    place: Place,
    *,
    as_json: bool,
    report: Path | None,
    junit: Path | None,
) -> int:
    """Prove scenarios and show the matrices; of many, only those that do not hold.

    Returns:
        The exit code: 0 if every cell is right, 1 if one is wrong, 3 if a proof could not be
        carried out.
    """
    from lab_runner.proving.junit import junit as junit_xml
    from lab_runner.writing import write_whole

    proofs: list[Proof] = []
    complete = False
    try:
        _prove(wanted, place, proofs)
        complete = True
    finally:  # an hour's proofs are not lost because somebody did not wait for the last one
        proofs.sort(key=lambda proof: (proof.scenario, proof.seed, proof.repetition))
        data = _json(proofs, complete=complete)
        if report is not None:
            write_whole(report, (json.dumps(data, indent=2) + "\n").encode())
        if junit is not None:
            write_whole(junit, junit_xml(proofs).encode())
    if as_json:
        sys.stdout.write(json.dumps(data, indent=2) + "\n")
    else:
        many = len(proofs) > _FEW or wanted.in_pairs or wanted.mutated
        show_proofs(out(), proofs, only_wrong=many)
    return _exit_code(proofs)


def _prove(wanted: Wanted, place: Place, proofs: list[Proof]) -> None:
    """Add each proof as it is done; all are known to make sense before the first begins."""
    from lab_runner.proving.contract import carried_out

    if wanted.in_pairs:
        return _prove_pairs(wanted, place.jobs or 1, proofs)
    jobs = _jobs(wanted)
    console = err()
    with place.pool() as pool, tally(console, "proving", len(jobs)) as count:
        made = carried_out(pool, jobs, on_row=_printing(console))
        with contextlib.closing(made):
            for proof in made:
                proofs.append(proof)
                count()
    return None


def _jobs(wanted: Wanted) -> Sequence[ProofJob]:
    from lab_runner.proving.contract import plans, proof_jobs
    from lab_runner.proving.mutation import mutations

    if wanted.mutated:
        return mutations(wanted.catalogue, wanted.scenarios, wanted.seeds[0])
    names = wanted.scenarios or wanted.catalogue.scenario_ids()
    turns = plans(wanted.catalogue, names, seeds=wanted.seeds, repetitions=wanted.repetitions)
    return proof_jobs(turns, wanted.packets)


def _prove_pairs(wanted: Wanted, jobs: int, proofs: list[Proof]) -> None:
    from lab_runner.engine import docker
    from lab_runner.proving.pairs import pairs, prove_pairs

    both = pairs(wanted.catalogue, wanted.scenarios, wanted.seeds[0])
    proofs += prove_pairs(docker.connect(), both, jobs=jobs, on_row=_printing(err()))


def _printing(console: Console) -> Callable[[str, int, Row], None]:
    return lambda scenario, seed, row: console.print(line(scenario, seed, row))


def _exit_code(proofs: list[Proof]) -> int:
    from lab_runner.proving.contract import NOT_DONE

    if any(row.state == NOT_DONE for proof in proofs for row in proof.rows):
        return 3
    return 0 if all(proof.holds for proof in proofs) else 1


def require_writable(*files: Path | None) -> None:
    """Find out now and not after an hour of proofs.

    Raises:
        UsageError: One cannot be written.
    """
    for file in filter(None, files):
        try:
            file.open("a").close()
        except OSError as exc:
            raise UsageError(
                f"{file} cannot be written: {exc.strerror}.", hint="Nothing was started."
            ) from exc


def line(scenario: str, seed: int, row: Row) -> str:
    """One state, and below it whatever is wrong."""
    mark = "[red]✗[/]" if row.wrong else "[green]✓[/]"
    what = f"{scenario} seed {seed}  {row.clause}  {escape(row.state)}"
    text = f"{mark} {what}  [dim]{row.seconds:.1f} s[/]"
    if row.verdict is not None:
        text += f"\n    [dim]{row.verdict}: {escape(row.note or 'all checks')}[/]"
    for cell in (cell for cell in row.cells if cell.wrong):
        text += f"\n    {escape(_complaint(cell))}"
    return f"{text}\n    {escape(row.problem)}" if row.problem else text


def _complaint(cell: Cell) -> str:
    expected = " or ".join(cell.expected)
    return f"{cell.check} is {cell.status}, should be {expected}: {cell.rationale}"


def show_proofs(console: Console, proofs: list[Proof], *, only_wrong: bool) -> None:
    """The matrices, of many proofs those that somebody has to look at; then the sum of all."""
    for proof in proofs:
        if not (only_wrong and proof.holds):
            show_matrix(console, proof)
    wrong = sum(not proof.holds for proof in proofs)
    cells = sum(len(row.cells) for proof in proofs for row in proof.rows)
    console.print(f"[dim]{LEGEND}[/]")
    verdict = f"[red]{wrong} of {len(proofs)} break the contract[/]"
    if not wrong:
        verdict = f"[green]all {len(proofs)} hold the contract[/]"
    console.print(f"{verdict}: {cells} cells, {len(proofs)} proofs")
    if mutants := [row for proof in proofs for row in proof.rows if row.verdict]:
        red = sum(row.verdict is Verdict.RED for row in mutants)
        unexplained = sum(row.wrong for row in mutants)
        told = f"{red} red, {len(mutants) - red} green, {unexplained} to be explained"
        console.print(f"{len(mutants)} repairs that nobody wrote: {told}")


def show_matrix(console: Console, proof: Proof) -> None:
    """States across, checks down: scenarios have more checks than states.

    Where a terminal is too narrow for all states, they follow in several tables.
    """
    state = "[green]holds[/]" if proof.holds else "[red]does not hold[/]"
    console.print(f"[bold]{proof.scenario}[/] seed {proof.seed}: {state}")
    rows = list(enumerate((row for row in proof.rows if row.cells), 1))
    if not rows:
        return
    checks = _checks(proof)
    names = max(map(len, checks)) + _SYMPTOM_MARK
    fit = max(1, (console.width - names - 1) // _STATE_WIDTH)
    for first in range(0, len(rows), fit):
        console.print(_matrix(checks, rows[first : first + fit]))
    for number, row in rows:
        console.print(f"{number:>3} {row.clause} {escape(row.state)}", style="dim")


def _checks(proof: Proof) -> dict[str, Role]:
    """Every check that was asked in any state, in the order of the files."""
    every = sorted((row.cells for row in proof.rows), key=len, reverse=True)
    return {cell.check: cell.role for cells in every for cell in cells}


def _matrix(checks: Mapping[str, Role], rows: list[tuple[int, Row]]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("check", no_wrap=True)
    for number, row in rows:
        table.add_column(f"{number}\n{row.clause}", justify="center", no_wrap=True)
    cells = [{cell.check: cell for cell in row.cells} for _, row in rows]
    for name, role in checks.items():
        symptom = "S " if role is Role.SYMPTOM else "  "
        table.add_row(symptom + escape(name), *(_cell(state.get(name)) for state in cells))
    return table


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    style = _STYLES[cell.status]
    mark = f"[{style}]{_MARKS[cell.status]}[/]"
    return f"{mark}[red]✗[/]" if cell.wrong else mark


def _json(proofs: list[Proof], *, complete: bool) -> dict[str, Any]:
    return {
        "holds": complete and all(proof.holds for proof in proofs),
        "complete": complete,
        "wrong_cells": sum(
            cell.wrong for proof in proofs for row in proof.rows for cell in row.cells
        ),
        "cells": sum(len(row.cells) for proof in proofs for row in proof.rows),
        "clauses": {clause.name.lower(): clause.value for clause in Clause},
        "proofs": [{**proof.model_dump(mode="json"), "holds": proof.holds} for proof in proofs],
    }
