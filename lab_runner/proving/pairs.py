"""Every two scenarios in one network: does each show, and can both be repaired?

Far less than the contract of either: what is asked is whether `lab start a+b` makes sense.
All pairs of a worker follow each other on one lab that stays up.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import combinations
from queue import SimpleQueue
from typing import TYPE_CHECKING

from lab_runner.catalogue import Catalogue
from lab_runner.engine import running
from lab_runner.errors import UsageError
from lab_runner.planning.composite import PLUS, is_exam
from lab_runner.planning.plan import Plan, make_plan
from lab_runner.proving import matrix
from lab_runner.proving.matrix import Clause, Proof, Row
from lab_runner.proving.stage import Stage, played, quiet, staged

if TYPE_CHECKING:
    from docker import DockerClient

OnRow = Callable[[str, int, Row], None]


def pairs(catalogue: Catalogue, names: Iterable[str], seed: int) -> Iterator[Plan]:
    """The plans of all pairs with at least one of ``names``; of all where none is named.

    Those that are refused already (two labs, two controls, a known clash) are left out.

    Raises:
        UnknownName: A name is no scenario's.
        UsageError: It is an exam's.
    """
    ordinary = [source.id for source in catalogue.scenarios() if not is_exam(source)]
    wanted = {catalogue.scenario(name).id for name in names} or set(ordinary)
    for name in sorted(wanted.difference(ordinary)):
        raise UsageError(f"{name} is a composite itself.", hint="Name one of its parts.")
    chosen = [pair for pair in combinations(ordinary, 2) if wanted.intersection(pair)]
    return _plans(catalogue, chosen, seed)


def _plans(catalogue: Catalogue, chosen: list[tuple[str, str]], seed: int) -> Iterator[Plan]:
    for pair in chosen:
        try:
            plan = make_plan(catalogue, PLUS.join(pair), seed)
        except UsageError:
            continue
        yield replace(plan, proof=True)


def prove_pairs(
    client: DockerClient, plans: Iterable[Plan], *, jobs: int, on_row: OnRow
) -> Iterator[Proof]:
    """Break each pair's lab twice, and repair both.

    Args:
        client: The engine.
        plans: What :func:`pairs` yields.
        jobs: Labs at a time.
        on_row: Told of each state as it is done.

    Yields:
        One proof for each pair, as they are done.
    """
    waiting = _OneByOne(plans)
    found: SimpleQueue[Proof | None] = SimpleQueue()
    stop = threading.Event()
    with ThreadPoolExecutor(jobs) as pool:
        workers = [
            pool.submit(_work, client, waiting, stop, found.put, on_row) for _ in range(jobs)
        ]
        for worker in workers:
            worker.add_done_callback(lambda _: found.put(None))
        try:
            for worker in workers:
                yield from iter(found.get, None)
                worker.result()
        finally:
            stop.set()


class _OneByOne:
    """What several threads take from, each plan made when it is needed."""

    def __init__(self, plans: Iterable[Plan]) -> None:
        self._plans, self._lock = iter(plans), threading.Lock()

    def take(self) -> Plan | None:
        with self._lock:
            return next(self._plans, None)


def _work(
    client: DockerClient,
    waiting: _OneByOne,
    stop: threading.Event,
    done: Callable[[Proof], None],
    on_row: OnRow,
) -> None:
    attempt = secrets.token_hex(3)
    stage: Stage | None = None
    try:
        while not stop.is_set() and (plan := waiting.take()):
            stage = staged(client, plan, attempt, stage)
            name = str(plan.scenario_id)
            rows = played(_seen(stage), partial(on_row, name, plan.seed), stop.is_set)
            done(Proof(scenario=name, seed=plan.seed, rows=tuple(rows)))
    finally:
        if stage is not None:
            stage.lab.close()
        running.remove(client, attempt, quiet)


def _seen(stage: Stage) -> Iterator[Row]:
    plan = stage.lab.plan
    assert plan.scenario is not None
    stage.break_it()
    judged = partial(matrix.broken, plan)
    yield stage.row(Clause.BROKEN, "both broken", judged, expect_red=plan.scenario.symptoms)
    for solution in plan.scenario.solutions:
        stage.break_it()
        stage.apply(solution.steps)
        judged = partial(matrix.repaired, plan)
        yield stage.row(Clause.REPAIRED, solution.title, judged)
