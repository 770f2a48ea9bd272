"""A job on a worker: carried out as anywhere, heard by whoever waits for it."""

from __future__ import annotations

import functools
import pickle
from typing import TYPE_CHECKING, Any

from distributed import Reschedule, Status, get_worker

from lab_runner.engine.docker import connect
from lab_runner.errors import EngineUnavailable, Stopped
from lab_runner.pool.jobs import Done
from lab_runner.pool.lines import TOPIC, Message
from lab_runner.pool.local import done

if TYPE_CHECKING:
    from distributed import Worker
    from docker import DockerClient

_WELL = frozenset({Status.running, Status.paused})


def perform(run: str, index: int, packed: bytes) -> Done[Any]:
    """Do a job on the worker that this is called on.

    Args:
        run: Which call of a pool it belongs to.
        index: Its place there.
        packed: The job, pickled.

    Raises:
        Reschedule: This worker's engine does not answer, or the worker is about to leave.
    """
    worker = get_worker()
    line = _Line(worker, str(worker.get_current_task()), run, index)
    if line.worker.status not in _WELL:
        raise Reschedule
    line.say(at_work=True)
    try:
        made = done(index, pickle.loads(packed), _engine, line.tell, line.where)  # noqa: S301
    finally:
        line.say(at_work=False)
    if isinstance(made.problem, EngineUnavailable):
        # It would be the quickest of all, and fail every job.
        line.leave()
        raise Reschedule
    return made


@functools.cache
def _engine() -> DockerClient:
    return connect()


class _Line:
    """From a job to whoever waits for it."""

    def __init__(self, worker: Worker, key: str, run: str, index: int) -> None:
        self.worker, self._key = worker, key
        self._run, self._index = run, index
        self.where = str(worker.name)

    def tell(self, what: object) -> None:
        """What the job is given to tell with."""
        if self._unwanted():
            raise Stopped
        self.say(at_work=True, told=what)

    def say(self, *, at_work: bool, told: object = None) -> None:
        """Something goes out."""
        message = Message(self._run, self._index, self.where, at_work, told)
        self.worker.log_event(TOPIC, message.packed())

    def leave(self) -> None:
        """Let the worker go: what it has is done elsewhere."""
        self.worker.loop.add_callback(self.worker.close_gracefully, reason="engine")

    def _unwanted(self) -> bool:
        """Was it taken back, or is the worker about to end?"""
        task = self.worker.state.tasks.get(self._key)
        return self.worker.status not in _WELL or task is None or task.state == "cancelled"
