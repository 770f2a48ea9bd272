"""How many labs fit an engine's machine at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

from lab_runner.engine.docker import mapped

if TYPE_CHECKING:
    from docker import DockerClient

#: A lab of a dozen machines with all that is asked of it, and what the engine needs for it.
A_LAB = 300 << 20
#: Left to the machine itself.
SPARE = 1 << 30
#: A proof waits for answers half of its time.
LABS_A_CORE = 2


def slots(client: DockerClient) -> int:
    """So many labs at a time: what memory allows, but no more than keep all cores busy."""
    with mapped():
        info = client.info()
    return fitting(free=_free(int(info["MemTotal"])), cores=int(info["NCPU"]))


def fitting(*, free: int, cores: int) -> int:
    """So many labs fit.

    Args:
        free: Memory, in bytes.
        cores: Processors.
    """
    return max(1, min((free - SPARE) // A_LAB, LABS_A_CORE * cores + 1))


def _free(total: int) -> int:
    """Memory that can be had; of another machine the engine tells its size only."""
    here = psutil.virtual_memory()
    local = abs(int(here.total) - total) < total * 0.02
    return int(here.available) if local else total
