"""The budget of inotify instances, which all containers of an engine share.

systemd holds some in every node; beyond the kernel's limit (inotify(7),
``fs.inotify.max_user_instances``) PID 1 of the next node dies at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab_runner.engine import containers
from lab_runner.engine.docker import mapped
from lab_runner.errors import HostUnsuitable

if TYPE_CHECKING:
    from docker import DockerClient

KEY = "fs.inotify.max_user_instances"
#: What one node's systemd holds.
A_NODE = 3
#: What ``lab doctor --fix`` raises the limit to: room for some two dozen labs.
WANTED = 1024
HINT = f"`lab doctor --fix` raises it; for good: {KEY} = {WANTED} in a file in /etc/sysctl.d."


def machines(client: DockerClient) -> int:
    """How many containers of ours run, switchboards included."""
    with mapped():
        return len(client.api.containers(filters={"label": containers.LABEL}))


def need_room(client: DockerClient, limit: int | None) -> None:
    """Refuse what would make nodes die, once the containers are on their way.

    Args:
        client: The engine.
        limit: The kernel's limit as the switchboard sees it; None where it cannot.

    Raises:
        HostUnsuitable: There are more nodes than the limit carries.
    """
    running = machines(client)
    if limit is not None and running * A_NODE > limit:
        raise HostUnsuitable(
            f"{running} machines of all labs together need {running * A_NODE} inotify instances; "
            f"this engine's kernel allows {limit}, and the next machine would die.",
            hint=f"Stop another lab, or raise the limit: {HINT}",
        )
