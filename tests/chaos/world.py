"""A user's world: an engine of their own, a course, a record, labs; and what must be true of it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from docker import DockerClient
from typer.testing import CliRunner, Result

from lab_runner.attempts.chain import broken_at
from lab_runner.attempts.store import Event, Kind, Store
from lab_runner.cli.main import app
from lab_runner.engine.finding import Deployed, find
from tests.chaos.cli import SCENARIO
from tests.chaos.steps import Surroundings
from tests.docker.second_engine import SecondEngine

#: The small lab's machines; its switchboard is one more.
NODES = {"alice", "gw", "carol", "(switchboard)"}
#: What a check says of the small lab as it is handed out.
TOLD = {"symptom": "failed", "guard": "passed"}
#: Machines that were ended with their engine, or rebooted, are back within this time.
BACK_S = 60.0
_ENDS = {Kind.STOP, Kind.LOST}
_DATABASE = "attempts.sqlite3"

History = Mapping[str, Sequence[Event]]


class World:
    """One user with an engine of their own."""

    def __init__(self, engine: SecondEngine, folder: Path) -> None:
        self.around = Surroundings(folder, engine.host)
        self.client: DockerClient = engine.client()

    def close(self) -> None:
        self.client.close()

    def lab(self, *words: str) -> Result:
        """``lab`` in this process, which is quicker than a new one."""
        return CliRunner().invoke(app, words, prog_name="lab", env=dict(self.around.variables))

    def labs(self) -> list[Deployed]:
        """What the engine says."""
        return find(self.client)

    def history(self) -> History:
        """What the record says, by attempt."""
        found: dict[str, list[Event]] = {}
        if (self.around.home / _DATABASE).exists():
            with Store(self.around.home / _DATABASE) as store:
                for event in store.events():
                    found.setdefault(event.attempt, []).append(event)
        return found

    def forget(self) -> None:
        """Begin with no record at all; nothing runs."""
        for path in self.around.home.glob(f"{_DATABASE}*"):
            path.unlink()

    def all_of(self, kind: Kind) -> list[Event]:
        """What the record says of all attempts."""
        every = (event for events in self.history().values() for event in events)
        return [event for event in every if event.kind is kind]

    def start(self, name: str = SCENARIO) -> str:
        """Hand out a lab; its attempt."""
        seed = ("--seed", "7") if name == SCENARIO else ()
        done = self.lab("start", name, *seed, "--json")
        assert done.exit_code == 0, done.output
        return str(json.loads(done.stdout)["attempt"])

    def told(self) -> tuple[int, dict[str, str]]:
        """What a check says, by role, and its exit code."""
        done = self.lab("check", "--json")
        try:
            rows = json.loads(done.stdout)["checks"]
        except ValueError:
            return done.exit_code, {"it said": done.output}
        return done.exit_code, {row["role"]: row["status"] for row in rows}

    def is_as_told(self, within_s: float = BACK_S) -> Iterator[str]:
        """The lab that runs is broken as it was handed out; it is given time to come up."""
        deadline = time.monotonic() + within_s
        while (seen := self.told()) != (1, TOLD):
            if time.monotonic() > deadline:
                yield f"the lab is not as it was handed out: {seen}"
                return

    # --- what must be true, whatever was interrupted ---------------------------------

    def status_is_wrong(self) -> Iterator[str]:
        """Where ``lab status`` says something else than the engine and the record do."""
        done = self.lab("status", "--json")
        if done.exit_code != 0:
            yield f"status ends with {done.exit_code}: {done.output}"
            return
        rows = {row["attempt"]: row for row in json.loads(done.stdout)}
        up, known = {lab.attempt: lab for lab in self.labs()}, self.history()
        if set(up) - set(rows):
            yield f"status does not tell of {set(up) - set(rows)}"
        for attempt, row in rows.items():
            yield from _row_is_wrong(row, up.get(attempt), known.get(attempt, ()))
        again = {row["attempt"] for row in json.loads(self.lab("status", "--json").stdout)}
        if again != set(up):
            yield f"status tells twice of what is gone: {again - set(up)}"

    def record_is_wrong(
        self, before: History, may_write: Sequence[Kind], *, attempt: str | None = None
    ) -> Iterator[str]:
        """Where something of the record was lost, is double, or is of nothing that was done.

        Args:
            before: What it said before.
            may_write: What was interrupted writes at most, in this order.
            attempt: Of this attempt; of a new one if left out.
        """
        after = self.history()
        for name, events in after.items():
            if (number := broken_at(events)) is not None:
                yield f"the chain of {name} is broken at {number}"
            if sum(event.kind is Kind.START for event in events) > 1:
                yield f"{name} was started twice"
        for name, events in before.items():
            if list(after.get(name, ()))[: len(events)] != list(events):
                yield f"what was known of {name} is no longer"
        new = {
            name: [event.kind for event in events[len(before.get(name, ())) :]]
            for name, events in after.items()
        }
        for name, kinds in new.items():
            mine = name == attempt or (attempt is None and name not in before)
            if kinds != list(may_write)[: len(kinds)] if mine else kinds:
                yield f"the record of {name} has more than was done: {kinds}"

    def something_is_left(self) -> Iterator[str]:
        """After ``lab stop --all``."""
        done = self.lab("stop", "--all")
        if done.exit_code != 0:
            yield f"stop --all ends with {done.exit_code}: {done.output}"
        if rows := self.client.api.containers(all=True):
            yield f"containers are left: {[row['Names'] for row in rows]}"
        if volumes := self.client.api.volumes()["Volumes"]:
            yield f"volumes are left: {volumes}"
        for path in self.around.home.rglob("*"):
            # Of an attempt that a killed command had its turn with, an empty folder stays.
            empty = (path.is_dir() and not any(path.iterdir())) or path.name == "records"
            known = path.name.startswith(_DATABASE) or "courses" in path.parts or empty
            if not known or path.name.endswith(".new"):
                yield f"{path} is left"
        yield from self.temporary_files()
        for name, events in self.history().items():
            ends = [event.kind for event in events if event.kind in _ENDS]
            if len(ends) != 1:
                yield f"{name} has {len(ends)} ends"

    def temporary_files(self) -> Iterator[str]:
        """Those that nobody took away; a report of a bug is one."""
        for path in self.around.tmp.iterdir():
            content = path.read_text(errors="replace") if path.is_file() else ""
            yield f"{path} is left: {content[-1500:]}"
            with contextlib.suppress(OSError):
                path.unlink()

    def does_not_work(self) -> Iterator[str]:
        """A lab can be started, checked and taken away."""
        done = self.lab("start", SCENARIO, "--seed", "7")
        if done.exit_code != 0:
            yield f"a new start ends with {done.exit_code}: {done.output}"
            return
        yield from self.is_as_told()
        yield from self.something_is_left()


def _row_is_wrong(
    row: Mapping[str, Any], lab: Deployed | None, events: Sequence[Event]
) -> Iterator[str]:
    name = row["attempt"]
    if lab is None:
        if row["state"] != "lost" or not events:
            yield f"status says that {name} is {row['state']}, and nothing of it is there"
        return
    whole = {n for n, state in lab.states.items() if state == "running"} == NODES
    if row["state"] != ("running" if whole else "impaired"):
        yield f"status says that {name} is {row['state']}, and there is {lab.states}"
    if row["recorded"] != bool(events):
        yield f"status says of {name} recorded={row['recorded']}, of which there are {events}"
