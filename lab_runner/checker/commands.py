"""Programs that a check runs on a node, and whether they are still those of the node's image."""

from __future__ import annotations

import time

from lab_runner.engine.running import RunningLab
from lab_runner.errors import ExecFailed, ProbeError
from lab_runner.models.evidence import CommandEvidence
from lab_runner.models.probes import CommandProbe
from lab_runner.switchboard.probes._text import clean

_TEXT_LIMIT = 16 * 1024
#: Nothing of what a learner may add beside the image's programs: /usr/local is not in it.
_PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
#: No more than this share of a node's programs is ever changed by hand; a host's clock that was
#: put back after its images were made lets them all look new.
_BY_HAND = 0.9
_NAMED = 3
_ALTERED_S = 30.0


def run_command(lab: RunningLab, node: str, probe: CommandProbe) -> CommandEvidence:
    """Run the probe's program on a node, by the name that the image gives it."""
    started = time.monotonic()
    try:
        done = lab.execute(node, ["env", _PATH, *probe.argv], timeout_s=probe.timeout_s)
    except ExecFailed as exc:
        return CommandEvidence(
            argv=probe.argv, exit_status=None, stdout="", stderr="", problem=str(exc)
        )
    return CommandEvidence(
        argv=probe.argv,
        exit_status=done.exit_status,
        stdout=clean(done.stdout, _TEXT_LIMIT),
        stderr=clean(done.stderr, _TEXT_LIMIT),
        duration_ms=(time.monotonic() - started) * 1000,
    )


def not_its_own(lab: RunningLab, node: str) -> str:
    """Why what programs say on a node proves nothing: some are not the image's; else nothing.

    Raises:
        ProbeError: It cannot be known.
        EngineError: The switchboard is gone.
    """
    found = lab.line.result("altered", node=node, timeout_s=_ALTERED_S)
    if found["count"] > _BY_HAND * found["of"]:
        raise ProbeError(
            f"all programs of {node} look newer than the machine itself, as if the clock of the "
            "engine's host had been put back since the images were made (remove these: "
            "`lab images list`, `docker image rm`)"
        )
    named = ", ".join(found["altered"][:_NAMED])
    more = " and others" if len(found["altered"]) > _NAMED else ""
    came = f"but programs of {node} are not those that it came with ({named}{more})"
    return came if found["count"] else ""
