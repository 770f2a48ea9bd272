"""A job on a worker: carried out as anywhere, heard by whoever waits for it."""

from __future__ import annotations

import contextlib
import functools
import pickle
import threading
from collections import Counter
from collections.abc import Iterator
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

_turn = threading.Lock()
#: By the call of a pool they belong to: how many jobs are at work in this process.
_at_work: Counter[str] = Counter()
#: Those calls that nobody waits for any more.
_withdrawn: set[str] = set()


def withdraw(run: str) -> bool:
    """Let nothing of a call of a pool begin in this process any more, and the rest stop.

    Asked of the worker itself: what it says unasked may be on its way for as long as it
    takes a job to make its lab.

    Args:
        run: The call.

    Returns:
        Whether something of it is still at work.
    """
    with _turn:
        _withdrawn.add(run)
        return _at_work[run] > 0


@contextlib.contextmanager
def _counted(run: str) -> Iterator[None]:
    with _turn:
        if run in _withdrawn:
            raise Stopped
        _at_work[run] += 1
    try:
        yield
    finally:
        with _turn:
            _at_work[run] -= 1


def perform(run: str, index: int, packed: bytes) -> Done[Any]:
    """Do a job on the worker that this is called on.

    Args:
        run: Which call of a pool it belongs to.
        index: Its place there.
        packed: The job, pickled.

    Raises:
        Reschedule: This worker's engine does not answer, or the worker is about to leave.
        Stopped: Nobody waits for it any more.
    """
    worker = get_worker()
    line = _Line(worker, str(worker.get_current_task()), run, index)
    if line.worker.status not in _WELL:
        raise Reschedule
    with _counted(run):
        made = done(index, pickle.loads(packed), _engine, line.tell, line.where)  # noqa: S301
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
        self.worker.log_event(TOPIC, Message(self._run, self._index, what).packed())

    def leave(self) -> None:
        """Let the worker go: what it has is done elsewhere."""
        self.worker.loop.add_callback(self.worker.close_gracefully, reason="engine")

    def _unwanted(self) -> bool:
        """Was it taken back, or is the worker about to end?"""
        if self._run in _withdrawn:
            return True
        task = self.worker.state.tasks.get(self._key)
        return self.worker.status not in _WELL or task is None or task.state == "cancelled"
