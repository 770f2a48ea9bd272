"""From what a replay saw, and what no replay can see, to the rubric's lines."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lab_runner.attempts.scoring import ENOUGH, Answer, Score, best
from lab_runner.grading.course import Case
from lab_runner.grading.looks import looks_before_changes
from lab_runner.grading.marks import Credit
from lab_runner.grading.record import answer_was_asked_for, answers, hints, started
from lab_runner.grading.rubric import Cost, Criterion, Rubric
from lab_runner.models.results import CheckResult, Report, Role, Status
from lab_runner.models.scenario import Scenario
from lab_runner.planning.plan import Plan
from lab_runner.submission.hand_in import HandIn

#: So many looks before the first change are enough.
ENOUGH_LOOKS = 3
#: Where an assignment has no limit: so many times what somebody needs who knows the tools.
_GENEROUS = 4
#: An answer's cause is one sentence, and an author's expressions are tried on it.
_SENTENCE = 2_000
_NAMED = 3


@dataclass(frozen=True)
class Judged:
    """One hand-in and its replay.

    Attributes:
        work: What was handed in.
        case: The assignment.
        plan: The lead's own plan of the trainee's variant.
        report: The replay's checks; None where the changes cannot be carried out.
        problem: Why not.
        late: Was it handed in late?
    """

    work: HandIn
    case: Case
    plan: Plan
    report: Report | None
    problem: str = ""
    late: bool = False

    @property
    def in_short(self) -> str:
        """The problem without what a machine says of it."""
        return f"{self.problem.partition('. ')[0].rstrip('.')}."

    @property
    def solved(self) -> bool:
        """Is everything in order that can be, and a control told for what it is?"""
        return self.report is not None and self.share == 1 and not self.red

    @cached_property
    def red(self) -> list[CheckResult]:
        """What should be green and is not, apart from what nobody can repair."""
        rows = self.report.checks if self.report else []
        return [
            row
            for row in rows
            if row.id not in self.plan.beyond and row.status is not Status.PASSED
        ]

    @property
    def broken(self) -> list[CheckResult]:
        """What the ticket is not about, and does not work any more."""
        return [r for r in self.red if r.role is Role.GUARD and r.status is Status.FAILED]

    @cached_property
    def repaired(self) -> Mapping[str, bool]:
        """Of each part whether it is repaired, by its scenario."""
        if self.report is None:
            return dict.fromkeys(self.plan.parts, False)
        parts = {part.scenario: part.passed for part in self.report.parts}
        return {
            name: self._told(name) if part.control else parts.get(name, self._green(part))
            for name, part in self.plan.parts.items()
        }

    @property
    def share(self) -> float:
        """Of the parts, those that are repaired."""
        return sum(self.repaired.values()) / len(self.repaired)

    @cached_property
    def answers(self) -> list[tuple[str, Score]]:
        """The diagnoses, with the part that each is nearest to, oldest first."""
        truths = {name: part.diagnosis for name, part in self.plan.parts.items()}
        return [best(_cut(answer), truths) for answer in answers(self.work)]

    def _green(self, part: Scenario) -> bool:
        assert self.report is not None
        green = {row.id for row in self.report.checks if row.status is Status.PASSED}
        return green.issuperset(part.symptoms)

    def _told(self, name: str) -> bool:
        """A control is solved by saying what it is."""
        scores = [score for part, score in self.answers if part == name]
        return any(score.node and score.points >= ENOUGH for score in scores)


def credits_of(judged: Judged, rubric: Rubric) -> list[Credit]:
    """The lines of the rubric; their sum is the mark."""
    lines = []
    for criterion, of in rubric.worth().items():
        share, why = _SHARES[criterion](judged)
        lines.append(Credit(criterion=criterion, points=round(of * share, 2), of=of, why=why))
    return [*lines, *_costs(judged, rubric)]


def _repair(judged: Judged) -> tuple[float, str]:
    if judged.report is None:
        return 0, judged.in_short
    done, parts = sum(judged.repaired.values()), len(judged.repaired)
    if parts > 1:
        return judged.share, f"{done} of {parts} parts are repaired"
    if done:
        return 1, "what the ticket is about works"
    control = next(iter(judged.plan.parts.values())).control
    if control:
        return 0, "it was not said whose trouble it is"
    symptoms = [row for row in judged.red if row.role is Role.SYMPTOM]
    return 0, f"still red: {_named(symptoms)}"


def _collateral(judged: Judged) -> tuple[float, str]:
    if not judged.share:
        return 0, "counts with a repair only"
    if judged.broken:
        return 0, f"broken: {_named(judged.broken)}"
    return judged.share, "nothing else is broken"


def _reboot(judged: Judged) -> tuple[float, str]:
    if not judged.share:
        return 0, "no repair was left after the reboot"
    if judged.broken:
        return 0, "after the reboot not everything is in order"
    return judged.share, "all machines came up with it"


def _diagnosis(judged: Judged) -> tuple[float, str]:
    first: dict[str, Score] = {}
    for part, score in judged.answers:
        first.setdefault(part, score)
    if not first:
        return 0, "none was given"
    share = sum(score.points for score in first.values()) / 100 / len(judged.plan.parts)
    told = "; ".join(_rightly(score) for score in first.values())
    more = len(judged.answers) - len(first)
    return share, f"{told}{f' (the first of {more + 1})' if more and len(first) == 1 else ''}"


def _evidence(judged: Judged) -> tuple[float, str]:
    looks = looks_before_changes(judged.work)
    if not looks:
        return 0, "no look before the first change is in the record"
    faults = [part.diagnosis for part in judged.plan.parts.values()]
    places = {place for fault in faults for place in (fault.node, *fault.node_also)}
    there = any(look.node in places for look in looks)
    share = (len(looks) >= ENOUGH_LOOKS) / 2 + there / 2
    at = "also" if there else "none"
    number = f"{len(looks)} looks" if len(looks) > 1 else "one look"
    return share, f"{number} before the first change, {at} at the machine at fault"


def _time(judged: Judged) -> tuple[float, str]:
    began = started(judged.work)
    scenario = judged.plan.scenario
    if began is None or scenario is None or not judged.share:
        return 0, "counts with a repair only" if began else "the record has no beginning"
    limit = datetime.timedelta(minutes=judged.case.minutes or _GENEROUS * scenario.minutes)
    took = max(judged.work.submitted - began, datetime.timedelta())
    share = min(1.0, max(0.0, 2 * (1 - took / limit)))
    minutes = took.total_seconds() / 60
    return share * judged.share, f"{minutes:.0f} of {limit.total_seconds() / 60:.0f} minutes"


_SHARES = {
    Criterion.REPAIR: _repair,
    Criterion.COLLATERAL: _collateral,
    Criterion.REBOOT: _reboot,
    Criterion.DIAGNOSIS: _diagnosis,
    Criterion.EVIDENCE: _evidence,
    Criterion.TIME: _time,
}


def _costs(judged: Judged, rubric: Rubric) -> Iterator[Credit]:
    given = hints(judged.work)
    if given:
        why = "one hint" if given == 1 else f"{given} hints"
        yield _off(Cost.HINT, given * rubric.hint, why)
    if answer_was_asked_for(judged.work):
        yield _off(Cost.ANSWER, rubric.answer, "the answer was asked for")
    if judged.late and rubric.late:
        yield _off(Cost.LATE, rubric.late, "handed in late")


def _off(cost: Cost, points: float, why: str) -> Credit:
    return Credit(criterion=cost, points=-points or 0.0, of=0, why=why)


def _rightly(score: Score) -> str:
    right = [name for name in ("node", "layer", "component") if getattr(score, name)]
    right += ["cause"] if score.cause == 1 else ["cause in part"] if score.cause else []
    return f"right: {', '.join(right)}" if right else "nothing of it is right"


def _named(rows: list[CheckResult]) -> str:
    more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    return ", ".join(row.id for row in rows[:_NAMED]) + more


def _cut(answer: Answer) -> Answer:
    return dataclasses.replace(answer, cause=answer.cause[:_SENTENCE])
