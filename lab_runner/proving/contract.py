"""Brings one scenario into every state that the contract names, and looks.

States that must not know of each other start from fresh disks, wherever an earlier
one was; those that build on each other (healthy, broken, repaired, rebooted) follow.
"""

from __future__ import annotations

import concurrent.futures
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from lab_runner.catalogue import Catalogue
from lab_runner.checker.handed_over import remember, unchanged
from lab_runner.checker.run import run_checks
from lab_runner.engine import running
from lab_runner.engine.running import RunningLab
from lab_runner.errors import LabRunnerError
from lab_runner.models.results import Report, Role
from lab_runner.models.scenario import LEFT_ALONE, UNCHANGED, Scenario, Solution, Step, WrongFix
from lab_runner.planning.plan import Plan, make_plan
from lab_runner.proving import matrix
from lab_runner.proving.matrix import Clause, Proof, Row
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
        stage = _Stage(lab, scenario)
        yield _healthy(lab)
        stage.apply(scenario.fault)
        yield _broken(lab, scenario)
        yield _no_spoiler(lab)
        stage.hand_over()
        for number, solution in enumerate(scenario.solutions or [LEFT_ALONE]):
            if number:
                stage.break_again()
            yield from _repaired(stage, solution, first=not number)
        for fix in scenario.wrong_fixes:
            stage.break_again()
            yield _wrong_fix(stage, fix)


class _Stage:
    """One lab, on which states follow each other that must not know of each other.

    Only the nodes that an earlier state has changed are built again; the others forget.
    """

    def __init__(self, lab: RunningLab, scenario: Scenario) -> None:
        self.lab = lab
        self._scenario = scenario
        self._changed: set[str] = set()

    def apply(self, steps: Iterable[Step]) -> None:
        """Carry out steps, and remember where."""
        for step in steps:
            self._changed.add(step.place)
            self.lab.apply([step])

    def hand_over(self) -> None:
        """From now on, what is to be left alone must be as it is."""
        if self.lab.plan.beyond:
            remember(self.lab)

    def look(self, names: Iterable[str] | None = None) -> Report:
        """All checks, or some; where something is to be left alone, whether it was as well."""
        plan = self.lab.plan
        wanted = {check.id for check in plan.checks} | {UNCHANGED} if names is None else set(names)
        report = run_checks(self.lab, checks=[c for c in plan.checks if c.id in wanted])
        if plan.beyond and UNCHANGED in wanted:
            report.checks.append(unchanged(self.lab))
        return report

    def reboot(self) -> None:
        """As if everything were rebooted: unchanged disks boot as they have before."""
        self.lab.reboot(self._changed, _quiet)
        self._forget()

    def _forget(self) -> None:
        nodes = self.lab.plan.lab.nodes
        scripts = {n: s.forget for n, s in nodes.items() if s.forget and n not in self._changed}
        steps = [Step(node=name, run=script) for name, script in scripts.items()]
        with concurrent.futures.ThreadPoolExecutor(max(len(steps), 1)) as pool:
            list(pool.map(lambda step: self.lab.apply([step]), steps))

    def break_again(self) -> None:
        """From any state to the freshly broken one."""
        self.lab.reset(_quiet, self._changed)
        self._forget()
        self._changed.clear()
        self.apply(self._scenario.fault)
        symptoms = [c for c in self.lab.plan.checks if self.lab.plan.role(c.id) is Role.SYMPTOM]
        run_checks(self.lab, checks=symptoms, expect_broken=True)
        self.hand_over()


def _healthy(lab: RunningLab) -> Row:
    started = time.monotonic()
    cells = matrix.healthy(lab.plan, run_checks(lab))
    return Row(clause=Clause.HEALTHY, state="healthy", cells=cells, seconds=_since(started))


def _broken(lab: RunningLab, scenario: Scenario) -> Row:
    started = time.monotonic()
    run_checks(lab, expect_broken=True)
    report = run_checks(lab)
    assert scenario is lab.plan.scenario
    cells = matrix.broken(lab.plan, report)
    return Row(clause=Clause.BROKEN, state="broken", cells=cells, seconds=_since(started))


def _repaired(stage: _Stage, solution: Solution, *, first: bool) -> Iterator[Row]:
    lab = stage.lab
    stage.apply(solution.steps)
    yield _repaired_row(stage, Clause.REPAIRED, solution.title)
    if first:
        lab.reboot(lab.plan.nodes, _quiet)
    else:
        stage.reboot()
    yield _repaired_row(stage, Clause.SURVIVES, f"{solution.title}, rebooted")


def _repaired_row(stage: _Stage, clause: Clause, state: str) -> Row:
    started = time.monotonic()
    cells = matrix.repaired(stage.lab.plan, stage.look())
    return Row(clause=clause, state=state, cells=cells, seconds=_since(started))


def _wrong_fix(stage: _Stage, fix: WrongFix) -> Row:
    """Only the checks that should see it are asked, and those without which they say nothing."""
    lab = stage.lab
    stage.apply(fix.steps)
    if fix.after_reboot:
        stage.reboot()
    title = f"{fix.title}, rebooted" if fix.after_reboot else fix.title
    started = time.monotonic()
    report = stage.look(_leant_on(lab.plan, fix.caught_by))
    cells = matrix.caught(lab.plan, report, fix.caught_by)
    return Row(clause=Clause.WRONG_FIX, state=title, cells=cells, seconds=_since(started))


def _leant_on(plan: Plan, names: Iterable[str]) -> set[str]:
    """Checks, and those without which they say nothing."""
    wanted = set(names)
    if plan.scenario and wanted.intersection(plan.scenario.silenced):
        wanted |= set(plan.scenario.symptoms)
    leans = {c.id: {*c.requires, *filter(None, [c.control])} for c in plan.checks}
    more = wanted
    while more:
        more = set().union(*(leans.get(name, set()) for name in more)) - wanted
        wanted |= more
    return wanted


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
