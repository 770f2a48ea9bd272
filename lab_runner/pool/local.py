"""Jobs in this process, several at a time: each waits for its lab most of the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from typing import TYPE_CHECKING

from lab_runner.errors import LabRunnerError, Stopped
from lab_runner.pool.jobs import Done, Job, OnTold, R, Tell

if TYPE_CHECKING:
    from docker import DockerClient


class LocalPool:
    """Threads of this process, on one engine.

    Args:
        client: The engine.
        jobs: Labs at a time.
    """

    def __init__(self, client: DockerClient, jobs: int) -> None:
        self._client, self._jobs = client, jobs

    def run(
        self, jobs: Sequence[Job[R]], *, on_told: OnTold = lambda *_: None
    ) -> Iterator[Done[R]]:
        """See :meth:`lab_runner.pool.jobs.Pool.run`."""
        stop, turn = threading.Event(), threading.Lock()

        def told(index: int, what: object) -> None:
            if stop.is_set():
                raise Stopped
            with turn:
                on_told(index, what)

        with ThreadPoolExecutor(self._jobs, thread_name_prefix="lab") as threads:
            futures = [
                threads.submit(done, index, job, lambda: self._client, partial(told, index))
                for index, job in enumerate(jobs)
            ]
            try:
                for future in as_completed(futures):
                    yield future.result()
            finally:
                stop.set()
                threads.shutdown(cancel_futures=True)


def done(
    index: int,
    job: Job[R],
    engine: Callable[[], DockerClient],
    tell: Tell,
    where: str = "",
) -> Done[R]:
    """Do one job now.

    Args:
        index: Its place in the sequence.
        job: The job.
        engine: Gives the engine; that none answers is a problem of the job, too.
        tell: Takes what it tells.
        where: What to call this process.
    """
    result: R | None = None
    problem: LabRunnerError | None = None
    began = time.monotonic()
    try:
        result = job.run(engine(), tell)
    except LabRunnerError as exc:
        problem = exc
    return Done(index, job.name, result, problem, where, time.monotonic() - began)
