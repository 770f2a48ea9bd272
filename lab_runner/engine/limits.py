"""What a node may take of the engine's machine where nobody sits at it: in a proof, in a replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lab_runner.engine.docker import mapped

if TYPE_CHECKING:
    from docker import DockerClient

#: A node of the kit needs about 30 processes and 60 MiB.
LIMITS: Final[dict[str, Any]] = {
    "pids_limit": 512,
    "mem_limit": 512 << 20,
    "memswap_limit": 512 << 20,
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
        info = client.info()
    return [what for word, what in _NEEDED.items() if not info.get(word)]
