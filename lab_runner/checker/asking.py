"""One question: to the switchboard or to a program on a node, and the judge's answer."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from lab_runner.checker.commands import not_its_own, run_command
from lab_runner.engine.running import RunningLab
from lab_runner.errors import EngineError, EngineUnavailable, LabRunnerError, ProbeError
from lab_runner.models.checks import DEADLINE_S, Check
from lab_runner.models.evidence import to_json
from lab_runner.models.probes import CommandProbe, Probe
from lab_runner.models.results import CheckResult, Status

#: A machine with more idle time than the rest of this does at once what there is to do.
_CALM = 0.6


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came of one question.

    Attributes:
        row: The check's row, as if it had been the only question.
        calm: Had the engine's machine time to spare meanwhile, so that more patience would
            change nothing? Not, where that is not known.
    """

    row: CheckResult
    calm: bool = False


def ask(lab: RunningLab, check: Check, probe: Probe) -> Answer:
    """Ask once.

    Args:
        lab: The lab.
        check: Whose row it becomes.
        probe: The check's question, with time limits that may differ.

    Raises:
        EngineUnavailable: Nothing can be asked any more, of any node.
    """
    started = time.monotonic()
    evidence: dict[str, Any] | None = None
    strain: float | None = None
    try:
        evidence, strain = _evidence(lab, check, probe)
        status, rationale = _judged(lab, check, evidence)
    except EngineUnavailable:
        raise
    except (ProbeError, EngineError) as exc:
        status, rationale = Status.ERROR, f"could not be judged: {exc}"
    except LabRunnerError:
        raise
    except Exception as exc:  # noqa: BLE001 - the one place: a bug of ours costs nobody a point
        status, rationale = Status.ERROR, f"could not be judged: {type(exc).__name__}: {exc}"
    row = CheckResult(
        id=check.id,
        title=check.title,
        role=lab.plan.role(check.id),
        status=status,
        rationale=rationale,
        evidence=evidence,
        duration_ms=round((time.monotonic() - started) * 1000, 1),
    )
    return Answer(row, calm=strain is not None and strain < _CALM)


def _evidence(
    lab: RunningLab, check: Check, probe: Probe
) -> tuple[dict[str, Any] | None, float | None]:
    """What the probe saw, None if the vantage is off; how busy the machine was, if known."""
    if isinstance(probe, CommandProbe):
        return to_json("command", run_command(lab, check.vantage, probe)), None
    answer = lab.line.request(
        "ask",
        check=check.id,
        word=check.word,
        probe=dataclasses.asdict(probe),
        deadline_s=DEADLINE_S,
        timeout_s=DEADLINE_S + 10,
        **{"from": check.vantage},
    )
    if answer.get("off"):
        return None, None
    if "error" in answer:
        raise ProbeError(str(answer["error"]))
    return answer["result"], answer.get("strain")


def _judged(lab: RunningLab, check: Check, evidence: dict[str, Any] | None) -> tuple[Status, str]:
    # Here and not above: imported while the first questions are on their way.
    from lab_runner.checker.judge import evidence_from_json, judge  # noqa: PLC0415

    if evidence is None:
        return Status.FAILED, f"{check.vantage} is switched off or still booting"
    verdict = judge(check.probe, evidence_from_json(evidence)[1], vantage=check.vantage)
    if not verdict.passed:
        return Status.FAILED, verdict.rationale
    doubt = not_its_own(lab, check.vantage) if isinstance(check.probe, CommandProbe) else ""
    if doubt:
        return Status.FAILED, f"{verdict.rationale}; {doubt}"
    return Status.PASSED, verdict.rationale
