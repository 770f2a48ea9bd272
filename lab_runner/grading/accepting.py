"""Is a hand-in of this course, and of whom it says; and what is odd about it."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from lab_runner.attempts.chain import broken_at
from lab_runner.attempts.store import Kind
from lab_runner.errors import HandInError
from lab_runner.grading.course import Case, CourseFolder
from lab_runner.grading.record import answer_was_asked_for, hints, payload, started, time_of
from lab_runner.submission.hand_in import HandIn
from lab_runner.submission.keys import key_name

#: Clocks differ by so much without anybody's doing.
_CLOCKS = datetime.timedelta(minutes=5)


class Oddity(StrEnum):
    """What a lead should look at. None of it is proof of anything."""

    ANOTHER_VARIANT = "another variant"
    TAMPERED = "tampered record"
    UNLIKE_ITS_RECORD = "unlike its record"
    OUT_OF_TIME = "out of time"
    CLOCK = "odd clock"
    HINTS = "hints that were not allowed"
    SOLVED_BY_THE_KIT = "solved by the kit"


@dataclass(frozen=True)
class Remark:
    """One oddity, and what was seen."""

    oddity: Oddity
    text: str


def case_of(work: HandIn, key: bytes, course: CourseFolder) -> Case:
    """The assignment that it is about.

    Raises:
        HandInError: It is of another course, of nobody in this one, signed by somebody else,
            or about no assignment of the course.
    """
    if work.course != course.secrets.course:
        raise HandInError("It is of another course.", hint="Grade it in that course's folder.")
    keys = course.public_keys()
    if work.trainee not in keys:
        raise HandInError(f"{work.trainee} was not invited to this course.")
    if key != keys[work.trainee]:
        others = [name for name, public in keys.items() if public == key]
        who = others[0] if others else f"a key that nobody here has ({key_name(key)})"
        raise HandInError(f"It says that it is {work.trainee}'s, and is signed by {who}.")
    for case in course.course.assignments:
        if case.id == work.assignment:
            return case
    raise HandInError(f"The course has no assignment {work.assignment!r}.")


def remarks(work: HandIn, case: Case, course: CourseFolder, now: datetime.datetime) -> list[Remark]:
    """Everything that is odd about somebody's own hand-in.

    Args:
        work: The hand-in.
        case: The assignment that it is about.
        course: The course.
        now: The lead's clock, when it came.
    """
    every = (
        _variant(work, case, course),
        _record(work),
        _times(work, case, course),
        _clock(work, now),
    )
    return list(itertools.chain.from_iterable(every))


def _variant(work: HandIn, case: Case, course: CourseFolder) -> Iterator[Remark]:
    if (work.scenario, work.seed) == (
        case.scenario,
        course.secrets.seed(work.trainee, case.id),
    ):
        return
    for other in course.public_keys():
        for one in course.course.assignments:
            if (one.scenario, course.secrets.seed(other, one.id)) == (work.scenario, work.seed):
                whose = "their own" if other == work.trainee else f"{other}'s"
                text = f"worked on {whose} variant of {one.id}"
                yield Remark(Oddity.ANOTHER_VARIANT, text)
                return
    text = f"worked on {work.scenario} with seed {work.seed}, which nobody here was given"
    yield Remark(Oddity.ANOTHER_VARIANT, text)


def _record(work: HandIn) -> Iterator[Remark]:
    broken = broken_at(work.events)
    if broken is not None:
        text = f"record {broken + 1} of {len(work.events)} was changed, or what was before it"
        yield Remark(Oddity.TAMPERED, text)
    if any(event.attempt != work.attempt for event in work.events):
        yield Remark(Oddity.TAMPERED, "there are records of another attempt")
    started = [payload(event) for event in work.events if event.kind is Kind.START]
    if [(one.get("scenario"), one.get("seed")) for one in started] != [(work.scenario, work.seed)]:
        text = "the record does not begin with the start of what was handed in"
        yield Remark(Oddity.UNLIKE_ITS_RECORD, text)
    if answer_was_asked_for(work):
        yield Remark(
            Oddity.SOLVED_BY_THE_KIT, "the answer was asked for with `lab solve` or --spoil"
        )


def _times(work: HandIn, case: Case, course: CourseFolder) -> Iterator[Remark]:
    opens, closes = course.course.opens, course.course.closes
    begun = started(work)
    if opens and begun and begun < opens - _CLOCKS:
        yield Remark(Oddity.OUT_OF_TIME, f"begun {opens - begun} before the course opened")
    if closes and work.submitted > closes + _CLOCKS:
        yield Remark(Oddity.OUT_OF_TIME, f"handed in {work.submitted - closes} after it closed")
    limit = datetime.timedelta(minutes=case.minutes) if case.minutes else None
    if limit and begun and work.submitted - begun > limit + _CLOCKS:
        text = f"took {work.submitted - begun}, where {case.minutes} minutes were given"
        yield Remark(Oddity.OUT_OF_TIME, text)
    if hints(work) and not case.hints:
        yield Remark(Oddity.HINTS, f"{hints(work)} of them")


def _clock(work: HandIn, now: datetime.datetime) -> Iterator[Remark]:
    """Times in an order that nobody's clock shows, unless it was set."""
    if work.submitted > now + _CLOCKS:
        yield Remark(Oddity.CLOCK, f"handed in at {work.submitted}, which is still to come")
    times = [when for event in work.events if (when := time_of(event)) is not None]
    if len(times) < len(work.events):
        yield Remark(Oddity.CLOCK, "there are records without a time")
    back = max((one - other for one, other in itertools.pairwise(times)), default=_CLOCKS)
    if back > _CLOCKS:
        yield Remark(Oddity.CLOCK, f"the clock went back by {back} from one record to the next")
    if times and times[-1] > work.submitted + _CLOCKS:
        yield Remark(Oddity.CLOCK, "there are records of after it was handed in")
