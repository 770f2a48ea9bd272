"""A capture on the switchboard's side of a cable or a segment."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab_runner.engine.attached import STDOUT, start
from lab_runner.engine.docker import mapped, need_answer
from lab_runner.errors import EngineError, UnknownName, UsageError
from lab_runner.switchboard.protocol import WiringPlan

if TYPE_CHECKING:
    from docker import DockerClient

_START_S = 5.0


def device(wiring: WiringPlan, place: str) -> str:
    """The switchboard's device for a segment or a ``node:interface``.

    Raises:
        UnknownName: There is no such place; the message names all.
    """
    if place in wiring.segments:
        return wiring.segments[place]
    node, _, card = place.partition(":")
    for cable in wiring.nodes.get(node, []):
        if cable.card == card:
            return cable.port
    known = [*wiring.segments, *(f"{n}:{c.card}" for n, cs in wiring.nodes.items() for c in cs)]
    raise UnknownName(f"There is no {place!r} to listen on. Known: {', '.join(known)}")


class Capture:
    """What tcpdump(8) writes, piece by piece, until it is closed.

    Closing ends the program in the switchboard as well: the engine would leave
    it running when only the connection is dropped.
    """

    def __init__(
        self,
        client: DockerClient,
        switchboard: str,
        device: str,
        filter_: str = "",
        *,
        text: bool,
        count: int | None = None,
    ) -> None:
        form = ["-l"] if text else ["-w", "-"]
        limit = ["-c", str(count)] if count else []
        # Immediately: frames that wait in the kernel for company are lost at the end.
        argv = ["tcpdump", "--immediate-mode", "-i", device, "-n", "-U", "-Z", "nobody"]
        argv += [*form, *limit]
        argv += ["--", filter_] if filter_ else []
        # The switchboard shares the host's process ids: the shell's own is what is killed later.
        script = 'echo "pid $$" >&2; exec "$@"'
        self._client, self._switchboard = client, switchboard
        self._pid: str | None = None
        self._reading = False
        self._said: list[str] = []
        #: Set once it listens: nothing that is sent from now on is missed.
        self.listening = threading.Event()
        with mapped():
            self._exec, self._attached = start(
                client, switchboard, ["sh", "-c", script, "sh", *argv]
            )

    def __iter__(self) -> Iterator[bytes]:
        """The pieces.

        Raises:
            UsageError: tcpdump does not understand the filter.
            EngineUnavailable: It ended because the engine is gone, or the way to it.
        """
        self._reading = True
        try:
            with mapped():
                for kind, piece in self._attached.frames():
                    if kind == STDOUT:
                        yield piece
                    else:
                        self._hear(piece.decode("utf-8", "replace"))
            self._check_end()
        finally:
            self._reading = False
            self.close()

    def _hear(self, words: str) -> None:
        for line in words.splitlines():
            if line.startswith("pid ") and self._pid is None:
                self._pid = line.removeprefix("pid ")
            elif "listening on" in line:
                self.listening.set()
            elif line:
                self._said.append(line)

    def _check_end(self) -> None:
        need_answer(self._client)
        if not self.listening.is_set():
            raise UsageError(
                f"The capture did not start: {' '.join(self._said)}",
                hint="Filters are written as in pcap-filter(7): `tcp port 80 and host 10.0.0.5`.",
            )

    def close(self) -> None:
        """End the capture; more than once is as good as once."""
        pid, self._pid = self._pid, None
        if pid is not None:
            with contextlib.suppress(EngineError), mapped():
                need_answer(self._client)
                # The shell's own kill: the image has no program of that name.
                argv = ["sh", "-c", f"kill {int(pid)}"]
                killer = self._client.api.exec_create(self._switchboard, argv)
                self._client.api.exec_start(killer["Id"])
        if not self._reading:
            self._attached.close()
