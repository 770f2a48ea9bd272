"""Is a lab in a state of which checks tell anything? Then ask them."""

from __future__ import annotations

import time
from pathlib import Path

from lab_runner.checker.run import OnResult, run_checks
from lab_runner.engine.containers import gone
from lab_runner.engine.finding import MISSING, OFF, find
from lab_runner.engine.running import RunningLab
from lab_runner.errors import NodeOff, NotHandedOut
from lab_runner.models.results import Report

#: The states of a container that no longer has its disk, or soon will not.
_GOING = frozenset({MISSING, "removing", "dead"})
#: A node that another command reboots is off for a moment.
_MOMENT_S = 2.0
_LOOK_AGAIN_S = 0.1


def checked(
    lab: RunningLab, *, on_result: OnResult | None = None, pcap: Path | None = None
) -> Report:
    """Ask every check of a lab that can be judged, and can still be where something is red.

    Raises:
        NotHandedOut: It is not the lab that somebody was to work on.
        NodeOff: The engine does not run one of its machines.
    """
    require_whole(lab)
    report = run_checks(lab, on_result=on_result, pcap=pcap)
    if not report.passed:
        require_whole(lab)  # meanwhile a machine may have gone
    return report


def require_whole(lab: RunningLab) -> None:
    """See that the lab was broken as it is to be, and that all its machines are switched on.

    Of one that was not broken yet every check would be green; where the engine has a machine
    off, red would be nobody's fault but the engine's.

    Raises:
        NotHandedOut: Its start or its last reset was cut short.
        NodeOff: The engine does not run one of its machines.
        EngineError: It does not even have it any more.
    """
    told = lab.line.result("hello")
    # A switchboard of an earlier version does not say.
    if not told.get("handed_over", True):
        raise NotHandedOut(
            hint="`lab reset` builds it again as it is to be; `lab stop` takes it away."
        )
    if not all(state["booted"] for state in told["nodes"].values()):
        _require_on(lab)


def _require_on(lab: RunningLab) -> None:
    """A learner can reboot a machine, and crash it, but the engine switches it on again."""
    until = time.monotonic() + _MOMENT_S
    while off := _switched_off(lab):
        if time.monotonic() > until:
            name, state = off
            raise NodeOff(
                f"The engine has switched {name} off, or could not switch it on ({state}).",
                hint=f"`lab reboot {name}` switches it on again.",
            )
        time.sleep(_LOOK_AGAIN_S)


def _switched_off(lab: RunningLab) -> tuple[str, str] | None:
    """A node that the engine has off, and its state; none that is gone passes for one."""
    states = {one.attempt: one.states for one in find(lab.client)}.get(lab.attempt, {})
    for name, state in states.items():
        if state in _GOING:
            raise gone(name)
    return next(((name, state) for name, state in states.items() if state in OFF), None)
