"""How much a minute: states that are proven, hand-ins that are graded.

    python -m bench.throughput [--jobs 1 2 4] [--folder DIR]

grades twenty hand-ins of four scenarios on the branch lab, right repairs and wrong ones, with so
many labs at a time; with --folder they are kept, and taken from there the next time.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from bench import host
from bench.commands import OURS, timed
from bench.figures import Figures
from bench.verbs import OFFICE, Case, catalogue
from lab_runner.engine.docker import connect
from tests.grading.working import course_with, handed_in, work

if TYPE_CHECKING:
    from docker import DockerClient

LARGE = {
    "names": "no-site-opens-by-name",
    "upload": "nightly-upload-cannot-log-in",
    "internet": "internet-gone-since-the-renumbering",
    "neighbours": "neighbours-out-of-reach",
}
_EACH = 5


@dataclass(frozen=True)
class Graded:
    """One run of ``lab grade``: hand-ins, wall time and processor time in seconds, memory."""

    number: int
    wall_s: float
    cpu_s: float
    most_mib: int


class _Memory(threading.Thread):
    """The most that was in use, above what was at the beginning; in MiB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.before, self.most, self.over = psutil.virtual_memory().used, 0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.5):
            self.most = max(self.most, (psutil.virtual_memory().used - self.before) >> 20)


def make(
    client: DockerClient, folder: Path, cases: Mapping[str, str], *, each: int, every: int
) -> None:
    """A course, and hand-ins for each of its cases: nothing, right repairs, wrong ones.

    Args:
        client: The engine.
        folder: Where ``course`` and ``inbox`` will lie.
        cases: Scenarios by assignment.
        each: So many of a case at most.
        every: Only every so manieth thing that can be done.
    """
    course = course_with(folder / "course", catalogue(), cases, 1)
    (folder / "inbox").mkdir()
    for case in course.course.assignments:
        done = work(client, catalogue(), course, "p01", case, every=every)
        for number, one in enumerate(list(done)[:each]):
            file = folder / "inbox" / f"{case.id}-{number}.breakfix"
            file.write_bytes(handed_in(course, one))


def grade(folder: Path, jobs: int) -> Graded:
    """Grade all that lies in a folder, so many labs at a time.

    Raises:
        Failed: Something could not be graded.
    """
    memory, worked = _Memory(), host.worked_s()
    memory.start()
    words = ["--course", str(folder / "course"), "--again", "--jobs", str(jobs)]
    try:
        took = timed(*OURS, "grade", str(folder / "inbox"), *words).seconds
    finally:
        memory.over.set()
    number = len(list((folder / "inbox").iterdir()))
    return Graded(number, took, host.worked_s() - worked, memory.most)


def measure_grading(client: DockerClient, runs: int, figures: Figures) -> None:
    """Hand-ins of the office, as many labs at a time as there are cores."""
    with tempfile.TemporaryDirectory(prefix="breakfix-bench-") as own:
        make(client, Path(own), {"prices": OFFICE.scenario}, each=_EACH, every=1)
        for _ in range(runs):
            graded = grade(Path(own), os.cpu_count() or 1)
            figures.add("office.graded_per_min", 60 * graded.number / graded.wall_s)


def measure_proving(case: Case, figures: Figures) -> None:
    """One proof, one lab at a time, from the command to its end."""
    done = timed(*OURS, "prove", case.scenario, "--seeds", "1", "--jobs", "1", "--json")
    states = sum(len(proof["rows"]) for proof in json.loads(done.out)["proofs"])
    figures.add(f"{case.lab}.proven_per_min", 60 * states / done.seconds)
    figures.add(f"{case.lab}.proof_s", done.seconds)


def main() -> None:
    """The table in docs/scaling.md."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--jobs", type=int, nargs="+", default=[1, 2, 4])
    asked.add_argument("--folder", type=Path)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="breakfix-bench-") as own:
        folder = options.folder or Path(own)
        folder.mkdir(exist_ok=True)
        if not (folder / "inbox").exists():
            client = connect()
            make(client, folder, LARGE, each=_EACH, every=2)
            client.close()
        print("| jobs | wall time | a minute | processor time | memory at most |")
        print("| --- | --- | --- | --- | --- |")
        for jobs in options.jobs:
            one = grade(folder, jobs)
            print(
                f"| {jobs} | {one.wall_s:.0f} s | {60 * one.number / one.wall_s:.1f} | "
                f"{one.cpu_s:.0f} s | {one.most_mib} MiB |"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
