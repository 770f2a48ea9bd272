"""Brings one scenario into every state that the contract names, and looks.

States that must not know of each other start from fresh disks; those that build
on each other (healthy, broken, repaired, rebooted) follow on one lab.
"""

from __future__ import annotations

import concurrent.futures
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from lab_runner.catalogue import Catalogue
from lab_runner.checker.run import run_checks
from lab_runner.engine import running
from lab_runner.engine.running import RunningLab
from lab_runner.errors import LabRunnerError
from lab_runner.models.results import Report
from lab_runner.models.scenario import Scenario, Solution, WrongFix
from lab_runner.planning.plan import Plan, make_plan
from lab_runner.proving import matrix
from lab_runner.proving.matrix import Cell, Clause, Proof, Row
from lab_runner.proving.spoilers import spoilers

if TYPE_CHECKING:
    from docker import DockerClient

OnRow = Callable[[str, int, Row], None]


def prove(
    catalogue: Catalogue,
    client: DockerClient,
    scenario_ids: Iterable[str],
    *,
    seeds: Iterable[int] = (1,),
    repetitions: int = 1,
    jobs: int = 1,
    on_row: OnRow = lambda *_: None,
) -> list[Proof]:
    """Prove scenarios, several at a time.

    Args:
        catalogue: Where they are found.
        client: The engine.
        scenario_ids: Which ones.
        seeds: Each scenario is proven with each of these.
        repetitions: How often each of those is done (C8).
        jobs: Labs at a time.
        on_row: Told of each state as it is done: scenario, seed, row.

    Returns:
        One proof for each scenario, seed and repetition, in that order.

    Raises:
        DefinitionError: A file is wrong; nothing was started.
    """
    work = [
        (make_plan(catalogue, name, seed), turn)
        for name in scenario_ids
        for seed in seeds
        for turn in range(repetitions)
    ]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        proofs = [pool.submit(_prove_one, client, plan, turn, on_row) for plan, turn in work]
        try:
            return [proof.result() for proof in proofs]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _prove_one(client: DockerClient, plan: Plan, turn: int, on_row: OnRow) -> Proof:
    assert plan.scenario_id is not None
    attempt = secrets.token_hex(3)
    rows: list[Row] = []
    try:
        for row in _states(client, plan, attempt):
            rows.append(row)
            on_row(plan.scenario_id, plan.seed, row)
    except LabRunnerError as exc:
        rows.append(Row(clause=Clause.STEADY, state="the lab itself", problem=str(exc)))
        on_row(plan.scenario_id, plan.seed, rows[-1])
    finally:
        running.remove(client, attempt, _quiet)
    rows.append(_clean(client, attempt))
    on_row(plan.scenario_id, plan.seed, rows[-1])
    return Proof(scenario=plan.scenario_id, seed=plan.seed, repetition=turn, rows=tuple(rows))


def _states(client: DockerClient, plan: Plan, attempt: str) -> Iterator[Row]:
    assert plan.scenario is not None
    scenario = plan.scenario
    with running.deploy(client, plan, attempt, _quiet) as lab:
        yield _row(lab, Clause.HEALTHY, "healthy", lambda r: matrix.healthy(plan, r))
        lab.apply(scenario.fault)
        yield _broken(lab, scenario)
        yield _no_spoiler(lab)
        for number, solution in enumerate(scenario.solutions):
            if number:
                _break_again(lab, scenario)
            yield from _repaired(lab, solution)
        for fix in scenario.wrong_fixes:
            _break_again(lab, scenario)
            yield _wrong_fix(lab, fix)


def _break_again(lab: RunningLab, scenario: Scenario) -> None:
    lab.reset(_quiet)
    lab.apply(scenario.fault)
    run_checks(lab, expect_broken=True)


def _broken(lab: RunningLab, scenario: Scenario) -> Row:
    started = time.monotonic()
    run_checks(lab, expect_broken=True)
    report = run_checks(lab)
    assert scenario is lab.plan.scenario
    cells = matrix.broken(lab.plan, report)
    return Row(clause=Clause.BROKEN, state="broken", cells=cells, seconds=_since(started))


def _repaired(lab: RunningLab, solution: Solution) -> Iterator[Row]:
    lab.apply(solution.steps)
    look = lambda report: matrix.healthy(lab.plan, report)  # noqa: E731 - used twice below
    yield _row(lab, Clause.REPAIRED, solution.title, look)
    lab.reboot(lab.plan.nodes, _quiet)
    yield _row(lab, Clause.SURVIVES, f"{solution.title}, rebooted", look)


def _wrong_fix(lab: RunningLab, fix: WrongFix) -> Row:
    lab.apply(fix.steps)
    if fix.after_reboot:
        lab.reboot(lab.plan.nodes, _quiet)
    title = f"{fix.title}, rebooted" if fix.after_reboot else fix.title
    return _row(lab, Clause.WRONG_FIX, title, lambda r: matrix.caught(lab.plan, r, fix.caught_by))


def _row(
    lab: RunningLab, clause: Clause, state: str, look: Callable[[Report], tuple[Cell, ...]]
) -> Row:
    started = time.monotonic()
    cells = look(run_checks(lab))
    return Row(clause=clause, state=state, cells=cells, seconds=_since(started))


def _no_spoiler(lab: RunningLab) -> Row:
    started = time.monotonic()
    found = spoilers(lab)
    problem = "; ".join(found) or None
    return Row(
        clause=Clause.NO_SPOILER, state="nothing tells", problem=problem, seconds=_since(started)
    )


def _clean(client: DockerClient, attempt: str) -> Row:
    left = [lab for lab in running.find(client) if lab.attempt == attempt]
    problem = f"left behind: {', '.join(left[0].states)}" if left else None
    return Row(clause=Clause.CLEAN, state="nothing left", problem=problem)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 2)


def _quiet(_item: str, _state: str) -> None:
    """Proofs report states, not machines."""
