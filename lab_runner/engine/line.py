"""The line to a lab's switchboard: JSON over one exec of a relay inside its container."""

from __future__ import annotations

import contextlib
import itertools
import json
import queue
import threading
import time
from typing import TYPE_CHECKING, Any

from lab_runner import errors
from lab_runner.engine.attached import STDOUT, Attached, start
from lab_runner.engine.docker import mapped, need_answer
from lab_runner.switchboard import protocol

if TYPE_CHECKING:
    from docker import DockerClient

# The relay itself waits for the switchboard, so that the kit need not ask again and again.
_RELAY = ["socat", "-", f"UNIX-CONNECT:{protocol.SOCKET},retry=500,interval=0.02"]
#: After so long without a word the engine is asked whether the relay still runs.
_DOUBT_AFTER_S = 2.0
#: A switchboard that died is started again by the engine within this time.
_RESTARTS_WITHIN_S = 5.0
_AGAIN_S = 0.1
_LOST = "The switchboard of this lab does not answer."
_HINT = (
    "`lab status` says what runs. Try again; if that does not help, `lab reset` builds all "
    "machines again, and `lab stop` and `lab start` bring a fresh lab."
)


class Line:
    """Requests and answers, any number at a time, from any thread."""

    def __init__(self, client: DockerClient, container: str) -> None:
        self._client = client
        self._exec, self._attached = _relay(client, container)
        self._heard_of = time.monotonic()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, queue.SimpleQueue[dict[str, Any] | None]] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._engine_lost: errors.EngineUnavailable | None = None
        self._reader = threading.Thread(target=self._read, daemon=True, name="switchboard-line")
        self._reader.start()

    def result(self, op: str, *, timeout_s: float = 30.0, **fields: Any) -> Any:
        """Send a request that a sound switchboard always answers with a result.

        Raises:
            EngineError: It answered with an error.
            SwitchboardLost: The line broke, or no answer came in time.
            EngineUnavailable: That is because the engine is gone.
        """
        answer = self.request(op, timeout_s=timeout_s, **fields)
        if "result" not in answer:
            message = f"The switchboard could not do {op!r}: {answer.get('error', answer)}"
            raise errors.EngineError(message, hint=_HINT)
        return answer["result"]

    def request(self, op: str, *, timeout_s: float = 30.0, **fields: Any) -> dict[str, Any]:
        """Send one request and wait for its answer.

        Returns:
            The answer's object: ``result``, ``error`` or a word of the operation's own.

        Raises:
            SwitchboardLost: The line broke, or no answer came in time.
            EngineUnavailable: That is because the engine is gone.
        """
        answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = answers
            self._send(json.dumps({"id": number, "op": op, **fields}).encode() + b"\n")
        try:
            answer = self._answer(answers, timeout_s)
        finally:
            self._waiting.pop(number, None)
        if answer is None:
            raise self._loss()
        return answer

    def _answer(
        self, answers: queue.SimpleQueue[dict[str, Any] | None], timeout_s: float
    ) -> dict[str, Any] | None:
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            try:
                return answers.get(timeout=min(left, _DOUBT_AFTER_S))
            except queue.Empty:
                self._doubt()
        message = f"{_LOST} (no answer in {timeout_s:g} s)"
        raise self._engine_lost or errors.SwitchboardLost(message, hint=_HINT)

    def _loss(self) -> errors.EngineError:
        """Who is gone: the engine with everything on it, or the switchboard alone?"""
        if self._engine_lost is None:
            try:
                need_answer(self._client)
            except errors.EngineUnavailable as exc:
                return exc
        return self._engine_lost or errors.SwitchboardLost(_LOST, hint=_HINT)

    def _doubt(self) -> None:
        """Hang up if the relay is gone: the engine keeps the stream of a dead container open."""
        with self._lock:
            if self._closed or time.monotonic() - self._heard_of < _DOUBT_AFTER_S:
                return
            self._heard_of = time.monotonic()
            if not self._relay_runs():
                self._closed = True
                self._attached.hang_up()

    def _relay_runs(self) -> bool:
        try:
            need_answer(self._client)
            with mapped():
                return bool(self._client.api.exec_inspect(self._exec)["Running"])
        except errors.EngineUnavailable as exc:
            self._engine_lost = exc
            return False
        except errors.EngineError:
            return False

    @property
    def lost(self) -> bool:
        """Has the far end gone?"""
        return self._closed

    def _send(self, data: bytes) -> None:
        if self._closed:
            raise self._loss()
        try:
            self._attached.send(data)
        except OSError as exc:
            raise self._loss() from exc

    def _read(self) -> None:
        pending = b""
        with contextlib.suppress(OSError, ValueError):
            for kind, chunk in self._attached.frames():
                self._heard_of = time.monotonic()
                if kind != STDOUT:
                    continue
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    self._deliver(json.loads(line))
        self._closed = True
        for answers in list(self._waiting.values()):
            answers.put(None)

    def _deliver(self, answer: dict[str, Any]) -> None:
        answers = self._waiting.get(answer.get("id", 0))
        if answers is not None:
            answers.put(answer)

    def close(self) -> None:
        """Hang up; the switchboard goes on."""
        self._closed = True
        self._attached.hang_up()
        self._reader.join(1.0)
        self._attached.close()


def _relay(client: DockerClient, container: str) -> tuple[str, Attached]:
    """Start the relay, once the switchboard's container runs; its exec and its streams.

    Raises:
        SwitchboardLost: The container is gone, or does not come back.
        EngineUnavailable: The engine itself does not answer.
    """
    need_answer(client)
    deadline = time.monotonic() + _RESTARTS_WITHIN_S
    while True:
        try:
            with mapped():
                return start(client, container, _RELAY, stdin=True, stderr=False)
        except (errors.EngineUnavailable, errors.EnginePermission):
            raise
        except errors.EngineError as exc:
            if time.monotonic() > deadline:
                raise errors.SwitchboardLost(f"{_LOST} ({exc})", hint=_HINT) from exc
        time.sleep(_AGAIN_S)
