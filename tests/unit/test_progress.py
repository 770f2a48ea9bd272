"""What somebody has learnt so far."""

from __future__ import annotations

import datetime

from lab_runner.attempts.history import Record
from lab_runner.attempts.progress import progress

TODAY = datetime.date(2026, 3, 10)
TOPICS = {"a": ["dns"], "b": ["dns", "nat"], "c": ["nat"]}


def record(
    scenario: str,
    *,
    ago: int = 0,
    minutes: float | None = None,
    hints: int = 0,
    given_up: bool = False,
    drill: bool = False,
) -> Record:
    begun = datetime.datetime(2026, 3, 10, 12).astimezone() - datetime.timedelta(days=ago)
    solved_at = None if minutes is None else begun + datetime.timedelta(minutes=minutes)
    return Record(
        attempt="x",
        scenario=scenario,
        lab="branch",
        seed=1,
        started=begun,
        solved=solved_at is not None,
        solved_at=solved_at,
        hints=hints,
        given_up=given_up,
        drill=drill,
    )


def test_each_case_counts_once() -> None:
    told = progress([record("a"), record("a", minutes=4), record("b", minutes=8)], TOPICS, TODAY)
    assert (told.attempts, told.whole.tried, told.whole.solved) == (3, 2, 2)
    assert told.whole.minutes == 6
    assert {area.name: area.tried for area in told.areas} == {"dns": 2, "nat": 1}


def test_a_clock_that_was_set_back_tells_no_time() -> None:
    told = progress([record("a", minutes=-600), record("b", minutes=8)], TOPICS, TODAY)
    assert (told.whole.solved, told.whole.minutes) == (2, 8)
    assert progress([record("a", minutes=-1)], TOPICS, TODAY).whole.minutes is None


def test_weak_areas_come_first_and_one_case_says_nothing() -> None:
    tried = [record("a", minutes=1), record("b"), record("c", minutes=3, hints=2)]
    areas = progress(tried, TOPICS, TODAY).areas
    assert [(area.name, area.is_weak) for area in areas] == [("nat", True), ("dns", True)]
    assert not progress([record("c")], TOPICS, TODAY).areas[0].is_weak


def test_what_was_given_up_or_is_not_told_yet_does_not_count() -> None:
    told = progress([record("a", minutes=1, given_up=True), record("b", drill=True)], TOPICS, TODAY)
    assert (told.whole.tried, told.whole.solved, told.attempts) == (1, 0, 2)
    assert [area.name for area in told.areas] == ["dns"]


def test_days_in_a_row() -> None:
    def streak(*ago: int) -> tuple[int, int]:
        told = progress([record("a", ago=days, minutes=1) for days in ago], TOPICS, TODAY)
        return told.streak, told.longest

    assert streak() == (0, 0)
    assert streak(0) == (1, 1)
    assert streak(1, 2) == (2, 2)  # today is not over yet
    assert streak(2, 3, 4) == (0, 3)
    assert streak(0, 0, 1, 5, 6, 7) == (2, 3)
