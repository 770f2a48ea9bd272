"""The states that the contract names, and how a lab is brought into each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from lab_runner.models.scenario import LEFT_ALONE, Solution, WrongFix
from lab_runner.planning.plan import Plan
from lab_runner.proving import matrix
from lab_runner.proving.matrix import Clause, Row
from lab_runner.proving.spoilers import spoilers
from lab_runner.proving.stage import Stage, since


@dataclass(frozen=True)
class Passage:
    """States that follow on each other: healthy and broken, or repaired and rebooted.

    Attributes:
        depends: All that they depend on; where it is the same, they need not be seen again.
        play: Brings the lab into them, and looks.
    """

    depends: str
    play: Callable[[Stage], Iterator[Row]]


def passages(plan: Plan) -> list[Passage]:
    """All states of a scenario, in the order in which a proof goes through them."""
    assert plan.scenario is not None
    scenario = plan.scenario
    common = repr((plan.checks, scenario.fault, scenario.symptoms, scenario.silenced))
    repairs = [
        (solution, partial(_repaired, solution, whole=not number))
        for number, solution in enumerate(scenario.solutions or [LEFT_ALONE])
    ]
    wrong = [(fix, partial(_wrong_fix, fix)) for fix in scenario.wrong_fixes]
    return [
        Passage(common, _broken),
        *(Passage(common + repr(steps), play) for steps, play in (*repairs, *wrong)),
    ]


def _broken(stage: Stage) -> Iterator[Row]:
    plan = stage.lab.plan
    stage.heal()
    yield stage.row(
        Clause.HEALTHY, "healthy", partial(matrix.healthy, plan), [c.id for c in plan.checks_before]
    )
    stage.break_it()
    judged = partial(matrix.broken, plan)
    yield stage.row(Clause.BROKEN, "broken", judged, expect_red=stage.scenario.symptoms)
    yield _no_spoiler(stage)


def _no_spoiler(stage: Stage) -> Row:
    started = time.monotonic()
    problem = "; ".join(spoilers(stage.lab)) or None
    return Row(
        clause=Clause.NO_SPOILER, state="nothing tells", problem=problem, seconds=since(started)
    )


def _repaired(solution: Solution, stage: Stage, *, whole: bool) -> Iterator[Row]:
    """Repaired, and rebooted: one solution with all nodes, the others with those they changed."""
    stage.break_it()
    judged = partial(matrix.repaired, stage.lab.plan)
    stage.apply(solution.steps)
    yield stage.row(Clause.REPAIRED, solution.title, judged)
    if whole:
        stage.reboot_all()
    else:
        stage.reboot()
    yield stage.row(Clause.SURVIVES, f"{solution.title}, rebooted", judged)


def _wrong_fix(fix: WrongFix, stage: Stage) -> Iterator[Row]:
    """Only the checks that should see it are asked, and those without which they say nothing."""
    stage.break_it(seen=False)
    stage.apply(fix.steps)
    if fix.after_reboot:
        stage.reboot()
    plan = stage.lab.plan
    title = f"{fix.title}, rebooted" if fix.after_reboot else fix.title
    judged = partial(matrix.caught, plan, caught_by=fix.caught_by)
    # Expected red: a service that was reloaded goes on as before for a moment.
    asked = leant_on(plan, fix.caught_by)
    yield stage.row(Clause.WRONG_FIX, title, judged, asked, expect_red=fix.caught_by)


def leant_on(plan: Plan, names: Iterable[str]) -> set[str]:
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
