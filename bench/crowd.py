"""Several labs at once, each by a command of its own, as in a class."""

from __future__ import annotations

import concurrent.futures
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from bench import host
from bench.commands import Attempt, Failed, started
from bench.ending import undisturbed
from bench.figures import Figures
from bench.verbs import OFFICE, weighed

if TYPE_CHECKING:
    from docker import DockerClient

SIZES = (1, 2, 5, 10, 20)
T = TypeVar("T")


def measure(size: int, client: DockerClient, figures: Figures) -> None:
    """Start so many labs at once, check all at once, take all away.

    Where one cannot be started, that is noted, and so is why.
    """
    name, attempts = f"crowd{size}", list[Attempt]()
    try:
        began, worked = time.monotonic(), host.worked_s()
        # One that cannot be started does not keep the others from being taken away.
        _at_once(size, lambda seed: attempts.append(started(OFFICE.scenario, seed)))
        figures.add(f"{name}.all_s", time.monotonic() - began)
        figures.add(f"{name}.cpu_s", (host.worked_s() - worked) / size)
        figures.add(f"{name}.start_s", *(attempt.seconds for attempt in attempts))
        if os.geteuid() == 0:
            _weigh(attempts, name, client, figures)
        _check(attempts, name, figures)
    except Failed as exc:
        figures.absent[name] = exc.short
    finally:
        figures.add(f"{name}.failed", size - len(attempts))
        began = time.monotonic()
        with undisturbed():
            _at_once(len(attempts), lambda number: attempts[number - 1].run("stop"))
    if name not in figures.absent:
        figures.add(f"{name}.gone_s", time.monotonic() - began)


def _weigh(attempts: list[Attempt], name: str, client: DockerClient, figures: Figures) -> None:
    weights = [sum(weighed(client, attempt.id).values()) for attempt in attempts]
    figures.add(f"{name}.memory_mib", sum(weights) / len(weights))


def _check(attempts: list[Attempt], name: str, figures: Figures) -> None:
    """Everybody asks at once; all labs are as they were handed out, so one check is red."""
    worked = host.worked_s()
    took = _at_once(len(attempts), lambda number: attempts[number - 1].check()[0])
    figures.add(f"{name}.check_s", *took)
    figures.add(f"{name}.check_cpu_s", (host.worked_s() - worked) / len(attempts))


def _at_once(size: int, work: Callable[[int], T]) -> list[T]:
    with concurrent.futures.ThreadPoolExecutor(max(size, 1)) as pool:
        return list(pool.map(work, range(1, size + 1)))
