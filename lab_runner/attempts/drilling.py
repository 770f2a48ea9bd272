"""Which case a learner should take next."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from enum import IntEnum

from lab_runner.attempts.history import Record
from lab_runner.catalogue import ScenarioSource
from lab_runner.errors import UsageError


class Need(IntEnum):
    """How much somebody needs a case; the greatest need comes first."""

    NONE = 0
    #: Solved, but with hints.
    HINTS = 1
    #: Never tried.
    NEW = 2
    #: Tried, and not solved or given up.
    OPEN = 3


def needs(records: Iterable[Record]) -> dict[str, Need]:
    """What the attempts so far say of each scenario that was tried; the best attempt counts."""
    found: dict[str, Need] = {}
    for record in records:
        need = _need(record)
        found[record.scenario] = min(need, found.get(record.scenario, need))
    return found


def _need(record: Record) -> Need:
    if not record.solved or record.given_up:
        return Need.OPEN
    return Need.HINTS if record.hints else Need.NONE


def pick_next(
    candidates: Iterable[ScenarioSource],
    tried: Mapping[str, Need],
    *,
    exclude_solved: bool,
    chance: random.Random,
) -> ScenarioSource:
    """One of those that are needed most, by chance.

    Raises:
        UsageError: There is none.
    """
    by_need: dict[Need, list[ScenarioSource]] = {}
    for source in candidates:
        by_need.setdefault(tried.get(source.id, Need.NEW), []).append(source)
    if exclude_solved:
        by_need.pop(Need.NONE, None)
        by_need.pop(Need.HINTS, None)
    if not by_need:
        raise UsageError(
            "No scenario is left that fits.",
            hint="Ask for less: without --exclude-solved, --area or --level. `lab list` shows all.",
        )
    return chance.choice(by_need[max(by_need)])
