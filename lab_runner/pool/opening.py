"""Opens the pool that somebody asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lab_runner.engine.docker import connect
from lab_runner.errors import UsageError
from lab_runner.pool.jobs import Pool
from lab_runner.pool.local import LocalPool

if TYPE_CHECKING:
    from docker import DockerClient


@contextlib.contextmanager
def pool(
    *,
    scheduler: str | None = None,
    jobs: int = 1,
    client_factory: Callable[[], DockerClient] = connect,
) -> Iterator[Pool]:
    """A pool, until the body ends.

    Args:
        scheduler: Address of a Dask scheduler, ``tcp://host:8786``; None: this process.
        jobs: Labs at a time in this process; with a scheduler its workers' slots decide.
        client_factory: Connects to the engine; workers of a scheduler have their own.

    Raises:
        EngineError: No engine answers, or no scheduler.
    """
    if scheduler is not None:
        raise UsageError("A scheduler cannot be used yet.", hint="Leave --scheduler out.")
    client = client_factory()
    try:
        yield LocalPool(client, jobs)
    finally:
        client.close()
