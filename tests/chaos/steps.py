"""The step points of a verb, and what it says when it is interrupted at one."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.chaos.interrupting import REACHED
from tests.conftest import DATA

ROOT = Path(__file__).parents[2]
#: A verb on the small lab that is interrupted, or not, ends in this time; the machine may be busy.
BOUNDED_S = 120.0
#: What a shell says of a command that Ctrl-C ended, and what ours ends with for SIGTERM as well.
INTERRUPTED = 130


@dataclass(frozen=True, order=True)
class Point:
    """Before the so manieth step of those whose site this regular expression is found in."""

    site: str
    number: int

    def __str__(self) -> str:
        return f"{self.site.replace(chr(92), '')} ({self.number})"


@dataclass(frozen=True)
class Ended:
    """How a command ended; ``reached``: was the point met before its end?"""

    status: int
    stdout: str
    stderr: str
    steps: list[str] = field(default_factory=list)
    reached: bool = False


@dataclass(frozen=True)
class Surroundings:
    """What a command finds around it: homes, a folder to work in, an engine.

    Attributes:
        folder: All of it; ``home`` is the record's, ``tmp`` for temporary files.
        host: The engine, as DOCKER_HOST names it.
    """

    folder: Path
    host: str

    def __post_init__(self) -> None:
        for name in ("home", "tmp", "here"):
            (self.folder / name).mkdir(exist_ok=True)

    @property
    def home(self) -> Path:
        """Where the record is."""
        return self.folder / "home"

    @property
    def here(self) -> Path:
        """Where the command is typed."""
        return self.folder / "here"

    @property
    def tmp(self) -> Path:
        """For temporary files."""
        return self.folder / "tmp"

    @property
    def variables(self) -> Mapping[str, str]:
        """Those that differ from this process's own."""
        return {
            "BREAKFIX_HOME": str(self.home),
            "BREAKFIX_LABS": str(DATA / "labs"),
            "BREAKFIX_SCENARIOS": str(DATA / "scenarios"),
            "DOCKER_HOST": self.host,
            "TMPDIR": str(self.tmp),
        }

    def begin(
        self, words: Sequence[str], point: Point | None = None, number: int = 0
    ) -> subprocess.Popen[str]:
        """Start ``lab`` with words; at the point it sends itself the signal."""
        at: list[str] = []
        if point is not None:
            at = [str(point.number), signal.Signals(number).name, point.site]
        plain = {k: v for k, v in os.environ.items() if k != "LAB_ATTEMPT"}
        self._trace.write_text("")
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.chaos.interrupting"),
                *(str(self._trace), *at, "--", *words),
            ],
            env={**plain, **self.variables, "PYTHONPATH": str(ROOT)},
            cwd=self.here,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(
        self,
        process: subprocess.Popen[str],
        point: Point | None = None,
        within_s: float = BOUNDED_S,
    ) -> Ended:
        """Wait for the end of what was begun."""
        try:
            stdout, stderr = process.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            stdout, stderr = process.communicate()
            pytest.fail(f"no end within {within_s:g} s, interrupted at {point}: {stdout} {stderr}")
        steps = self._trace.read_text().splitlines(keepends=True)
        told = [step.rstrip() for step in steps if step != REACHED]
        return Ended(process.returncode, stdout, stderr, told, REACHED in steps)

    def run(self, words: Sequence[str], point: Point | None = None, number: int = 0) -> Ended:
        """Both."""
        return self.end(self.begin(words, point, number), point)

    @contextlib.contextmanager
    def held(
        self, words: Sequence[str], site: str, number: int = 1
    ) -> Iterator[subprocess.Popen[str]]:
        """``lab`` with words, halted before a step; it goes on after the body."""
        process = self.begin(words, Point(site, number), signal.SIGSTOP)
        deadline = time.monotonic() + BOUNDED_S
        states = os.WSTOPPED | os.WEXITED | os.WNOWAIT | os.WNOHANG
        while (found := os.waitid(os.P_PID, process.pid, states)) is None:
            assert time.monotonic() < deadline, f"{site} is not met"
            time.sleep(0.02)
        try:
            assert found.si_code == os.CLD_STOPPED, (site, process.communicate())
            yield process
        finally:
            process.send_signal(signal.SIGCONT)

    @property
    def _trace(self) -> Path:
        return self.folder / "trace"


def points(steps: Sequence[str]) -> list[Point]:
    """One before the first step of each site and one before its last, in the order of the run."""
    seen: Counter[str] = Counter()
    total = Counter(steps)
    found: list[Point] = []
    for site in steps:
        seen[site] += 1
        if seen[site] in {1, total[site]}:
            found.append(Point(f"^{re.escape(site)}$", seen[site]))
    return found


def spread(every: Sequence[Point], at_most: int) -> list[Point]:
    """So many of them, two or more, evenly; the first and the last are among them."""
    if len(every) <= at_most:
        return list(every)
    last = len(every) - 1
    return [every[round(number * last / (at_most - 1))] for number in range(at_most)]


def complaints(done: Ended, number: int) -> Iterator[str]:
    """What is wrong with how an interrupted command ended."""
    if number == signal.SIGKILL:
        if done.status != -signal.SIGKILL:
            yield f"it survived being killed: {done.status}"
        return
    if done.status != INTERRUPTED:
        yield f"it ended with {done.status}: {done.stderr[-800:]}"
    elif "Interrupted" not in done.stderr:
        yield f"it does not say that it was interrupted: {done.stderr[-800:]}"
    for word in ("Traceback", "bug"):
        if word in done.stderr:
            yield f"it says {word!r}: {done.stderr[-1500:]}"
