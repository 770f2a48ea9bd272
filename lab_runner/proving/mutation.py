"""Tries repairs that nobody wrote on one lab, and holds what the checks make of them to reason.

A mutant's verdict is red as soon as a check is; green if none is, and none after a reboot of
what was changed. Where it is what was to be expected, or where a lesser form of a repair ends
in the very configuration of the whole one, or one changes nothing of a control, it explains
itself. Otherwise a person has to say in the scenario's ``mutants.yml`` why it is right: else the
checks are too lax, or too strict.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from lab_runner.catalogue import Catalogue
from lab_runner.checker.handed_over import hand_over, unchanged
from lab_runner.errors import ExecFailed, NodeNotReady, UsageError, WiringFailed
from lab_runner.models.mutants import Explanation, Mutant, Verdict
from lab_runner.models.results import Status
from lab_runner.models.scenario import Scenario, Step
from lab_runner.planning.composite import is_exam
from lab_runner.planning.plan import Plan, make_plan
from lab_runner.proving import matrix
from lab_runner.proving.contract import ProofJob
from lab_runner.proving.matrix import Cell, Clause, Row
from lab_runner.proving.mutants import mutants
from lab_runner.proving.stage import Stage, since
from lab_runner.proving.states import leant_on

SAME = "the same configuration as after the whole repair"
IDLE = "it found nothing to change, and a control is to be left alone"
#: Of so many other scenarios of the lab a repair may be tried.
_OTHERS = 3
_STATE_LENGTH = 90


@dataclass(frozen=True)
class MutationJob(ProofJob):
    """All mutants of one scenario, for a pool; it tells each row."""

    tried: tuple[Mutant, ...] = ()
    explanations: tuple[Explanation, ...] = ()

    def states(self, stage: Stage) -> Iterator[Row]:
        """Each mutant in turn; before them, what was explained and is none any more."""
        yield from _gone(self.tried, self.explanations)
        trials = _Trials(stage)
        for mutant in self.tried:
            yield trials.row(mutant, self._explanation(mutant))

    def _explanation(self, mutant: Mutant) -> Explanation | None:
        return next((one for one in self.explanations if one.is_about(mutant)), None)


def mutations(catalogue: Catalogue, names: Iterable[str], seed: int) -> list[MutationJob]:
    """What is to be tried of each scenario; of all where none is named.

    Exams are left out: they bring no repair of their own.

    Raises:
        DefinitionError: A file is wrong.
        UsageError: A scenario that is named is an exam.
    """
    ordinary = [source.id for source in catalogue.scenarios() if not is_exam(source)]
    wanted = [catalogue.scenario(name).id for name in names]
    for name in sorted(set(wanted).difference(ordinary)):
        raise UsageError(f"{name} is a composite itself.", hint="Name one of its parts.")
    return [_of_one(catalogue, name, ordinary, seed) for name in wanted or ordinary]


def _of_one(catalogue: Catalogue, name: str, ordinary: list[str], seed: int) -> MutationJob:
    plan = replace(make_plan(catalogue, name, seed), proof=True)
    explained = catalogue.scenario(name).explanations()
    return MutationJob(
        plan,
        tried=tuple(mutants(plan, _others(catalogue, plan, ordinary))),
        explanations=tuple(one for one in explained if seed in one.seeds),
    )


def _others(catalogue: Catalogue, plan: Plan, ordinary: list[str]) -> dict[str, Scenario]:
    """A few scenarios of the same lab with the same seed: other ones for each scenario."""

    def key(name: str) -> str:
        return hashlib.sha256(f"{plan.scenario_id} {name}".encode()).hexdigest()

    at_home = [
        name
        for name in ordinary
        if name != plan.scenario_id
        and catalogue.scenario(name).document.data.get("lab") == plan.lab_id
    ]
    plans = [make_plan(catalogue, name, plan.seed) for name in sorted(at_home, key=key)[:_OTHERS]]
    return {str(one.scenario_id): one.scenario for one in plans if one.scenario}


def _gone(tried: Iterable[Mutant], explanations: Iterable[Explanation]) -> Iterator[Row]:
    every = list(tried)
    gone = [one.mutant for one in explanations if not any(one.is_about(m) for m in every)]
    if gone:
        problem = f"explained, but there is no such mutant any more: {', '.join(gone)}"
        yield Row(clause=Clause.MUTANT, state="mutants.yml", problem=problem)


class _Trials:
    """Mutants on one lab."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        #: The solution whose configuration the lab knows; 0: none's.
        self._known = 0

    def row(self, mutant: Mutant, explanation: Explanation | None) -> Row:
        started = time.monotonic()
        row = self._verdict(mutant)
        if row.problem or row.verdict is mutant.expected:
            row = _as_expected(row, explanation)
        elif row.verdict is Verdict.GREEN and self._stage.scenario.control:
            row = _as_expected(row.model_copy(update={"note": IDLE}), explanation)
        elif row.verdict is Verdict.GREEN and mutant.base and self._is_the_whole(mutant.base):
            row = _as_expected(row.model_copy(update={"note": SAME}), explanation)
        else:
            row = _surprising(row, mutant, explanation)
        return row.model_copy(update={"seconds": since(started)})

    def _verdict(self, mutant: Mutant) -> Row:
        self._stage.break_it(seen=not mutant.steps)
        failed = _applied(self._stage, mutant.steps)
        row = _looked_at(self._stage, mutant)
        if row.verdict is Verdict.GREEN and mutant.steps:
            row = _rebooted(self._stage, mutant)
        return row.model_copy(update={"note": "; ".join(filter(None, (*failed, row.note)))})

    def _is_the_whole(self, base: int) -> bool:
        """Does the whole solution, rebooted, end in the same configuration of all nodes?"""
        lab = self._stage.lab
        if self._known == base:
            return unchanged(lab).status is Status.PASSED
        hand_over(lab, configuration=True)
        self._stage.break_it(seen=False)
        self._stage.apply(self._stage.scenario.solutions[base - 1].steps)
        self._stage.reboot()
        same = unchanged(lab).status is Status.PASSED
        hand_over(lab, configuration=True)
        self._known = base
        return same


