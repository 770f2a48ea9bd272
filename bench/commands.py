"""The real command ``lab``, timed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.network import LABS, SCENARIOS

LAB = str(Path(sys.executable).parent / "lab")
#: With the labs and scenarios of the bench beside the kit's.
OURS = (LAB, "--labs", str(LABS), "--scenarios", str(SCENARIOS))
_RED = 1
#: A command that takes longer has a fault.
_PATIENCE_S = 600


class Failed(Exception):
    """A command of the kit did not do what it should; with what it said."""

    @property
    def short(self) -> str:
        """The first thing that it said, on one line."""
        words = str(self).partition("\n")[2] or str(self)
        return " ".join(words.translate(dict.fromkeys(map(ord, "│╭╮╰╯─"))).split())


@dataclass(frozen=True)
class Done:
    """A command that ended.

    Attributes:
        seconds: Wall time.
        out: Its standard output.
    """

    seconds: float
    out: str


def timed(*command: str, allowed: tuple[int, ...] = (0,)) -> Done:
    """Run a command.

    Raises:
        Failed: It ended with an exit code that is not allowed.
    """
    began = time.perf_counter()
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )
    seconds = time.perf_counter() - began
    if done.returncode not in allowed:
        words = " ".join(command[len(OURS) :] if command[: len(OURS)] == OURS else command)
        raise Failed(f"{words}: ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return Done(seconds, done.stdout)


@dataclass(frozen=True)
class Attempt:
    """A lab that runs, and how long its start took."""

    id: str
    seconds: float = 0.0

    def run(self, *words: str, allowed: tuple[int, ...] = (0,)) -> Done:
        """A verb on it."""
        return timed(*OURS, *words, "--attempt", self.id, allowed=allowed)

    def check(self) -> tuple[float, dict[str, Any]]:
        """``lab check``: its wall time in seconds, and its report."""
        done = self.run("check", "--json", allowed=(0, _RED))
        return done.seconds, json.loads(done.out)

    def green(self) -> tuple[float, dict[str, Any]]:
        """The same, all of it green.

        Raises:
            Failed: It is not.
        """
        seconds, report = self.check()
        if not report["passed"]:
            raise Failed(f"lab check: {report['scenario']} should be green and is not")
        return seconds, report


def started(scenario: str, seed: int) -> Attempt:
    """Start a scenario, ready and broken as told."""
    done = timed(*OURS, "start", scenario, "--seed", str(seed), "--json")
    return Attempt(json.loads(done.out)["attempt"], done.seconds)
