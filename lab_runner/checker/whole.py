"""Is a lab in a state of which checks tell anything?"""

from __future__ import annotations

from lab_runner.engine.containers import gone
from lab_runner.engine.finding import MISSING, find
from lab_runner.engine.running import RunningLab
from lab_runner.errors import NodeOff, NotHandedOut

#: What the engine calls a container that boots, has booted or will boot by itself.
_ON = frozenset({"running", "restarting"})


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
    states = {one.attempt: one.states for one in find(lab.client)}.get(lab.attempt, {})
    for name, state in states.items():
        if state == MISSING:
            raise gone(name)
        if state not in _ON:
            raise NodeOff(
                f"The engine has switched {name} off, or could not switch it on ({state}).",
                hint=f"`lab reboot {name}` switches it on again.",
            )
