"""Ten commands at once of one user, on one record and one engine, in any order, for minutes."""

from __future__ import annotations

import json
import secrets
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from docker import DockerClient
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    rule,
    run_state_machine_as_test,
)

from lab_runner.attempts.history import records
from lab_runner.attempts.store import Event, Kind
from lab_runner.catalogue import Catalogue
from lab_runner.engine.running import Deployed, find, remove
from tests.chaos.cli import COURSE, LAB, PATIENCE_S, SCENARIO, User, ended_well, unbroken
from tests.chaos.conftest import Provoked
from tests.docker.conftest import quiet
from tests.unit.hand_ins import make_course

AT_ONCE, LABS_AT_ONCE = 10, 4
LASTS_S = 180
COUNTS = Path(".breakfix/artefacts/concurrent.json")
WHICH = st.integers(0, 99)
#: What is done to a lab; ``{{number}}`` makes a name of its own.
VERBS = {
    "check": ("check", "--json"),
    "hint": ("hint", "--json", "--yes"),
    "diagnose": (
        *("diagnose", "--json", "--node=gw", "--layer=network"),
        *("--component=sysctl", "--cause=it forwards not"),
    ),
    "exec": ("exec", "gw", "--", "true"),
    "shell": ("shell", "alice"),
    "reboot": ("reboot", "alice"),
    "reset": ("reset",),
    "debrief": ("debrief", "--spoil", "--yes"),
    "map": ("map",),
}
#: What is asked or said without one.
OTHERS = {
    "status": ("status", "--json"),
    "status --all": ("status", "--all", "--json"),
    "progress": ("progress", "--json"),
    "assignments": ("assignments", "--json"),
    "record show": ("record", "show", "--json"),
    "record on": ("record", "on"),
    "record off": ("record", "off"),
    "join": ("join", "{invitation}"),
    "record export": ("record", "export", "--all", "--to", "{number}.zip"),
    "list": ("list", "--json"),
}


@dataclass
class Command:
    """One that was started."""

    verb: str
    attempt: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        """What it printed."""
        return self.log.read_text()

    @property
    def problems(self) -> str:
        """What it complained of."""
        return self.log.with_suffix(".err").read_text()


@dataclass
class World:
    """One user, with everything that runs of theirs and everything that ever ended."""

    user: User
    client: DockerClient
    invitation: Path
    logs: Path
    #: No other test has labs of these seeds.
    seed: int = field(default_factory=lambda: secrets.randbelow(1 << 30) << 10)
    until: float = field(default_factory=lambda: time.monotonic() + LASTS_S)
    at_work: list[Command] = field(default_factory=list)
    ended: list[Command] = field(default_factory=list)
    quiet_points: int = 0
    number: int = 0
    most: int = 0
    failure: Exception | None = None

    @property
    def goes_on(self) -> bool:
        return time.monotonic() < self.until

    def gave_up(self, why: Exception) -> None:
        """Nothing else is done: what went wrong is not to be found again by trying."""
        self.failure = self.failure or why
        self.until = 0.0

    def begin(self, verb: str, words: tuple[str, ...], attempt: str = "") -> None:
        """Start a command, once fewer than ten run."""
        while self._running() >= AT_ONCE:
            time.sleep(0.05)
        self.number += 1
        told = [word.format(number=self.number, invitation=self.invitation) for word in words]
        log = self.logs / f"{self.number}.out"
        with log.open("wb") as said, log.with_suffix(".err").open("wb") as complained:
            process = subprocess.Popen(
                [*LAB, *told],
                cwd=self.logs,
                env=self.user.environment(**({"LAB_ATTEMPT": attempt} if attempt else {})),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=complained,
            )
        self.at_work.append(Command(verb, attempt, process, log))
        self.most = max(self.most, self._running())

    def _running(self) -> int:
        return sum(one.process.poll() is None for one in self.at_work)

    def all_end(self) -> None:
        for one in self.at_work:
            status = one.process.wait(PATIENCE_S)
            ended_well((one.verb, one.attempt), status, one.output + one.problems)
        self.ended += self.at_work
        self.at_work = []

    def labs(self) -> dict[str, Deployed]:
        """Ours, by the engine's labels."""
        course = self.assignment()
        return {
            lab.attempt: lab
            for lab in find(self.client)
            if lab.seed >> 10 == self.seed >> 10 or lab.assignment == course
        }

    def assignment(self) -> str:
        (seat,) = self.user.home.glob("courses/*")
        return f"{seat.name}/first"

    def room(self) -> int:
        """So many labs may be started."""
        starting = sum(
            one.verb.startswith("start") and one.process.poll() is None for one in self.at_work
        )
        return LABS_AT_ONCE - len(self.labs()) - starting

    def count(self, attempt: str, verb: str, *statuses: int) -> int:
        return sum(
            (one.verb, one.attempt) == (verb, attempt) and one.process.returncode in statuses
            for one in self.ended
        )


