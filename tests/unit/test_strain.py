"""How busy the machine was, and what a red check makes of it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab_runner.checker.run import run_checks
from lab_runner.models.checks import LAST_WORD, Check
from lab_runner.models.evidence import Target, TcpEvidence, to_json
from lab_runner.models.results import Role, Status
from lab_runner.switchboard import strain
from lab_runner.switchboard.strain import Strain

IDLE, BUSY = 0.1, 0.95
TARGET = Target(name="192.0.2.1", address="192.0.2.1", source="literal")


# --- measured -------------------------------------------------------------------------


async def over(measure: Strain, seconds: float) -> Any:
    with measure.watched() as span:
        await asyncio.sleep(seconds)
    return span.strain


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        ([90, 0, 90, 1620, 0, 0, 0, 0], [100, 0, 100, 1800, 0, 0, 0, 0], 0.1),
        ([50, 0, 50, 1600, 0, 0, 0, 0], [90, 10, 90, 1800, 40, 10, 10, 50], 0.5),
        ([50, 0, 50, 1600, 0, 0, 0, 0], [150, 0, 50, 1600, 0, 0, 0, 0], 1.0),
        ([50, 0, 50, 1600, 0, 0, 0, 0], [50, 0, 50, 1600, 0, 0, 0, 0], None),  # no time went by
    ],
)
def test_the_share_that_was_not_idle(
    before: list[int], after: list[int], share: float | None
) -> None:
    assert strain._taken(before, after) == (None if share is None else pytest.approx(share))


@pytest.mark.parametrize("content", [None, "", "cpu 1 2\n", "cpu a b c d e f g h\n"])
def test_where_nothing_is_counted_nothing_is_known(tmp_path: Path, content: str | None) -> None:
    stat = tmp_path / "stat"
    if content is not None:
        stat.write_text(content)
    assert asyncio.run(over(Strain(stat), 0.05)) is None


def test_a_process_that_is_woken_late(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu 0 0 0 100 0 0 0 0\n")

    async def held_up() -> Any:
        with Strain(stat).watched() as span:
            await asyncio.sleep(0.1)
            # As where a host gives a virtual machine no time.
            subprocess.run(["sleep", "0.9"], check=True)  # noqa: ASYNC221
            await asyncio.sleep(0.01)
            stat.write_text("cpu 0 0 0 200 0 0 0 0\n")
        return span.strain

    assert asyncio.run(held_up()) > 0.7


def test_a_machine_that_is_busy_in_earnest() -> None:
    spin = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(spin) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        assert asyncio.run(over(Strain(), 0.5)) > 0.6
    finally:
        for one in busy:
            one.kill()
            one.wait()


# --- and what is made of it -----------------------------------------------------------


class Line:
    """A switchboard's answers: nobody answers the probe, on a machine as busy as it is told."""

    def __init__(self, busy: float | None) -> None:
        self.busy = busy
        self.limits: list[float] = []

    def request(self, _op: str, *, probe: dict[str, Any], **_fields: Any) -> dict[str, Any]:
        self.limits.append(probe["timeout_s"])
        silence = TcpEvidence(target=TARGET, port=80, outcome="timeout")
        return {"result": to_json("tcp", silence), "strain": self.busy}


def asked(busy: float | None, *, within: float = 0.0) -> list[float]:
    """With which time limits a check was asked before it was called red."""
    check = Check.model_validate(
        {
            "id": "web-answers",
            "title": "The web server answers",
            "from": "desk",
            "within": within,
            "tcp": {"to": "192.0.2.1", "port": 80, "timeout_s": 1.0},
        }
    )
    plan = SimpleNamespace(
        checks=[check], role=lambda _name: Role.GUARD, scenario=None, scenario_id="x", seed=1,
        parts={}, composite=False, lab_id="x",
    )  # fmt: skip
    line = Line(busy)
    report = run_checks(SimpleNamespace(plan=plan, line=line, attempt="a"))  # type: ignore[arg-type]
    assert [row.status for row in report.checks] == [Status.FAILED], report.checks
    return line.limits


def test_where_there_was_time_to_spare_more_patience_changes_nothing() -> None:
    assert asked(IDLE) == [1.0]


@pytest.mark.parametrize("busy", [BUSY, None])
def test_on_a_busy_machine_the_last_word_is_asked_with_patience(busy: float | None) -> None:
    assert asked(busy) == [1.0, LAST_WORD]


def test_no_check_is_red_before_it_had_its_time_to_settle() -> None:
    # The first at once, the second too early to wait another time, the last when it has settled.
    assert asked(IDLE, within=0.4) == [1.0, 1.0, 1.0]
