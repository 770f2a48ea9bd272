"""Shells kept open on nodes: a script costs a fork there, and not a program of the engine's."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from lab_runner import errors
from lab_runner.engine.attached import STDOUT, Attached, start
from lab_runner.engine.docker import mapped, need_answer
from lab_runner.engine.programs import ENVIRONMENT, GRACE_S, ExecResult, naming

if TYPE_CHECKING:
    from docker import DockerClient

_TIMEOUT_S = 60
#: Reads scripts, each ended by a zero byte; says after each how it ended, on both streams.
_LOOP = """
while IFS= read -r -d '' script; do
    timeout -k 1 "$2" bash -euo pipefail -c "$script" < /dev/null
    ended=$?
    printf '%s %d\\n' "$1" "$ended"
    printf '%s\\n' "$1" >&2
done
"""


class Shells:
    """One shell for each node that scripts were run on, opened when first needed.

    They end with their nodes: whoever reboots one closes its shell before.

    Args:
        client: The engine.
        container: Gives the id of a node's container.
    """

    def __init__(self, client: DockerClient, container: Callable[[str], str]) -> None:
        self._client, self._container = client, container
        self._open: dict[str, _Shell] = {}
        self._lock = threading.Lock()

    def run(self, node: str, script: str) -> ExecResult:
        """Run a script on a node, as root, with ``bash -euo pipefail``, for a minute at most.

        Raises:
            ExecFailed: It did not end in time, or the node is off.
            EngineUnavailable: The engine is gone.
        """
        with self._lock:
            shell = self._open.get(node)
            if shell is None:
                shell = self._open[node] = _Shell(self._client, self._container(node))
        try:
            with naming(node):
                return shell.run(script)
        except errors.EngineError:
            self.close([node])
            raise

    def close(self, nodes: Iterable[str] | None = None) -> None:
        """End the shells of nodes; of all if left out."""
        with self._lock:
            names = list(self._open if nodes is None else nodes)
            ended = [shell for name in names if (shell := self._open.pop(name, None))]
        for shell in ended:
            shell.close()


class _Shell:
    def __init__(self, client: DockerClient, container: str) -> None:
        self._client, self._container = client, container
        self._attached: Attached | None = None
        self._word = secrets.token_hex(8)
        self._busy = threading.Lock()

    def run(self, script: str) -> ExecResult:
        with self._busy:
            attached = self._attached = self._attached or self._start()
            try:
                attached.send(script.encode() + b"\0")
                ended = self._until_it_ends(attached)
            except TimeoutError as exc:
                need_answer(self._client)
                raise errors.ExecFailed(f"no end within {_TIMEOUT_S + GRACE_S:g} s") from exc
            except OSError:
                ended = None
        if ended is None:
            need_answer(self._client)
            raise errors.ExecFailed("its shell is gone")
        return ended

    def _start(self) -> Attached:
        loop = ["bash", "-c", _LOOP, "bash", self._word, str(_TIMEOUT_S)]
        with mapped():
            return start(self._client, self._container, [*ENVIRONMENT, *loop], stdin=True)[1]

    def _until_it_ends(self, attached: Attached) -> ExecResult | None:
        """The script's output up to the shell's word on both streams; None if the shell ended."""
        out, err = bytearray(), bytearray()
        word = self._word.encode()
        for kind, piece in attached.frames(_TIMEOUT_S + GRACE_S):
            (out if kind == STDOUT else err).extend(piece)
            last = re.search(word + rb" (\d+)\n", out)
            if last and word in err:
                said, complained = out[: last.start()], err[: err.index(word)]
                return ExecResult(int(last[1]), bytes(said), bytes(complained))
        return None

    def close(self) -> None:
        if self._attached is not None:
            self._attached.hang_up()
            self._attached.close()
