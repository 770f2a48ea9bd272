"""Jobs on the workers of a Dask scheduler."""

from __future__ import annotations

import pickle
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any

import dask
from distributed import Client, Future, KilledWorker
from distributed.client import FutureCancelledError

from lab_runner.errors import EngineError, EngineUnavailable, WorkersLost
from lab_runner.pool.jobs import Done, Job, OnTold, R
from lab_runner.pool.lines import LAB, TOPIC, Message, Tls, kit_resource, resources, security
from lab_runner.pool.remote import perform, withdraw

#: A scheduler that is there answers within this time.
_ANSWERS_S = 10
_LOOK_S = 2.0
#: So many jobs a slot are on their way, that no worker waits for the next.
_AHEAD = 2
#: Without a worker for so long, nobody will come any more.
_DESERTED_S = 120.0
#: Jobs that are taken back look up after each state of their labs.
_LEAVING_S = 120.0
_LOOK_AGAIN_S = 0.2


class ScheduledPool:
    """Workers that ``lab worker`` has started, on any machine.

    Args:
        address: The scheduler's.
        tls: How to encrypt.
        deserted_s: How long to wait for a worker once there is none.

    Raises:
        EngineUnavailable: No scheduler answers.
        WorkersLost: It has no worker with this kit.
    """

    def __init__(self, address: str, tls: Tls, *, deserted_s: float = _DESERTED_S) -> None:
        self._address, self._deserted_s = address, deserted_s
        self._runs: list[_Run] = []
        # A hand-in may have many files; who waits for it can do nothing about that.
        dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GiB"})
        try:
            self._client = Client(
                address, timeout=_ANSWERS_S, set_as_default=False, security=security(address, tls)
            )
        except (OSError, ValueError, RuntimeError) as exc:
            raise no_scheduler(address) from exc
        if not self.workers():
            problem = self._nobody()
            self.close()
            raise problem

    def close(self) -> None:
        """Hang up; whoever has not ended an iteration has ended it now."""
        for run in tuple(self._runs):
            self._end(run)
        self._client.close()

    def workers(self) -> dict[str, int]:
        """Slots of the workers that have this kit, by the worker's name."""
        return {
            str(info["name"]): int(info["resources"].get(LAB, 0)) for info in self._ours().values()
        }

    def run(
        self, jobs: Sequence[Job[R]], *, on_told: OnTold = lambda *_: None
    ) -> Iterator[Done[R]]:
        """See :meth:`lab_runner.pool.jobs.Pool.run`.

        A job whose worker is lost begins again elsewhere, and tells again.
        """
        run = _Run(self._client, jobs, on_told, no_scheduler(self._address))
        self._runs.append(run)
        self._client.subscribe_topic(TOPIC, run.heard)
        try:
            for _ in jobs:
                yield self._next(run)
        finally:
            self._end(run)

    def _end(self, run: _Run) -> None:
        """Nothing of it begins any more, and the labs that it has are gone."""
        if run not in self._runs:
            return
        self._runs.remove(run)
        self._client.unsubscribe_topic(TOPIC)
        if not run.take_back():
            return
        deadline = time.monotonic() + _LEAVING_S
        while time.monotonic() < deadline and self._withdrawn(run.id):
            time.sleep(_LOOK_AGAIN_S)

    def _withdrawn(self, run: str) -> bool:
        """Tell our workers that nobody waits any more; is one of them still at work for it?"""

        async def ask() -> dict[str, object]:
            return dict(await self._client.run(withdraw, run, workers=there, on_error="return"))

        there = list(self._ours())
        try:
            return bool(there) and any(self._client.sync(ask, callback_timeout=_ANSWERS_S).values())
        except (OSError, RuntimeError, TimeoutError):
            return self._client.status == "running"

    def _next(self, run: _Run) -> Done[Any]:
        """The next that ends; one that never will, where nobody is left to do it."""
        seen = time.monotonic()
        while self._client.status == "running":
            if slots := sum(self.workers().values()):
                seen = time.monotonic()
                run.submit(_AHEAD * slots)
            elif time.monotonic() - seen > self._deserted_s:
                return run.given_up(self._nobody())
            index = run.ended(_LOOK_S)
            if index is not None:
                return run.outcome(index)
        return run.given_up(run.lost)

    def _everybody(self) -> dict[str, dict[str, Any]]:
        """What the scheduler knows of each worker now, by address.

        Not the client's own ``scheduler_info``: its answer passes through a cache, where
        a look every two seconds that asks for no worker may come in between.
        """
        if (scheduler := self._client.scheduler) is None:  # hung up
            return {}
        try:
            told = self._client.sync(scheduler.identity, n_workers=-1)
        except (OSError, RuntimeError, TimeoutError):
            return {}
        return dict(told["workers"])

    def _ours(self) -> dict[str, dict[str, Any]]:
        """Those that have this kit."""
        kit = kit_resource()
        return {at: info for at, info in self._everybody().items() if kit in info["resources"]}

    def _nobody(self) -> WorkersLost:
        known = self._everybody().values()
        others = {name for info in known for name in info["resources"] if "KIT" in name}
        if others:
            kits = ", ".join(sorted(others)).replace("KIT ", "")
            ours = kit_resource().replace("KIT ", "")
            return WorkersLost(
                f"The workers at {self._address} have another kit: {kits}, this is {ours}.",
                hint="Install the same one on all machines, and start the workers again.",
            )
        return WorkersLost(
            f"{self._address} has no worker.", hint=f"Start some: `lab worker {self._address}`"
        )


