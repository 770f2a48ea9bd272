"""Holds scenarios to the contract: brings each into every state that it names, and looks.

States that must not know of each other start from fresh disks, wherever an earlier
one was; those that build on each other (healthy, broken, repaired, rebooted) follow.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from lab_runner.catalogue import Catalogue
from lab_runner.engine import running
from lab_runner.engine.finding import MISSING
from lab_runner.planning.plan import Plan, make_plan
from lab_runner.pool.jobs import Pool
from lab_runner.pool.local import LocalPool
from lab_runner.proving.matrix import Clause, Proof, Row
from lab_runner.proving.stage import Stage, played, quiet
from lab_runner.proving.states import passages

if TYPE_CHECKING:
    from docker import DockerClient

OnRow = Callable[[str, int, Row], None]
#: The one state of a proof that nobody could carry out.
NOT_DONE = "not done"
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
    """Prove scenarios on one engine; see :func:`prove_in`."""
    return prove_in(LocalPool(client, jobs), turns, on_row=on_row, packets=packets)


def prove_in(
    pool: Pool,
    turns: Iterable[Turn],
    *,
    on_row: OnRow = lambda *_: None,
    packets: Path | None = None,
) -> Generator[Proof, None, None]:
    """Prove scenarios, several at a time.

    Args:
        pool: Who does it.
        turns: What :func:`plans` gives.
        on_row: Told of each state as it is done: scenario, seed, row.
        packets: A folder, where the pool is, for what crosses the segments in each state.

    Yields:
        One proof for each scenario, seed and repetition, as they are done.
    """
    yield from carried_out(pool, proof_jobs(turns, packets), on_row=on_row)


def proof_jobs(turns: Iterable[Turn], packets: Path | None = None) -> list[ProofJob]:
    """What :func:`plans` gives, for a pool.

    Args:
        turns: Those.
        packets: A folder, where the pool is, for what crosses the segments in each state.
    """
    return [ProofJob(plan, turn, _folder(packets, plan, turn)) for plan, turn in turns]


def carried_out(
    pool: Pool, jobs: Sequence[ProofJob], *, on_row: OnRow = lambda *_: None
) -> Generator[Proof, None, None]:
    """Prove what jobs are about, several at a time; one that cannot be done breaks the contract."""

    def told(index: int, row: object) -> None:
        assert isinstance(row, Row)
        on_row(jobs[index].scenario, jobs[index].plan.seed, row)

    for done in pool.run(jobs, on_told=told):
        yield done.result or _not_done(jobs[done.index], str(done.problem), on_row)


def _not_done(job: ProofJob, problem: str, on_row: OnRow) -> Proof:
    row = Row(clause=Clause.STEADY, state=NOT_DONE, problem=problem)
    on_row(job.scenario, job.plan.seed, row)
    return job.proof([row])


@dataclass(frozen=True)
class ProofJob:
    """One proof, for a pool; it tells each row.

    Attributes:
        turn: The how manieth time, from 0.
        packets: A folder for what crosses the segments; None: not kept.
    """

    plan: Plan
    turn: int = 0
    packets: Path | None = None

    @property
    def scenario(self) -> str:
        """What is proven."""
        return str(self.plan.scenario_id)

    @property
    def name(self) -> str:  # noqa: D102 - the protocol's
        return f"{self.scenario} seed {self.plan.seed}"

    def run(self, client: DockerClient, tell: Callable[[object], None]) -> Proof:
        """All states; nothing is left of the lab.

        Raises:
            Stopped: Nobody waits for it any more.
            EngineError: The lab could not be taken away.
        """
        attempt = secrets.token_hex(3)
        try:
            rows = played(self._on_a_lab(client, attempt), tell)
        finally:
            running.remove(client, attempt, quiet)
        return self.proof(rows + played([_clean(client, attempt)], tell))

    def _on_a_lab(self, client: DockerClient, attempt: str) -> Iterator[Row]:
        with running.deploy(client, self.plan, attempt, quiet) as lab:
            yield from self.states(Stage(lab, self.packets))

    def states(self, stage: Stage) -> Iterator[Row]:
        """Bring the lab into each state that the contract names, and look."""
        return chain.from_iterable(passage.play(stage) for passage in passages(self.plan))

    def proof(self, rows: Iterable[Row]) -> Proof:
        """What was seen."""
        return Proof(
            scenario=self.scenario, seed=self.plan.seed, repetition=self.turn, rows=tuple(rows)
        )


def _folder(packets: Path | None, plan: Plan, turn: int) -> Path | None:
    if packets is None:
        return None
    again = f"-{turn + 1}" if turn else ""
    return packets / f"{plan.scenario_id}-{plan.seed}{again}"


def _clean(client: DockerClient, attempt: str) -> Row:
    left = [lab for lab in running.find(client) if lab.attempt == attempt]
    names = ", ".join(n for n, s in left[0].states.items() if s != MISSING) if left else ""
    problem = f"left behind: {names}" if left else None
    return Row(clause=Clause.CLEAN, state="nothing left", problem=problem)
