"""The program ``lab`` as a user runs it: what it may end with, and what it may never say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab_runner.attempts.chain import broken_at
from lab_runner.attempts.store import Event, Store
from tests.conftest import DATA

LAB = [sys.executable, "-c", "from lab_runner.cli.main import main; main()"]
SCENARIO = "far-side-unreachable"
ASSIGNMENT = "first"
COURSE = f"""\
title: Ramp-up
assignments:
  - {{id: {ASSIGNMENT}, scenario: {SCENARIO}}}
"""
#: What a command of ours ends with, by the README.
ENDS = {0, 1, 2, 3}
#: Nobody waits longer for one command; a machine may be busy with other things.
PATIENCE_S = 240
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class User:
    """Somebody with a folder for their record."""

    home: Path

    def environment(self, **more: str) -> dict[str, str]:
        plain = {name: word for name, word in os.environ.items() if name != "LAB_ATTEMPT"}
        own = {
            "BREAKFIX_HOME": str(self.home),
            "BREAKFIX_LABS": str(DATA / "labs"),
            "BREAKFIX_SCENARIOS": str(DATA / "scenarios"),
        }
        return plain | own | more

    def lab(self, *words: str, through: Sequence[str] = (), **environment: str) -> Done:
        """Run one command, perhaps through another program; it ends as documented."""
        done = subprocess.run(
            [*through, *LAB, *words],
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        ended_well(words, done.returncode, done.stdout + done.stderr)
        return done

    def events(self, attempt: str | None = None) -> list[Event]:
        """What is recorded."""
        with Store(self.home / "attempts.sqlite3") as store:
            return store.events(attempt)


def ended_well(words: Sequence[str], status: int, said: str) -> None:
    """With a documented exit code, a message where something was wrong, and no bug."""
    assert status in ENDS, (words, status, said)
    assert not re.search(r"Traceback|This is a bug|Exception in thread", said), (words, said)


def refused(done: Done, words: str) -> None:
    """It could not be done, says why in these words, and what to do next."""
    assert done.returncode == 3, done
    assert re.search(words, done.stderr), done.stderr
    assert "→" in done.stderr, done.stderr


def unbroken(events: Sequence[Event]) -> None:
    """Each attempt's record is a whole chain with one beginning."""
    for attempt in {event.attempt for event in events}:
        own = [event for event in events if event.attempt == attempt]
        assert broken_at(own) is None, attempt
        assert [event.kind for event in own].count(own[0].kind) >= 1
