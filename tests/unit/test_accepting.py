"""Whose hand-in it is, and what is odd about it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab_runner.attempts.chain import BEGINNING, link
from lab_runner.attempts.store import Kind
from lab_runner.catalogue import Catalogue
from lab_runner.errors import HandInError
from lab_runner.grading.accepting import Oddity, case_of, remarks
from lab_runner.grading.course import CourseFolder, new_course
from lab_runner.grading.record import hints
from lab_runner.submission.hand_in import HandIn, Recorded
from lab_runner.submission.keys import SigningKey
from tests.unit.test_course import COURSE, ROSTER

BEGAN = datetime.datetime(2026, 11, 24, 10, tzinfo=datetime.UTC)
#: By the lead's clock.
NOW = datetime.datetime(2026, 11, 30, 10, tzinfo=datetime.UTC)
Work = Callable[..., HandIn]


@pytest.fixture
def course(tmp_path: Path, small: Catalogue) -> CourseFolder:
    new_course(tmp_path / "course", COURSE, ROSTER)
    course = CourseFolder.open(tmp_path / "course", small)
    for person in course.people():
        course.invite(person)
    return course


def chained(*told: tuple[Kind, dict[str, Any]], began: datetime.datetime = BEGAN) -> list[Recorded]:
    events: list[Recorded] = []
    for number, (kind, payload) in enumerate(told):
        written = (began + datetime.timedelta(minutes=number)).isoformat()
        text = json.dumps(payload)
        place = link(events[-1].link if events else BEGINNING, "a1b2c3", written, kind, text)
        events.append(Recorded(attempt="a1b2c3", written=written, kind=kind, text=text, link=place))
    return events


@pytest.fixture
def work(course: CourseFolder) -> Work:
    """Ada's honest work on the first assignment, but for what is named."""

    def make(*more: tuple[Kind, dict[str, Any]], **changes: Any) -> HandIn:
        seed = course.secrets.seed("ada", "first")
        fields = {
            "course": course.secrets.course,
            "trainee": "ada",
            "assignment": "first",
            "scenario": "no-page-opens",
            "seed": seed,
            "attempt": "a1b2c3",
            "submitted": BEGAN + datetime.timedelta(minutes=20),
            "version": "0.1.0",
            "events": [],
            "changes": {},
            "states": {},
        } | changes
        start = {"scenario": fields["scenario"], "seed": fields["seed"]}
        fields["events"] = fields["events"] or chained((Kind.START, start), *more)
        return HandIn.model_validate(fields)

    return make


def odd(work: HandIn, course: CourseFolder) -> dict[Oddity, str]:
    key = course.public_keys()[work.trainee]
    found = remarks(work, case_of(work, key, course), course, NOW)
    return {remark.oddity: remark.text for remark in found}


def test_honest_work_is_not_odd(work: Work, course: CourseFolder) -> None:
    assert odd(work((Kind.CHECK, {"passed": True}), (Kind.HINT, {"number": 1})), course) == {}


def test_what_is_not_of_this_course_is_refused(work: Work, course: CourseFolder) -> None:
    keys = course.public_keys()
    for changes, key, message in (
        ({"course": "ff" * 8}, keys["ada"], "another course"),
        ({"trainee": "eve"}, keys["ada"], "eve was not invited"),
        ({}, keys["bob"], "it is ada's, and is signed by bob"),
        ({}, SigningKey.new().public, "signed by a key that nobody here has"),
        ({"assignment": "third"}, keys["ada"], "no assignment 'third'"),
    ):
        with pytest.raises(HandInError, match=message):
            case_of(work(**changes), key, course)


def test_somebody_elses_variant_is_named(work: Work, course: CourseFolder) -> None:
    bobs = course.secrets.seed("bob", "first")
    assert odd(work(seed=bobs), course) == {
        Oddity.ANOTHER_VARIANT: "worked on bob's variant of first"
    }
    assert "which nobody here was given" in odd(work(seed=7), course)[Oddity.ANOTHER_VARIANT]
    other = course.secrets.seed("ada", "second")
    found = odd(work(seed=other, scenario="far-side-unreachable"), course)
    assert found[Oddity.ANOTHER_VARIANT] == "worked on their own variant of second"


def test_a_record_that_was_changed_is_named(work: Work, course: CourseFolder) -> None:
    honest = work((Kind.CHECK, {"passed": False}), (Kind.CHECK, {"passed": True})).events
    changed = [honest[0], honest[1].model_copy(update={"text": '{"passed": true}'}), honest[2]]
    assert odd(work(events=changed), course)[Oddity.TAMPERED].startswith("record 2 of 3")
    assert odd(work(events=[honest[0], honest[2]]), course)[Oddity.TAMPERED].startswith("record 2")
    assert odd(work(events=honest, attempt="ffffff"), course)[Oddity.TAMPERED] == (
        "there are records of another attempt"
    )