# --- what holds whenever nothing is at work --------------------------------------------


def holds(world: World) -> None:
    world.all_end()
    labs, events = world.labs(), world.user.events()
    as_status_says(world, labs)
    unbroken(events)
    by_attempt = {name: [e for e in events if e.attempt == name] for name in records(events)}
    started = [json.loads(one.output)["attempt"] for one in of(world, "start", 0)]
    assert len(started) == len(set(started))
    assert set(started) == set(by_attempt), "an attempt was lost, or came from nowhere"
    assert set(labs) <= set(by_attempt), "a lab runs that nobody was handed"
    for attempt, own in by_attempt.items():
        as_was_done(world, attempt, own, runs=attempt in labs)
    assert sum(bool(lab.assignment) for lab in labs.values()) <= 1
    files_are_whole(world.user.home)
    world.quiet_points += 1


def of(world: World, verb: str, status: int) -> Iterator[Command]:
    return (
        one for one in world.ended if one.verb.startswith(verb) and one.process.returncode == status
    )


def as_status_says(world: World, labs: dict[str, Deployed]) -> None:
    done = world.user.lab("status", "--json")
    assert done.returncode == 0, done
    rows = {row["attempt"]: row for row in json.loads(done.stdout)}
    assert set(labs) <= set(rows)
    for attempt, lab in labs.items():
        assert rows[attempt]["nodes"] == dict(sorted(lab.states.items()))
        assert rows[attempt]["state"] == "running", rows[attempt]
        assert rows[attempt]["recorded"]


def as_was_done(world: World, attempt: str, events: list[Event], *, runs: bool) -> None:
    """Nothing twice, nothing missing."""
    counts = Counter(event.kind for event in events)
    assert counts[Kind.START] == 1
    assert counts[Kind.STOP] <= 1
    record = records(events)[attempt]
    assert record.ended == ("" if runs else "stopped"), (attempt, counts)
    judged = world.count(attempt, "check", 0, 1)
    assert judged <= counts[Kind.CHECK] <= judged + world.count(attempt, "check", 3)
    hints = [event.payload["number"] for event in events if event.kind is Kind.HINT]
    assert hints == list(range(1, len(hints) + 1)), "a hint was given twice"
    assert counts[Kind.DIAGNOSIS] == world.count(attempt, "diagnose", 0)
    assert counts[Kind.RESET] >= world.count(attempt, "reset", 0)
    assert counts[Kind.REBOOT] == world.count(attempt, "reboot", 0)


def files_are_whole(home: Path) -> None:
    """The record is whole, the setting is one, and nothing else was left: no lock, no log."""
    assert {path.name for path in home.iterdir()} <= {
        *("attempts.sqlite3", "courses", "recording", "records")
    }
    store = sqlite3.connect(home / "attempts.sqlite3")
    assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    store.close()
    if (home / "recording").exists():
        assert (home / "recording").read_text() in {"on\n", "off\n"}


# --- what is done ------------------------------------------------------------------