def no_scheduler(address: str) -> EngineUnavailable:
    """What to say where none answers."""
    return EngineUnavailable(
        f"No scheduler answers at {address}.", hint="Start one: `dask scheduler --port 8786`"
    )


def _died(name: str, number: int) -> WorkersLost:
    workers = "worker" if number == 1 else "workers"
    return WorkersLost(
        f"{name} was given up: {number} {workers} died of it.",
        hint="Out of memory? Start workers with fewer slots: `lab worker --slots N`.",
    )


class _Run:
    """One call of a pool: its futures, and what its jobs say.

    Attributes:
        id: What workers know it by.
        lost: The problem of each job that is open when the scheduler goes away.
    """

    def __init__(
        self, client: Client, jobs: Sequence[Job[Any]], on_told: OnTold, lost: EngineError
    ) -> None:
        self._client, self._jobs, self._on_told, self.lost = client, jobs, on_told, lost
        self.id = secrets.token_hex(8)
        self._waiting = iter(range(len(jobs)))
        self._open = set(range(len(jobs)))
        self._futures: dict[int, Future[Any]] = {}
        self._ended: SimpleQueue[int] = SimpleQueue()
        self._quiet = threading.Event()

    def submit(self, ahead: int) -> None:
        """Let so many be on their way; the others wait here and not in the scheduler's memory."""
        for index in islice(self._waiting, max(0, ahead - len(self._futures))):
            job = self._jobs[index]
            future = self._client.submit(
                perform,
                self.id,
                index,
                pickle.dumps(job),
                key=f"{job.name}-{self.id}-{index}",
                resources=resources(1),
                pure=False,
            )
            self._futures[index] = future
            future.add_done_callback(lambda _, index=index: self._ended.put(index))

    def heard(self, event: tuple[float, Any]) -> None:
        """Something was said on the topic; maybe by a job of somebody else's."""
        message = pickle.loads(event[1])  # noqa: S301 - the scheduler's network is trusted
        if not isinstance(message, Message) or message.run != self.id:
            return
        if not self._quiet.is_set():
            self._on_told(message.index, message.told)

    def ended(self, within_s: float) -> int | None:
        """A job that ended and was not yet asked for."""
        try:
            index = self._ended.get(timeout=within_s)
        except Empty:
            return None
        return index if index in self._open else None

    def outcome(self, index: int) -> Done[Any]:
        """What became of a job.

        Its result is dropped at once: with it, the last worker that knows of it may go.
        """
        self._open.discard(index)
        future, name = self._futures.pop(index), self._jobs[index].name
        try:
            made: Done[Any] = future.result()
        except KilledWorker as exc:
            made = Done(index, name, None, _died(name, exc.allowed_failures + 1))
        except FutureCancelledError:  # the line to the scheduler was lost, and all that it knew
            made = Done(index, name, None, self.lost)
        finally:
            future.release()
        return made

    def given_up(self, problem: EngineError) -> Done[Any]:
        """One of those that are open, which nobody will do."""
        index = min(self._open)
        self._open.discard(index)
        if future := self._futures.pop(index, None):
            future.release()
        return Done(index, self._jobs[index].name, None, problem)

    def take_back(self) -> bool:
        """Nothing more is heard or submitted of it; is there anything that workers may have?"""
        self._quiet.set()
        if not self._futures or self._client.status != "running":
            return False
        self._client.cancel(list(self._futures.values()), force=True)
        return True
