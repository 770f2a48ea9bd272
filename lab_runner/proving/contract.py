"""Holds scenarios to the contract: brings each into every state that it names, and looks.

States that must not know of each other start from fresh disks, wherever an earlier
one was; those that build on each other (healthy, broken, repaired, rebooted) follow.
"""

from __future__ import annotations

import concurrent.futures
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from lab_runner.catalogue import Catalogue
from lab_runner.engine import running
from lab_runner.planning.plan import Plan, make_plan
from lab_runner.proving.matrix import Clause, Proof, Row
from lab_runner.proving.stage import Stage, played, quiet
from lab_runner.proving.states import passages

if TYPE_CHECKING:
    from docker import DockerClient

OnRow = Callable[[str, int, Row], None]
#: A plan, and the how manieth time it is proven, from 0.
Turn = tuple[Plan, int]


def plans(
    catalogue: Catalogue, scenario_ids: Iterable[str], *, seeds: Iterable[int], repetitions: int = 1
) -> list[Turn]:
    """What is to be proven: each scenario with each seed, so often.

    Raises:
        DefinitionError: A file is wrong.
    """
    every = list(seeds)
    return [
        (replace(make_plan(catalogue, name, seed), proof=True), turn)
        for name in scenario_ids
        for seed in every
        for turn in range(repetitions)
    ]


def prove(
    client: DockerClient,
    turns: Iterable[Turn],
    *,
    jobs: int = 1,
    on_row: OnRow = lambda *_: None,
    packets: Path | None = None,
) -> Iterator[Proof]:
    """Prove scenarios, several at a time.

    Args:
        client: The engine.
        turns: What :func:`plans` gives.
        jobs: Labs at a time.
        on_row: Told of each state as it is done: scenario, seed, row.
        packets: A folder for what crosses the segments in each state.

    Yields:
        One proof for each scenario, seed and repetition, as they are done.
    """
    stop = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        proofs = [
            pool.submit(_prove_one, client, plan, turn, on_row, _folder(packets, plan, turn), stop)
            for plan, turn in turns
        ]
        try:
            for proof in concurrent.futures.as_completed(proofs):
                yield proof.result()
        finally:
            stop.set()  # whoever interrupts waits for the states that are being seen, and no more
            pool.shutdown(cancel_futures=True)


def _prove_one(
    client: DockerClient,
    plan: Plan,
    turn: int,
    on_row: OnRow,
    packets: Path | None,
    stop: threading.Event,
) -> Proof:
    assert plan.scenario_id is not None
    attempt = secrets.token_hex(3)
    tell = partial(on_row, plan.scenario_id, plan.seed)
    try:
        rows = played(_states(client, plan, attempt, packets), tell, stop.is_set)
    finally:
        running.remove(client, attempt, quiet)
    rows += played([_clean(client, attempt)], tell)
    return Proof(scenario=plan.scenario_id, seed=plan.seed, repetition=turn, rows=tuple(rows))


def _states(client: DockerClient, plan: Plan, attempt: str, packets: Path | None) -> Iterator[Row]:
    with running.deploy(client, plan, attempt, quiet) as lab:
        stage = Stage(lab, packets)
        yield from chain.from_iterable(passage.play(stage) for passage in passages(plan))


def _folder(packets: Path | None, plan: Plan, turn: int) -> Path | None:
    if packets is None:
        return None
    again = f"-{turn + 1}" if turn else ""
    return packets / f"{plan.scenario_id}-{plan.seed}{again}"


def _clean(client: DockerClient, attempt: str) -> Row:
    left = [lab for lab in running.find(client) if lab.attempt == attempt]
    problem = f"left behind: {', '.join(left[0].states)}" if left else None
    return Row(clause=Clause.CLEAN, state="nothing left", problem=problem)
