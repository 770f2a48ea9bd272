"""Containers as they start and end, told by the engine: nobody has to ask again and again."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figures import NotMeasured

if TYPE_CHECKING:
    from docker import DockerClient


class Sightings:
    """The containers with a label that run, by its value."""

    def __init__(self, client: DockerClient, label: str) -> None:
        """Listen from now on."""
        self._client, self._label = client, label
        self._seen: dict[str, str] = {}
        self._changed = threading.Condition()
        # The request is on its way when this returns, so nothing is missed.
        wanted = {"event": ["start", "die"], "label": label}
        self._events = client.events(decode=True, filters=wanted)
        threading.Thread(target=self._listen, daemon=True, name="sightings").start()

    def _listen(self) -> None:
        for event in self._events:
            container, name = event["Actor"]["ID"], event["Actor"]["Attributes"][self._label]
            with self._changed:
                if event["Action"] == "start":
                    self._seen[name] = container
                elif self._seen.get(name) == container:
                    del self._seen[name]
                self._changed.notify_all()

    def namespace(self, name: str, until: float) -> Path:
        """The network namespace of the container that is called so; waits for it.

        Raises:
            NotMeasured: It does not appear.
        """
        with self._changed:
            left = until - time.monotonic()
            if not self._changed.wait_for(lambda: name in self._seen, max(0.0, left)):
                raise NotMeasured(f"{name} is not started")
            container = self._seen[name]
        pid = self._client.api.inspect_container(container)["State"]["Pid"]
        return Path(f"/proc/{pid}/ns/net")

    def containers(self) -> dict[str, str]:
        """Their ids."""
        with self._changed:
            return dict(self._seen)
