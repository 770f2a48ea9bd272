"""The checks of a lab, asked inside its switchboard: without the command and without the engine."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.commands import Failed
from lab_runner.checker.judge import evidence_from_json, judge
from lab_runner.engine.containers import SWITCHBOARD
from lab_runner.engine.finding import container_ids
from lab_runner.models.checks import DEADLINE_S, Check
from lab_runner.switchboard import protocol

if TYPE_CHECKING:
    from docker import DockerClient

#: Asks all at once, several times over, and prints the milliseconds of each time and the answers.
_PROGRAM = """
import json, socket, sys, time
questions = json.loads(sys.argv[1])
with socket.socket(socket.AF_UNIX) as line:
    line.connect(%r)
    answers = line.makefile()
    took, last = [], []
    for _ in range(int(sys.argv[2])):
        began = time.perf_counter()
        line.sendall("".join(json.dumps(one) + "\\n" for one in questions).encode())
        last = [json.loads(answers.readline()) for _ in questions]
        took.append(1000 * (time.perf_counter() - began))
print(json.dumps([took, last]))
"""


def asked(client: DockerClient, attempt: str, checks: Sequence[Check], times: int) -> list[float]:
    """Milliseconds from the first question to the last answer, for all checks at once.

    Raises:
        Failed: One of them is not green.
    """
    questions = [
        {
            "id": number,
            "op": "ask",
            "check": check.id,
            "from": check.vantage,
            "word": check.word,
            "probe": dataclasses.asdict(check.probe),
            "deadline_s": DEADLINE_S,
        }
        for number, check in enumerate(checks)
    ]
    switchboard = client.containers.get(container_ids(client, attempt)[SWITCHBOARD])
    program = ["python3", "-c", _PROGRAM % protocol.SOCKET, json.dumps(questions), str(times)]
    done = switchboard.exec_run(program)
    assert isinstance(done.output, bytes)  # it was not asked for pieces
    said = done.output.decode()
    if done.exit_code:
        raise Failed(f"asking inside the switchboard: {said}")
    took, answers = json.loads(said)
    for answer in answers:
        _need_green(checks[answer["id"]], answer)
    return [float(milliseconds) for milliseconds in took]


def _need_green(check: Check, answer: dict[str, object]) -> None:
    evidence = answer.get("result")
    if not isinstance(evidence, dict):
        raise Failed(f"{check.id}: {answer}")
    verdict = judge(check.probe, evidence_from_json(evidence)[1], vantage=check.vantage)
    if not verdict.passed:
        raise Failed(f"{check.id} should be green and is not: {verdict.rationale}")