class Hurry(RuleBasedStateMachine):
    """Somebody in a hurry, with many terminals open."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def one_of(self, which: int) -> str:
        """An attempt that was handed out: one that runs, where one does."""
        if not self.world.goes_on:
            return "none"
        known = records(self.world.user.events())
        running = sorted(known.keys() & self.world.labs().keys()) or sorted(known)
        return running[which % len(running)] if running else "none"

    # Hypothesis wants every rule to be possible at any time: what is not is passed over.

    @rule()
    def start(self) -> None:
        if self.world.goes_on and self.world.room() > 0:
            seed = str(self.world.seed + self.world.number % 1024)
            self.world.begin("start", ("start", SCENARIO, "--seed", seed, "--json"))

    @rule()
    def start_the_assignment_twice(self) -> None:
        if self.world.goes_on and self.world.room() > 1:
            for _ in range(2):
                self.world.begin("start first", ("start", "first", "--json"))

    @rule(verbs=st.lists(st.sampled_from(sorted(VERBS)), min_size=2, max_size=5), which=WHICH)
    def work(self, verbs: list[str], which: int) -> None:
        for verb in verbs if self.world.goes_on else ():
            self.world.begin(verb, VERBS[verb], self.one_of(which))

    @rule(verb=st.sampled_from(["hint", "check", "reset", "reboot", "exec"]), which=WHICH)
    def the_same_three_times(self, verb: str, which: int) -> None:
        attempt = self.one_of(which)
        for _ in range(3) if self.world.goes_on else ():
            self.world.begin(verb, VERBS[verb], attempt)

    @rule(others=st.lists(st.sampled_from(sorted(OTHERS)), min_size=2, max_size=5))
    def ask(self, others: list[str]) -> None:
        for other in others if self.world.goes_on else ():
            self.world.begin(other, OTHERS[other])

    @rule(verb=st.sampled_from(["check", "hint", "reset", "reboot", "stop"]), which=WHICH)
    def stop_meanwhile(self, verb: str, which: int) -> None:
        if self.world.goes_on and len(self.world.labs()) > 1:
            attempt = self.one_of(which)
            words = VERBS.get(verb, ("stop", attempt))
            self.world.begin(verb, words, attempt)
            self.world.begin("stop", ("stop", attempt))
            self.world.begin("status", OTHERS["status"])

    @rule()
    def wait(self) -> None:
        if self.world.at_work:
            try:
                holds(self.world)
            except Exception as exc:
                self.world.gave_up(exc)
                raise

    def teardown(self) -> None:
        self.wait()


def test_ten_at_once(
    engine: DockerClient, small: Catalogue, tmp_path: Path, provoked: Provoked
) -> None:
    make_course(tmp_path / "lead", small, COURSE)
    invitation = tmp_path / "lead/invitations/ada.breakfix"
    world = World(User(tmp_path / "home"), engine, invitation, tmp_path)
    assert world.user.lab("join", str(invitation)).returncode == 0
    world.user.events()
    try:
        everything_at_once(world)
        world.until = time.monotonic() + LASTS_S
        run_state_machine_as_test(
            lambda: Hurry(world),
            settings=settings(
                max_examples=60,
                stateful_step_count=12,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
                report_multiple_bugs=False,
            ),
        )
        assert not world.goes_on
        everything_is_taken_away(world)
    except Exception as exc:  # noqa: BLE001 - what went wrong first, and not what came of it
        raise world.failure or exc from None
    finally:
        for one in world.at_work:
            one.process.kill()
        for attempt in world.labs():
            remove(engine, attempt, quiet)
    counts = keep_counts(world)
    for verb, statuses in counts.items():
        for _ in range(sum(statuses.values())):
            provoked(f"beside nine others: {verb}")
    assert world.most == AT_ONCE
    assert {verb for verb, ends in counts.items() if {0, 1} & ends.keys()} >= {"start", *OTHERS}
    assert counts.keys() >= VERBS.keys()


def everything_at_once(world: World) -> None:
    """Each command once, on one lab, as far as ten at a time go: none is left to chance."""
    for number in range(2):
        seed = str(world.seed + number)
        world.begin("start", ("start", SCENARIO, "--seed", seed, "--json"))
    holds(world)
    attempt = min(world.labs())
    for verb, words in (OTHERS | VERBS).items():
        world.begin(verb, words, attempt if verb in VERBS else "")
    holds(world)


def everything_is_taken_away(world: World) -> None:
    """By several at once."""
    ours = world.labs()
    alone = {lab.attempt for lab in find(world.client)} == set(ours)
    for _ in range(2):  # what others have on this engine is not ours to take away
        for attempt in ["--all"] if alone else list(ours):
            world.begin("stop", ("stop", attempt))
    holds(world)
    assert world.labs() == {}
    assert {one.ended for one in records(world.user.events()).values()} <= {"stopped"}


def keep_counts(world: World) -> dict[str, Counter[int]]:
    """What came of what, by verb and exit code; also for whoever writes about it."""
    counts: dict[str, Counter[int]] = {}
    for one in world.ended:
        counts.setdefault(one.verb, Counter())[one.process.returncode] += 1
    told = {
        "commands": len(world.ended),
        "at_once": world.most,
        "quiet_points": world.quiet_points,
        "attempts": len(records(world.user.events())),
        "ends": dict(sorted(counts.items())),
    }
    COUNTS.parent.mkdir(parents=True, exist_ok=True)
    COUNTS.write_text(json.dumps(told, indent=2) + "\n")
    return counts
