"""Switches nodes on, and waits until they are up, as the switchboard tells it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lab_runner.engine import containers
from lab_runner.engine.docker import APIError, NotFound, Progress, mapped, says_full
from lab_runner.engine.kind import caution
from lab_runner.errors import EngineError, NodeNotReady, NodeOff

if TYPE_CHECKING:
    from lab_runner.engine.line import Line
    from lab_runner.engine.running import RunningLab

_JOURNAL_LINES = 15
#: A node that was switched on so often and never came up will not: its init ends at once.
_FALSE_STARTS = 4
_HINT = "`lab doctor` looks for what this host lacks."
#: Seconds that a node has to shut down before its power is cut.
_SHUTDOWN_S = 5


def restart(lab: RunningLab, name: str) -> None:
    """Switch a node off and on; one whose init no longer listens restarts as well.

    Raises:
        NodeOff: The engine could not switch it on again, and will not by itself.
        EngineError: It is gone, or the engine is, or its disk is full.
    """
    with mapped():
        try:
            lab.client.api.restart(lab.container(name), timeout=_SHUTDOWN_S)
        except NotFound as exc:
            raise containers.gone(name) from exc
        except APIError as exc:
            if says_full(str(exc)):
                raise
            raise NodeOff(
                f"{name} could not be switched on again: {exc.explanation}",
                hint=f"`lab reboot {name}` tries again. Where the engine never does, `lab reset` "
                "builds all machines again; what was done on them is lost.",
            ) from exc


def wait(
    lab: RunningLab,
    line: Line,
    boots: Mapping[str, int],
    progress: Progress,
    deadline_s: float,
    *,
    patient: bool = True,
) -> None:
    """Wait until each node has booted at least so often.

    Args:
        lab: The lab.
        line: To the switchboard whose count it is: one that was started again begins anew.
        boots: How often, by node.
        progress: Told of each that is up.
        deadline_s: How long to wait.
        patient: Go on where one could not be prepared: what ends by itself is tried again.

    Raises:
        NodeNotReady: One has not in time; with its last words. Or it ends again and again.
        SwitchboardLost: It was started again, or is gone.
    """
    deadline = time.monotonic() + deadline_s
    known: dict[str, Any] = {}
    told: set[str] = set()
    while (left := deadline - time.monotonic()) > 0:
        # In short pieces: a line whose far end died is noticed within one of them.
        known = line.result(
            "wait", boots=dict(boots), within_s=min(left, 5.0), known=known, timeout_s=10.0
        )
        up = {n for n, s in known.items() if s["booted"] and s["boots"] >= boots[n]}
        for name in sorted(up - told):
            progress(name, "up")
        told |= up
        if up == set(boots):
            return
        for name, state in known.items():
            if state["problem"] and not patient:
                raise NodeNotReady(f"{name} could not be prepared: {state['problem']}", hint=_HINT)
            if not state["booted"] and state["boots"] >= boots[name] + _FALSE_STARTS:
                raise _false_starts(lab, name)
    raise _not_ready(lab, sorted(set(boots) - told), known, deadline_s)


def _false_starts(lab: RunningLab, name: str) -> NodeNotReady:
    message = f"{name} does not boot: its init ended {_FALSE_STARTS} times before it was up."
    return NodeNotReady(message, hint=caution(lab.client) or _HINT)


def _not_ready(
    lab: RunningLab, names: list[str], states: Mapping[str, Any], deadline_s: float
) -> NodeNotReady:
    name = names[0]
    words = (states.get(name) or {}).get("problem") or _last_words(lab, name)
    message = f"{', '.join(names)} did not boot within {deadline_s:g} s. {name} says: {words}"
    return NodeNotReady(message, hint=caution(lab.client) or _HINT)


def _last_words(lab: RunningLab, node: str) -> str:
    argv = ["journalctl", "--no-pager", "-o", "cat", "-n", str(_JOURNAL_LINES)]
    try:
        return lab.execute(node, argv, timeout_s=10).stdout.decode("utf-8", "replace")
    except EngineError as exc:
        return str(exc)
