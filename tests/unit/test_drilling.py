"""Which case comes next."""

from __future__ import annotations

import datetime
import random

import pytest

from lab_runner.attempts.drilling import Need, needs, pick_next
from lab_runner.attempts.history import Record
from lab_runner.catalogue import Catalogue
from lab_runner.errors import UsageError

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def record(
    scenario: str, *, solved: bool = False, given_up: bool = False, hints: int = 0
) -> Record:
    return Record(
        "aaaaaa", scenario, "branch", 1, NOW, solved=solved, given_up=given_up, hints=hints
    )


@pytest.mark.parametrize(
    ("told", "need"),
    [
        (record("x"), Need.OPEN),
        (record("x", solved=True, given_up=True), Need.OPEN),
        (record("x", solved=True, hints=1), Need.HINTS),
        (record("x", solved=True), Need.NONE),
    ],
)
def test_what_one_attempt_says(told: Record, need: Need) -> None:
    assert needs([told]) == {"x": need}


def test_the_best_attempt_counts() -> None:
    assert needs([record("x"), record("x", solved=True), record("x")]) == {"x": Need.NONE}


def test_the_greatest_need_comes_first(shipped: Catalogue) -> None:
    sources = shipped.scenarios()
    first, second, third, *rest = sources
    tried = dict.fromkeys((source.id for source in rest), Need.NONE)
    tried |= {first.id: Need.OPEN, second.id: Need.HINTS}
    order = []
    for need in (Need.OPEN, Need.NEW, Need.HINTS, Need.NONE):
        chosen = pick_next(sources, tried, exclude_solved=False, chance=random.Random(1))
        assert tried.get(chosen.id, Need.NEW) is need
        order.append(chosen.id)
        sources = [s for s in sources if s.id != chosen.id]
    assert order[:3] == [first.id, third.id, second.id]


def test_chance_decides_among_equals(shipped: Catalogue) -> None:
    sources = shipped.scenarios()
    chosen = {
        pick_next(sources, {}, exclude_solved=False, chance=random.Random(n)).id
        for n in range(20 * len(sources))
    }
    assert chosen == {source.id for source in sources}


def test_what_was_solved_can_be_left_out(shipped: Catalogue) -> None:
    sources = shipped.scenarios()
    tried = dict.fromkeys((source.id for source in sources), Need.HINTS)
    with pytest.raises(UsageError, match="No scenario is left"):
        pick_next(sources, tried, exclude_solved=True, chance=random.Random(1))
    del tried[sources[2].id]
    chosen = pick_next(sources, tried, exclude_solved=True, chance=random.Random(1))
    assert chosen.id == sources[2].id
