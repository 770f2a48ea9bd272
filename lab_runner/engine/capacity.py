"""How many labs fit an engine's machine at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

from lab_runner.engine import inotify
from lab_runner.engine.docker import mapped
from lab_runner.engine.doctor import inotify_limit
from lab_runner.errors import HostUnsuitable

if TYPE_CHECKING:
    from docker import DockerClient

#: A lab of a dozen machines with all that is asked of it, and what the engine needs for it.
A_LAB = 300 << 20
#: Left to the machine itself.
SPARE = 1 << 30
#: A proof waits for answers half of its time.
LABS_A_CORE = 2
#: Containers of the largest lab, the switchboard among them.
_CONTAINERS = 13


def slots(client: DockerClient, wanted: int | None = None) -> int:
    """So many labs at a time, as far as the engine's kernel lets them live.

    Args:
        client: The engine; it has the image of a switchboard.
        wanted: How many are asked for; None: what memory allows, but no more than keep all
            cores busy.

    Raises:
        HostUnsuitable: So many would die.
    """
    alive = _alive(inotify_limit(client))
    if wanted is None:
        with mapped():
            info = client.info()
        return min(alive, fitting(free=_free(int(info["MemTotal"])), cores=int(info["NCPU"])))
    if wanted > alive:
        raise HostUnsuitable(
            f"The kernel's limit {inotify.KEY} carries {alive} labs at a time, not {wanted}.",
            hint=inotify.HINT,
        )
    return wanted


def fitting(*, free: int, cores: int) -> int:
    """So many labs fit.

    Args:
        free: Memory, in bytes.
        cores: Processors.
    """
    return max(1, min((free - SPARE) // A_LAB, LABS_A_CORE * cores + 1))


def _alive(limit: int | None) -> int:
    if limit is None:
        return 1
    return max(1, limit // (_CONTAINERS * inotify.A_NODE))


def _free(total: int) -> int:
    """Memory that can be had; of another machine the engine tells its size only."""
    here = psutil.virtual_memory()
    local = abs(int(here.total) - total) < total * 0.02
    return int(here.available) if local else total
