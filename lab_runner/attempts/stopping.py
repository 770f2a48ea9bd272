"""The end of an attempt. It needs no plan, and so works whatever became of the scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab_runner.attempts import recording
from lab_runner.attempts.history import end
from lab_runner.attempts.store import Kind, Store
from lab_runner.engine.removing import remove

if TYPE_CHECKING:
    from docker import DockerClient

    from lab_runner.engine.docker import Progress


def stop(client: DockerClient, store: Store, attempt: str, progress: Progress) -> None:
    """Take a lab away, then write it down: a broken record keeps no lab running.

    Raises:
        NotRemoved: Something of it is still there.
        StoreError: It is gone, but that could not be written down.
    """
    remove(client, attempt, progress)
    try:
        recording.settle(store, attempt)
    finally:
        end(store, attempt, Kind.STOP)