def _applied(stage: Stage, steps: Iterable[Step]) -> list[str]:
    """Whoever types goes on after a command that failed. Says what did."""
    failed = []
    for step in steps:
        try:
            stage.apply([step])
        except (ExecFailed, WiringFailed) as exc:
            failed.append(str(exc).splitlines()[0])
    return failed


def _looked_at(stage: Stage, mutant: Mutant, when: str = "") -> Row:
    """All checks; but where red is to be expected, and a symptom is red already, no others."""
    if mutant.expected is Verdict.RED and not stage.lab.plan.beyond:
        symptoms = _look(stage, mutant, when, leant_on(stage.lab.plan, stage.scenario.symptoms))
        if symptoms.verdict is Verdict.RED or symptoms.problem:
            return symptoms
    return _look(stage, mutant, when)


def _look(stage: Stage, mutant: Mutant, when: str, names: Iterable[str] | None = None) -> Row:
    change = " ".join(mutant.change.split())
    state = f"{mutant.id}: {change}"[:_STATE_LENGTH] + when
    judged = partial(matrix.repaired, stage.lab.plan)
    surely_red = mutant.certain and mutant.expected is Verdict.RED
    red = stage.scenario.symptoms if surely_red else []
    row = stage.row(Clause.MUTANT, state, judged, names, expect_red=red)
    wrong = [cell for cell in row.cells if cell.wrong]
    if wrong and all(cell.status is Status.ERROR for cell in wrong):
        return row.model_copy(update={"problem": "could not be judged"})
    verdict = Verdict.RED if wrong else Verdict.GREEN
    return row.model_copy(update={"verdict": verdict, "note": _reds(wrong)})


def _reds(wrong: list[Cell]) -> str:
    return ", ".join(cell.check for cell in wrong if cell.status is Status.FAILED)


def _rebooted(stage: Stage, mutant: Mutant) -> Row:
    try:
        stage.reboot()
    except NodeNotReady as exc:
        state, note = f"{mutant.id}, rebooted", str(exc).splitlines()[0]
        return Row(clause=Clause.MUTANT, state=state, verdict=Verdict.RED, note=note)
    return _looked_at(stage, mutant, ", rebooted")


def _as_expected(row: Row, explanation: Explanation | None) -> Row:
    cells = tuple(cell.model_copy(update={"expected": ()}) for cell in row.cells)
    problem = row.problem
    if explanation and not problem:
        problem = f"is explained in mutants.yml, and needs no explanation: {row.note}"
    return row.model_copy(update={"cells": cells, "problem": problem})


def _surprising(row: Row, mutant: Mutant, explanation: Explanation | None) -> Row:
    if mutant.certain:
        return row.model_copy(update={"problem": f"is {row.verdict}, must be {mutant.expected}"})
    if explanation is None or explanation.verdict is not row.verdict:
        problem = f"is {row.verdict}, and nobody has said why: {' '.join(mutant.change.split())}"
        return row.model_copy(update={"problem": problem})
    return _as_expected(row.model_copy(update={"note": explanation.because}), None)
