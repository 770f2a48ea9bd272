"""A worker: offers the labs that fit this machine to a scheduler, until it is told to end."""

from __future__ import annotations

import asyncio
import os
import platform
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from distributed import Worker

from lab_runner.engine.docker import connect
from lab_runner.errors import EngineUnavailable
from lab_runner.pool.lines import Tls, resources, security
from lab_runner.pool.scheduled import no_scheduler
from lab_runner.pool.scratch import scratch

#: A scheduler may be started after its workers.
_SCHEDULER_WITHIN_S = 60
#: Jobs that are at work look up after each state of their labs.
_LEAVING_S = 120


@dataclass(frozen=True)
class Offer:
    """What a worker offers, and to whom.

    Attributes:
        scheduler: Address.
        slots: Labs at a time.
        host: The address by which others reach this machine; empty: found out.
    """

    scheduler: str
    slots: int
    host: str = ""
    tls: Tls = field(default_factory=Tls)


def serve(offer: Offer, on_ready: Callable[[str], None]) -> None:
    """Work until SIGINT or SIGTERM; then give back what is at work, and leave no lab.

    Args:
        offer: What to offer.
        on_ready: Told of the worker's name once the scheduler knows it.

    Raises:
        EngineUnavailable: No scheduler answers, or it went away; or the engine did.
    """
    with scratch() as folder:
        asyncio.run(_serve(offer, on_ready, str(folder)))


async def _serve(offer: Offer, on_ready: Callable[[str], None], folder: str) -> None:
    worker = Worker(
        offer.scheduler,
        nthreads=offer.slots,
        resources=resources(offer.slots),
        name=f"{platform.node()}-{os.getpid()}",
        host=offer.host or None,
        local_directory=folder,
        security=security(offer.scheduler, offer.tls),
        death_timeout=_SCHEDULER_WITHIN_S,
        memory_limit=0,  # labs live in the engine's memory, not in ours
        dashboard=False,
    )
    told_to_end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told_to_end.set)
    try:
        await worker
    except (OSError, TimeoutError) as exc:
        raise no_scheduler(offer.scheduler) from exc
    on_ready(str(worker.name))
    await _until_either(worker.finished(), told_to_end.wait())
    if told_to_end.is_set():
        await worker.close(timeout=_LEAVING_S, executor_wait=True, reason="told to end")
        return
    connect().close()  # a worker leaves if its engine does not answer, which this tells
    raise EngineUnavailable(
        f"The scheduler at {offer.scheduler} went away.", hint="Start both again."
    )


async def _until_either(*waits: Coroutine[Any, Any, Any]) -> None:
    tasks = [asyncio.ensure_future(one) for one in waits]
    _, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
