"""Takes labs away, also what another process takes away at the same time."""

from __future__ import annotations

import concurrent.futures
import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab_runner import errors
from lab_runner.engine import containers
from lab_runner.engine.docker import WORKERS, APIError, Progress, mapped, need_answer
from lab_runner.engine.finding import container_ids

if TYPE_CHECKING:
    from docker import DockerClient


#: Another process that takes the same lab away is given so long to finish.
_GOING_S = 20.0
_LOOK_AGAIN_S = 0.05


def remove(client: DockerClient, attempt: str, progress: Progress) -> None:
    """Take away everything with the attempt's label.

    Raises:
        NotRemoved: Something is still there; the message has its name.
    """
    deadline = time.monotonic() + _GOING_S
    left = container_ids(client, attempt)
    while left:
        if time.monotonic() > deadline:
            names = ", ".join(sorted(left))
            raise errors.NotRemoved(f"Still there: {names}", hint="Try `lab stop` again.")
        remove_containers(client, left, progress)
        if left := container_ids(client, attempt):
            time.sleep(_LOOK_AGAIN_S)


def take_back(client: DockerClient, attempt: str, progress: Progress) -> None:
    """Take away what a start that failed has made.

    Raises:
        EngineUnavailable: The engine went away, with what was made.
        NotRemoved: Something is still there.
    """
    try:
        need_answer(client)
        remove(client, attempt, progress)
    except errors.EngineUnavailable as exc:
        raise errors.EngineUnavailable(
            str(exc),
            hint="What was made of the lab may still be there: once the engine answers again, "
            f"`lab status` shows it, and `lab stop {attempt}` takes it away.",
        ) from exc


def remove_leftovers(client: DockerClient) -> None:
    """Take away volumes whose containers are gone without them.

    An engine that is killed while it makes or removes a switchboard leaves its volume, and
    knows of nobody that it belongs to. The engine refuses to remove one that is in use.
    """
    unused = {"label": containers.LABEL, "dangling": "true"}
    with mapped():
        left = client.api.volumes(filters=unused)["Volumes"] or []
    for volume in left:
        with _gone_is_good():
            client.api.remove_volume(volume["Name"])


def remove_containers(client: DockerClient, made: dict[str, str], progress: Progress) -> None:
    """Take containers away, all at once; the switchboard goes first.

    It would wire what the engine is about to end.
    """
    ordered = sorted(made.items(), key=lambda item: item[0] != containers.SWITCHBOARD)

    def one(item: tuple[str, str]) -> None:
        with _gone_is_good():
            client.api.remove_container(item[1], force=True, v=True)
        progress(item[0], "removed")

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(one, ordered))


@contextlib.contextmanager
def _gone_is_good() -> Iterator[None]:
    """Like ``mapped``, for the removal of what another process may remove as well."""
    with mapped():
        try:
            yield
        except APIError as exc:
            if exc.status_code not in {404, 409}:  # 409: "removal is already in progress"
                raise
