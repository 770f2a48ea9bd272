"""Runs one program on a node and waits for its end, but not for ever."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab_runner import errors
from lab_runner.engine.attached import STDOUT, Attached, is_refusal, refusal, start
from lab_runner.engine.docker import mapped, need_answer
from lab_runner.switchboard.protocol import NODE_VARIABLE

if TYPE_CHECKING:
    from docker import DockerClient

#: The program's own time limit is kept on the node; a node that died keeps none.
GRACE_S = 5.0
#: So many bytes of each stream of a program are kept: it may be a learner's, and never end.
KEPT = 8 << 20
#: How an engine says that a container is neither up nor about to be.
_IS_OFF = " is not running"
#: The engine hands its own variables for PID 1 to every program that it runs in a container.
ENVIRONMENT = ("env", "-u", NODE_VARIABLE, "-u", "NOTIFY_SOCKET", "-u", "container")


@contextlib.contextmanager
def naming(node: str) -> Iterator[None]:
    """Name the node on which nothing runs.

    Raises:
        ExecFailed: The node is off, or just starting or ending.
    """
    try:
        yield
    except errors.EngineUnavailable:
        raise
    except errors.EngineError as exc:
        said, hint = str(exc), exc.hint
        if _IS_OFF in said:
            said, hint = "it is switched off", f"`lab reboot {node}` switches it on."
        raise errors.ExecFailed(f"{node} does not run anything: {said}", hint=hint) from exc


@dataclass(frozen=True)
class ExecResult:
    """How a program on a node ended."""

    exit_status: int
    stdout: bytes
    stderr: bytes


def run(
    client: DockerClient, container: str, argv: Sequence[str], timeout_s: float, keep: int = KEPT
) -> ExecResult:
    """Run a program in a node's container; at most ``keep`` bytes of each stream are its output.

    Raises:
        EngineError: The container is off, or just starting or ending, or the engine gone.
        ExecFailed: It gave no sign of its end.
    """
    command = [*ENVIRONMENT, "timeout", "-k", "1", f"{timeout_s:g}", *argv]
    with mapped():
        started, attached = start(client, container, command)
        try:
            out, err = _output(attached, timeout_s + GRACE_S, keep)
        except TimeoutError as exc:
            need_answer(client)
            raise errors.ExecFailed(f"no end within {timeout_s + GRACE_S:g} s") from exc
        finally:
            attached.close()
        status = client.api.exec_inspect(started)["ExitCode"]
    for said in (out, err):
        if status and is_refusal(said):
            raise refusal(said)
    return ExecResult(int(status if status is not None else -1), out, err)


def _output(attached: Attached, deadline_s: float, keep: int) -> tuple[bytes, bytes]:
    out, err = bytearray(), bytearray()
    for kind, piece in attached.frames(deadline_s):
        stream = out if kind == STDOUT else err
        stream.extend(piece[: keep - len(stream)])
    return bytes(out), bytes(err)
