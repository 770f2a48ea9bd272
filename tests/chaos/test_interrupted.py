"""``lab`` killed, interrupted and ended at every step by which it changes the world.

The steps of each verb are told by a run of its own (:mod:`tests.chaos.interrupting`). The
signals are sent before the first and the last step of each place in the code. Of these points
so many are taken for each verb and signal, evenly, that all takes some minutes: most for SIGKILL,
fewest for SIGTERM, which is the same to ``lab`` as SIGINT. ``POINTS=100 make chaos`` takes up to
so many of each, which is every one.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from lab_runner.attempts.chain import broken_at
from lab_runner.attempts.store import Kind
from lab_runner.grading.course import SUFFIX
from lab_runner.submission.hand_in import read_hand_in
from tests.chaos.cli import ASSIGNMENT, SCENARIO
from tests.chaos.conftest import Provoked
from tests.chaos.steps import Point, complaints, points, spread
from tests.chaos.world import World
from tests.docker.second_engine import lacking

pytestmark = [
    pytest.mark.docker,
    pytest.mark.root,
    pytest.mark.skipif(bool(lacking()), reason=lacking()),
    pytest.mark.timeout(1800),
]

#: So many are taken of each verb and signal, where that is said.
POINTS = int(os.environ.get("POINTS", "0"))
SIGNALS = [signal.SIGKILL, signal.SIGINT, signal.SIGTERM]
Problems = Iterator[str]


@dataclass(frozen=True)
class Verb:
    """One that is interrupted.

    Attributes:
        words: What is typed, for an attempt.
        writes: What it writes down, in this order.
        after: What is wrong afterwards, beyond what is asked of every verb.
        at_most: So many points are chosen where not all are, by signal.
        keeps: Does the lab outlive it?
        of: What is started for it.
    """

    words: Callable[[str], Sequence[str]]
    writes: Sequence[Kind]
    after: Callable[[World], Problems]
    at_most: Sequence[int]
    keeps: bool = True
    of: str = SCENARIO


def as_told(world: World) -> Problems:
    yield from world.is_as_told()


def reset_again(world: World) -> Problems:
    """Nobody repaired anything: the lab must not be taken for whole."""
    if world.told()[0] == 0:
        yield "a lab whose reset was cut short passes for repaired"
    done = world.lab("reset")
    if done.exit_code != 0:
        yield f"reset again ends with {done.exit_code}: {done.output}"
    yield from world.is_as_told()


def files(world: World) -> list[Path]:
    """Hand-ins; one that was killed while it was written has another name, and nobody reads it."""
    every = world.around.here.iterdir()
    return [path for path in every if path.suffix == SUFFIX]


def handed_in(world: World) -> Problems:
    """What lies there is whole, and the record tells of nothing that does not."""
    whole = files(world)
    told = [e.payload["sha256"] for e in world.all_of(Kind.SUBMIT)]
    for path in whole:
        events = read_hand_in(path.read_bytes())[0].events
        if (number := broken_at(events)) is not None:
            yield f"the chain in {path.name} is broken at {number}"
    # What was written and not told of is not forgotten: it lies there, and is handed in again.
    here = [hashlib.sha256(path.read_bytes()).hexdigest() for path in whole]
    if told and here != told[-1:] and (not here or here[0] in told):
        yield f"the record tells of {told[-1]}, and there is {here}"
    done = world.lab("submit", "--output", str(world.around.here), "--json")
    if done.exit_code != 1:
        yield f"submit again ends with {done.exit_code}: {done.output}"
        return
    (path,) = files(world)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    last = world.all_of(Kind.SUBMIT)[-1].payload["sha256"]
    if {last, json.loads(done.stdout)["sha256"]} != {sha256}:
        yield f"file, record and receipt differ: {sha256}, {last}, {done.stdout}"


def nothing_more(_world: World) -> Problems:
    yield from ()


VERBS = {
    "start": Verb(
        lambda _: ("start", SCENARIO, "--seed", "7"),
        # What is taken back after it was written down ends.
        (Kind.START, Kind.STOP),
        nothing_more,
        (24, 10, 5),
        keeps=False,
    ),
    "check": Verb(lambda _: ("check",), (Kind.CHECK, Kind.STATE), as_told, (20, 6, 3)),
    "reset": Verb(lambda _: ("reset",), (Kind.RESET,), reset_again, (20, 6, 3)),
    "reboot": Verb(lambda _: ("reboot", "--all"), (Kind.REBOOT,), as_told, (16, 5, 3)),
    "submit": Verb(
        lambda _: ("submit", ASSIGNMENT),
        (Kind.CHECK, Kind.STATE, Kind.SUBMIT),
        handed_in,
        (24, 8, 4),
        of=ASSIGNMENT,
    ),
    "stop": Verb(
        lambda attempt: ("stop", attempt), (Kind.STOP,), nothing_more, (8, 4, 2), keeps=False
    ),
}


@cache
def steps_of(world: World, name: str) -> list[Point]:
    """Those of a verb that nobody interrupts."""
    world.forget()
    attempt = "" if name == "start" else world.start(VERBS[name].of)
    done = world.around.run(VERBS[name].words(attempt))
    assert done.status in {0, 1}, done.stderr
    assert not list(world.something_is_left())
    return points(done.steps)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("name", VERBS)
def test_interrupted(world: World, name: str, number: signal.Signals, provoked: Provoked) -> None:
    verb = VERBS[name]
    every = steps_of(world, name)
    chosen = spread(every, POINTS or verb.at_most[SIGNALS.index(number)])
    met, wrong = 0, []
    for point in chosen:
        reached, problems = interrupted(world, name, point, number)
        wrong += [f"{number.name} at {point}: {problem}" for problem in problems]
        if reached:
            met += 1
            provoked(f"{number.name} during {name}")
    wrong += world.something_is_left()
    assert not wrong, "\n".join(wrong)
    # Where a step is one of several threads' or of a loop's, it may be too late for it.
    assert met >= 0.8 * len(chosen), f"{met} of {len(chosen)} points were met"


def interrupted(
    world: World, name: str, point: Point, number: signal.Signals
) -> tuple[bool, list[str]]:
    """Interrupt a verb once: was the point met, and what is wrong after it?"""
    verb = VERBS[name]
    if name == "start":
        world.forget()
    up = world.labs()
    attempt = "" if name == "start" else up[0].attempt if up else world.start(verb.of)
    before = world.history()
    done = world.around.run(verb.words(attempt), point, number)
    wrong = list(complaints(done, number)) if done.reached else []
    wrong += world.record_is_wrong(before, verb.writes, attempt=attempt or None)
    if name == "start" and number != signal.SIGKILL:
        wrong += half_started(world, before.keys())
    wrong += world.status_is_wrong()
    wrong += verb.after(world)
    wrong += world.temporary_files()
    if wrong or not verb.keeps:
        wrong += world.something_is_left()
    if name == "start":
        wrong += world.does_not_work()
    return done.reached, wrong


def half_started(world: World, known: Sequence[str] | set[str]) -> Problems:
    """A start that could still clean up is whole, or left nothing."""
    up = {lab.attempt for lab in world.labs()}
    ended = {event.attempt for event in world.all_of(Kind.STOP)}
    new = set(world.history()) - set(known) - ended
    if up != new:
        yield f"the engine has {up or 'nothing'}, the record {new or 'nothing'}"
