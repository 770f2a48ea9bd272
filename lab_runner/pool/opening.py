"""Opens the pool that somebody asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lab_runner.engine.docker import connect
from lab_runner.pool.jobs import Pool
from lab_runner.pool.lines import Tls, require_dask
from lab_runner.pool.local import LocalPool

if TYPE_CHECKING:
    from docker import DockerClient


@contextlib.contextmanager
def pool(
    *,
    scheduler: str | None = None,
    jobs: int = 1,
    client_factory: Callable[[], DockerClient] = connect,
    tls: Tls | None = None,
) -> Iterator[Pool]:
    """A pool, until the body ends.

    Args:
        scheduler: Address of a Dask scheduler, ``tcp://host:8786``; None: this process.
        jobs: Labs at a time in this process; with a scheduler its workers' slots decide.
        client_factory: Connects to the engine; workers of a scheduler have their own.
        tls: How to encrypt what goes to a scheduler.

    Raises:
        UsageError: The scheduler's address is none, or Dask is not installed.
        EngineError: No engine answers; or no scheduler, or it has no worker with this kit.
    """
    if scheduler is not None:
        with _scheduled(scheduler, tls or Tls()) as made:
            yield made
        return
    client = client_factory()
    try:
        yield LocalPool(client, jobs)
    finally:
        client.close()


@contextlib.contextmanager
def _scheduled(address: str, tls: Tls) -> Iterator[Pool]:
    require_dask(address)
    from lab_runner.pool.scheduled import ScheduledPool  # noqa: PLC0415 - Dask is optional

    made = ScheduledPool(address, tls)
    try:
        yield made
    finally:
        made.close()
