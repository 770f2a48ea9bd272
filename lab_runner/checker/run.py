"""A run of checks: asks all of them at once, lets red ones settle, one row for each."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import time
from collections.abc import Callable, Container, Iterable
from pathlib import Path

from lab_runner.checker.asking import Answer, ask
from lab_runner.checker.recording import recorded
from lab_runner.engine.running import RunningLab
from lab_runner.models.checks import LAST_WORD, Check
from lab_runner.models.probes import Probe, patient
from lab_runner.models.results import CheckResult, PartResult, Report, Role, Status
from lab_runner.models.scenario import Scenario
from lab_runner.planning.plan import Plan

#: A red check is asked again after this long, then after twice that, and so on.
_AGAIN_S = 0.25
_AGAIN_AT_MOST_S = 1.0
#: How long a fault may take to show on every symptom: caches run out, neighbours are noticed dead.
_TAKES_HOLD_S = 6.0
#: Where silence is what is expected, it is waited for so much shorter: answers take milliseconds.
_HASTE = 0.6
#: A broken instrument is tried again so often before its check counts as an error.
_TRIES = 2

OnResult = Callable[[CheckResult], None]


def run_checks(
    lab: RunningLab,
    *,
    checks: Iterable[Check] | None = None,
    on_result: OnResult | None = None,
    pcap: Path | None = None,
    expect_broken: bool = False,
    expect_red: Container[str] = (),
) -> Report:
    """Run checks against a lab.

    Args:
        lab: The lab.
        checks: Which ones; all of the plan's if left out.
        on_result: Told of each row as soon as it is final.
        pcap: A folder for what crosses each segment meanwhile.
        expect_broken: A fault was just put in: it is the symptoms that should be red,
            and they are asked again while they are still green.
        expect_red: Checks that should be red and stay so: asked again while they are still
            green, as symptoms are, and once more after as long as they might take to settle.

    Returns:
        One row for each check, in the order of the files.

    Raises:
        EngineUnavailable: The engine went away meanwhile.
    """
    started = time.monotonic()
    wanted = list(lab.plan.checks if checks is None else checks)
    with recorded(lab, pcap):
        asked = _ask_all(
            lab, [_patience(lab, check, expect_broken, expect_red) for check in wanted]
        )
    by_id = {row.id: row for row in asked}
    rows = [
        _decided(lab.plan, _in_context(row, check, by_id), asked)
        for row, check in zip(asked, wanted, strict=True)
    ]
    for row in rows:
        if on_result:
            on_result(row)
    return Report(
        attempt=lab.attempt,
        scenario=lab.plan.scenario_id or lab.plan.lab_id,
        seed=lab.plan.seed,
        checks=rows,
        parts=_parts(lab.plan, rows) if lab.plan.composite else [],
        duration_ms=round((time.monotonic() - started) * 1000, 1),
    )


@dataclasses.dataclass(frozen=True)
class _Patience:
    """A check, how it should end, and for how long it is asked again until it does.

    Attributes:
        once: Is any end as good as another, so that it is asked once?
        stays: Has a red check to be red as well when it had its time to settle?
    """

    check: Check
    wanted: Status
    seconds: float
    once: bool = False
    stays: bool = False

    @property
    def probe(self) -> Probe:
        """The question, with a time limit that suits what is expected."""
        probe = self.check.probe
        return probe if self.wanted is Status.PASSED else patient(probe, _HASTE)

    @property
    def long(self) -> bool:
        """Does it end as it should only after a time in which nothing comes?"""
        return self.wanted is Status.FAILED or self.check.ends_in_silence


def _patience(
    lab: RunningLab, check: Check, expect_broken: bool, expect_red: Container[str]
) -> _Patience:
    symptom = expect_broken and lab.plan.role(check.id) is Role.SYMPTOM
    if symptom or check.id in expect_red:
        return _Patience(check, Status.FAILED, _TAKES_HOLD_S, stays=check.id in expect_red)
    if expect_broken and lab.plan.scenario and check.id in lab.plan.scenario.silenced:
        return _Patience(check, Status.PASSED, 0.0, once=True)
    return _Patience(check, Status.PASSED, check.within)


def _ask_all(lab: RunningLab, checks: list[_Patience]) -> list[CheckResult]:
    if not checks:
        return []
    lab.line  # noqa: B018 - opened here, once, before many threads need it
    # Those that wait for nothing to happen go first: the others are asked while they wait.
    order = sorted(checks, key=lambda patience: not patience.long)
    with concurrent.futures.ThreadPoolExecutor(len(checks)) as pool:
        jobs = {one.check.id: pool.submit(_settled, lab, one) for one in order}
        return [jobs[one.check.id].result() for one in checks]


def _settled(lab: RunningLab, patience: _Patience) -> CheckResult:
    """Ask until it is as wanted or its time is over; a broken instrument gets a second try.

    What was seen and must not be needs no last word: asked again at once, a kernel that still
    waits for the first answer may keep quiet.
    """
    check = patience.check
    deadline = time.monotonic() + patience.seconds
    errors, pause = 0, _AGAIN_S
    while True:
        settled = time.monotonic() >= deadline
        answer = ask(lab, check, patience.probe)
        row = answer.row
        errors += row.status is Status.ERROR
        if row.status is patience.wanted and patience.stays:
            time.sleep(check.within)
            return _last_word(lab, check, answer)
        if row.status is patience.wanted or errors >= _TRIES:
            return row
        if row.status is not Status.ERROR and time.monotonic() + pause > deadline:
            if patience.once or check.forbids or (settled and answer.calm):
                return row
            time.sleep(max(0.0, deadline - time.monotonic()))
            return _last_word(lab, check, answer)
        time.sleep(pause)
        pause = min(2 * pause, _AGAIN_AT_MOST_S)


def _last_word(lab: RunningLab, check: Check, answer: Answer) -> CheckResult:
    """Ask a red check once more; an instrument that breaks says nothing.

    Nobody is told red because the engine's machine was busy: if it was, with longer time limits.
    """
    row = answer.row
    if row.status is not Status.FAILED or row.evidence is None:
        return row
    probe = check.probe if answer.calm else patient(check.probe, LAST_WORD)
    last = ask(lab, check, probe).row
    return row if last.status is Status.ERROR else last


def _in_context(row: CheckResult, check: Check, rows: dict[str, CheckResult]) -> CheckResult:
    """The row in the light of the checks that it requires and of its control."""
    red = [name for name in check.requires if name in rows and rows[name].status is not _GREEN]
    if red:
        reason = f"not asked of itself: it says nothing while {', '.join(red)} is not green"
        return row.model_copy(update={"status": Status.SKIPPED, "rationale": reason})
    control = rows.get(check.control) if check.control else None
    if control and control.status is not _GREEN and row.status is _GREEN:
        reason = (
            f"{row.rationale}; but this proves nothing, because the same instrument also "
            f"failed where it should succeed ({control.id}: {control.rationale})"
        )
        return row.model_copy(update={"status": Status.SKIPPED, "rationale": reason})
    return row


def _decided(plan: Plan, row: CheckResult, rows: list[CheckResult]) -> CheckResult:
    """A check that the fault leaves undecided is not held against anybody while it lasts."""
    lasting = {one.id for one in rows if one.status is not _GREEN}
    undecided = any(
        row.id in part.silenced and lasting.intersection(_symptoms(plan, part))
        for part in plan.parts.values()
    )
    if row.status is not Status.FAILED or row.role is Role.SYMPTOM or not undecided:
        return row
    reason = f"says nothing until the ticket's trouble is over; meanwhile: {row.rationale}"
    return row.model_copy(update={"status": Status.SKIPPED, "rationale": reason})


def _parts(plan: Plan, rows: list[CheckResult]) -> list[PartResult]:
    green = {row.id for row in rows if row.status is _GREEN}
    return [
        PartResult(
            scenario=name,
            title=part.title,
            passed=green.issuperset([*_symptoms(plan, part), *(c.id for c in part.checks)]),
        )
        for name, part in plan.parts.items()
    ]


def _symptoms(plan: Plan, part: Scenario) -> set[str]:
    """A part's symptoms; beside a control, without those that stay red whoever repairs what."""
    return set(part.symptoms) - plan.beyond or set(part.symptoms)


_GREEN = Status.PASSED

__all__ = ["OnResult", "Role", "run_checks"]