def test_a_record_of_something_else_is_named(work: Work, course: CourseFolder) -> None:
    for events in (
        chained((Kind.CHECK, {})),
        chained((Kind.START, {"scenario": "no-page-opens", "seed": 7})),
        chained((Kind.START, {"scenario": ["x"]})),
    ):
        assert Oddity.UNLIKE_ITS_RECORD in odd(work(events=events), course)


def test_answers_that_were_asked_for_are_named(work: Work, course: CourseFolder) -> None:
    assert Oddity.SOLVED_BY_THE_KIT in odd(work((Kind.SOLVE, {})), course)
    assert Oddity.SOLVED_BY_THE_KIT in odd(work((Kind.DEBRIEF, {"spoil": True})), course)
    second = {"assignment": "second", "scenario": "far-side-unreachable"}
    second |= {"seed": course.secrets.seed("ada", "second")}
    assert odd(work((Kind.HINT, {"number": 1}), **second), course) == {Oddity.HINTS: "1 of them"}


@pytest.mark.parametrize(
    ("began", "minutes", "text"),
    [
        (datetime.datetime(2026, 11, 22, 8, tzinfo=datetime.UTC), 20, "before the course opened"),
        (datetime.datetime(2026, 11, 27, 16, 50, tzinfo=datetime.UTC), 20, "after it closed"),
        (BEGAN, 40, "took 0:40:00, where 30 minutes were given"),
    ],
)
def test_work_out_of_time_is_named(
    work: Work, course: CourseFolder, began: datetime.datetime, minutes: int, text: str
) -> None:
    start = {"scenario": "no-page-opens", "seed": course.secrets.seed("ada", "first")}
    events = chained((Kind.START, start), began=began)
    late = began + datetime.timedelta(minutes=minutes)
    assert text in odd(work(events=events, submitted=late), course)[Oddity.OUT_OF_TIME]


def test_a_time_that_is_none_is_no_accident(work: Work, course: CourseFolder) -> None:
    events = work().events
    broken = [events[0].model_copy(update={"written": "yesterday"})]
    assert Oddity.TAMPERED in odd(work(events=broken), course)


@pytest.mark.parametrize(
    ("written", "submitted", "text"),
    [
        ([0, 1, 2], 9_000, "which is still to come"),
        ([0, 40, 20], 50, "the clock went back by 0:20:00"),
        ([0, 1, 30], 10, "records of after it was handed in"),
        ([0, None, 2], 10, "records without a time"),
    ],
)
def test_a_clock_that_was_set_is_named(
    work: Work, course: CourseFolder, written: list[int | None], submitted: int, text: str
) -> None:
    events = work((Kind.CHECK, {}), (Kind.CHECK, {})).events
    after = [None if m is None else BEGAN + datetime.timedelta(minutes=m) for m in written]
    told = [
        event.model_copy(update={"written": when.isoformat() if when else "noon"})
        for event, when in zip(events, after, strict=True)
    ]
    late = BEGAN + datetime.timedelta(minutes=submitted)
    assert text in odd(work(events=told, submitted=late), course)[Oddity.CLOCK]


def test_a_clock_that_is_a_little_off_is_nobodys_doing(work: Work, course: CourseFolder) -> None:
    events = chained(
        (Kind.START, {"scenario": "no-page-opens", "seed": work().seed}), (Kind.CHECK, {})
    )
    early = events[1].model_copy(
        update={"written": (BEGAN - datetime.timedelta(minutes=4)).isoformat()}
    )
    assert Oddity.CLOCK not in odd(work(events=[events[0], early]), course)
    ahead = NOW + datetime.timedelta(minutes=4)
    assert Oddity.CLOCK not in odd(work(submitted=ahead), course)


def test_what_was_before_it_was_started_again_counts(work: Work, course: CourseFolder) -> None:
    start = {"scenario": "no-page-opens", "seed": work().seed}
    again = {"earlier": 1, "earlier_hints": 2, "earlier_answer": True}
    again |= {"first_began": (BEGAN - datetime.timedelta(minutes=30)).isoformat()}
    handed = work(events=chained((Kind.START, start | again), (Kind.HINT, {"number": 1})))
    assert hints(handed) == 3
    found = odd(handed, course)
    assert found[Oddity.OUT_OF_TIME] == "took 0:50:00, where 30 minutes were given"
    assert Oddity.SOLVED_BY_THE_KIT in found
    forged = start | {"earlier_hints": "many", "earlier_answer": 1, "first_began": ["x"]}
    handed = work(events=chained((Kind.START, forged)))
    assert (hints(handed), odd(handed, course)) == (0, {})
