"""What a node may take of the engine's machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from lab_runner.engine.docker import mapped

if TYPE_CHECKING:
    from docker import DockerClient

#: A node of the kit needs about 30 processes and 60 MiB: nobody meets these who does not mean to,
#: and what a trainee could do at their desk can be done in a replay. ``RLIMIT_NPROC`` would need no
#: controller and is of no use: it does not hold for the root of the host's own user namespace
#: (getrlimit(2)), which a node's root is.
LIMITS: Final[dict[str, Any]] = {
    "pids_limit": 1024,
    "mem_limit": 1 << 30,
    "memswap_limit": 1 << 30,
    "ulimits": [{"name": "fsize", "soft": 1 << 30, "hard": 1 << 30}],
}
#: What an engine's kernel may lack, by its word in the engine's own description. The engine then
#: leaves the limit out, and says nothing of it where a container is made.
_NEEDED = {"PidsLimit": "processes", "MemoryLimit": "memory"}


def not_limited(client: DockerClient) -> list[str]:
    """What this engine cannot limit.

    Raises:
        EngineError: It does not answer.
    """
    with mapped():
        return unlimited(client.info())


def unlimited(info: Mapping[str, Any]) -> list[str]:
    """What an engine cannot limit, by its own description."""
    return [what for word, what in _NEEDED.items() if not info.get(word)]
