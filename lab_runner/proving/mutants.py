"""Which repairs that nobody wrote a scenario is tried with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, zip_longest

from lab_runner.models.mutants import Mutant
from lab_runner.models.scenario import Scenario, Solution, Step
from lab_runner.planning.plan import Plan
from lab_runner.proving import operators
from lab_runner.proving.operators import TO_A_SOLUTION, scenario_of

#: So many of a scenario's mutants are tried, unless those that are certain are more.
AT_MOST = 20


def mutants(plan: Plan, others: Mapping[str, Scenario], at_most: int = AT_MOST) -> list[Mutant]:
    """A scenario's mutants: all that are certain, and of every other kind in turn.

    The same plan has the same mutants. Those that are compared with a solution follow
    each other.

    Args:
        plan: The scenario's, with one seed.
        others: Further scenarios of its lab by id, with the same seed.
        at_most: So many, unless more are certain.
    """
    kinds = _distinct(plan, _kinds(plan, others))
    certain = [mutant for kind in kinds for mutant in kind if mutant.certain]
    rest = [_shuffled(plan, [m for m in kind if not m.certain]) for kind in kinds]
    in_turn = filter(None, chain.from_iterable(zip_longest(*rest)))
    chosen = [*certain, *in_turn][: max(at_most, len(certain))]
    return sorted(chosen, key=lambda mutant: mutant.base)


def _kinds(plan: Plan, others: Mapping[str, Scenario]) -> Iterator[Iterable[Mutant]]:
    scenario = scenario_of(plan)
    solutions = [_without_idle_steps(one) for one in scenario.solutions]
    yield [operators.nothing(scenario)]
    for make in TO_A_SOLUTION:
        made = [make(plan, number, one) for number, one in enumerate(solutions, 1)]
        # What is missing is the richest source: of each solution one, before another's turn.
        yield from made if make is operators.without else [chain.from_iterable(made)]
    yield operators.one_after_another(solutions)
    yield operators.accept_everything(plan)
    yield operators.of_others(plan, others)


def _without_idle_steps(solution: Solution) -> Solution:
    """In some variants there is nothing to be done somewhere."""
    steps = [step for step in solution.steps if step.run is None or step.run.strip() != "true"]
    return solution.model_copy(update={"steps": steps})


def _distinct(plan: Plan, kinds: Iterable[Iterable[Mutant]]) -> list[list[Mutant]]:
    """Without those that somebody wrote, or that are one another."""
    scenario = scenario_of(plan)
    written: list[list[Step]] = [one.steps for one in scenario.solutions]
    written += [fix.steps for fix in scenario.wrong_fixes]
    seen = {_plain(steps) for steps in written}
    found = []
    for kind in kinds:
        new = {_plain(mutant.steps): mutant for mutant in kind}
        found.append([mutant for steps, mutant in new.items() if steps not in seen])
        seen |= new.keys()
    return found


def _plain(steps: Iterable[Step]) -> str:
    return "\n".join(" ".join(repr(step).split()) for step in steps)


def _shuffled(plan: Plan, kind: Iterable[Mutant]) -> list[Mutant]:
    """In an order of its own, so that it is not always the first line that is tried.

    What is new in a scenario does not move what was there.
    """

    def key(mutant: Mutant) -> str:
        named = f"{plan.scenario_id} {mutant.title} {mutant.change}"
        return hashlib.sha256(named.encode()).hexdigest()

    return sorted(kind, key=key)
