"""``lab grade`` killed, interrupted and ended at every step by which it changes the world.

As :mod:`tests.chaos.test_interrupted`, with a course in place of an attempt: each time the same
two hand-ins, one that is right and one that was cut off, come to a course that has no mark yet.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from lab_runner.catalogue import Catalogue
from lab_runner.cli.grade import REFUSED
from lab_runner.cli.gradebook import CSV, HTML
from lab_runner.errors import StoreError
from lab_runner.grading.course import SUFFIX
from lab_runner.grading.ledger import HAND_INS, Ledger, digest_of
from tests.chaos.cli import COURSE
from tests.chaos.conftest import Provoked
from tests.chaos.steps import INTERRUPTED, Ended, Point, complaints, points, spread
from tests.chaos.test_interrupted import POINTS, SIGNALS
from tests.chaos.world import World
from tests.docker.second_engine import lacking
from tests.unit.hand_ins import GREEN, RIGHT, handed_in, make_course, work_of, written

pytestmark = [
    pytest.mark.docker,
    pytest.mark.root,
    pytest.mark.skipif(bool(lacking()), reason=lacking()),
    pytest.mark.timeout(1800),
]

#: What the right one is worth: the whole but the diagnosis, which nobody gave.
WORTH = 80
#: So many points are chosen where not all are, by signal.
AT_MOST = dict(zip(SIGNALS, (14, 6, 3), strict=True))
Problems = Iterator[str]


class Lead:
    """Somebody who grades, and can begin anew as often as it takes."""

    def __init__(self, world: World, lead: Path, catalogue: Catalogue) -> None:
        self.world = world
        self._untouched = make_course(lead / "course", catalogue, COURSE)
        self.inbox = lead / "inbox"
        work = work_of(self._untouched, "ada", GREEN, changes=written(RIGHT))
        whole = handed_in(self._untouched, work, self.inbox, "ada").read_bytes()
        (self.inbox / f"cut{SUFFIX}").write_bytes(whole[:-9])
        self.digests = {digest_of(path.read_bytes()) for path in self.inbox.iterdir()}
        self._every: list[Point] = []

    @property
    def course(self) -> Path:
        return self.world.around.here / "course"

    @property
    def words(self) -> list[str]:
        return ["grade", str(self.inbox), "--course", str(self.course)]

    def begin_anew(self) -> None:
        shutil.rmtree(self.course, ignore_errors=True)
        shutil.copytree(self._untouched.path, self.course)

    def run(self, point: Point | None = None, number: int = 0) -> Ended:
        self.begin_anew()
        return self.world.around.run(self.words, point, number)

    def steps(self) -> list[Point]:
        if not self._every:
            done = self.run()
            assert done.status == REFUSED, done.stderr
            assert not list(self.graded())
            self._every = points(done.steps)
        return self._every

    def graded(self) -> Problems:
        """Every file has one mark, and the gradebook says what they say."""
        marks = {mark.file: mark for mark in Ledger(self.course).all()}
        if set(marks) != {path.name for path in self.inbox.iterdir()}:
            yield f"marks of {set(marks)}"
        elif marks[f"ada{SUFFIX}"].points != WORTH:
            yield f"the right one has {marks[f'ada{SUFFIX}']}"
        rows = list(self.gradebook())
        if [row["first points"] for row in rows if row["id"] == "ada"] != [str(WORTH)]:
            yield f"the gradebook says {rows}"

    def unfinished(self) -> list[Path]:
        """Files that were to take another's place."""
        return [path for path in self.course.rglob(".*") if path.is_file()]

    def gradebook(self) -> list[Mapping[str, str]]:
        with (self.course / CSV).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def something_is_torn(self) -> Problems:
        """A mark, a kept hand-in or a gradebook that is there in part."""
        try:
            marks = Ledger(self.course).all()
        except StoreError as exc:
            yield str(exc)
            return
        if not {mark.hand_in for mark in marks} <= self.digests:
            yield f"marks of nothing that came: {marks}"
        for path in (self.course / HAND_INS).glob(f"*{SUFFIX}"):
            if hashlib.sha256(path.read_bytes()).hexdigest() != path.stem:
                yield f"{path} is not whole"
        page = self.course / HTML
        if page.exists() and not page.read_text().rstrip().endswith("</html>"):
            yield f"{page} is not whole"
        if (self.course / CSV).exists() and len(self.gradebook()) != 4:
            yield f"the spreadsheet is not whole: {self.gradebook()}"


@pytest.fixture(scope="module")
def lead(world: World, small: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Lead:
    return Lead(world, tmp_path_factory.mktemp("lead"), small)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_interrupted(lead: Lead, number: signal.Signals, provoked: Provoked) -> None:
    every = lead.steps()
    chosen = spread(every, POINTS or AT_MOST[number])
    met, wrong = 0, []
    for point in chosen:
        done = lead.run(point, number)
        problems = [*after(lead, done, number)]
        wrong += [f"{number.name} at {point}: {problem}" for problem in problems]
        if done.reached:
            met += 1
            provoked(f"{number.name} during grade")
    assert not wrong, "\n".join(wrong)
    assert met >= 0.8 * len(chosen), f"{met} of {len(chosen)} points were met"


def after(lead: Lead, done: Ended, number: signal.Signals) -> Problems:
    """What is wrong after a grading that was interrupted."""
    if done.reached:
        yield from complaints(done, number)
    yield from lead.something_is_torn()
    # Nothing that is killed can take them away; nobody reads them.
    if number != signal.SIGKILL and lead.unfinished():
        yield f"{lead.unfinished()} are left"
    yield from lead.world.status_is_wrong()
    if done.status == INTERRUPTED and lead.world.labs():
        yield f"a replay is left, and nobody waits for it: {lead.world.labs()}"
    yield from lead.world.something_is_left()
    again = lead.world.lab(*lead.words, "--json")
    if again.exit_code != REFUSED:
        yield f"grading again ends with {again.exit_code}: {again.output}"
    elif sorted(mark["file"] for mark in json.loads(again.stdout)["marks"]) != [
        f"ada{SUFFIX}",
        f"cut{SUFFIX}",
    ]:
        yield f"grading again gives {again.stdout}"
    yield from lead.graded()
