"""Sixty hand-ins and more, made without any hand: not one has a mark that it should not have."""

from __future__ import annotations

import concurrent.futures
import datetime
import itertools
import os
from dataclasses import replace
from pathlib import Path

import pytest
from docker import DockerClient

from lab_runner.attempts.chain import broken_at
from lab_runner.catalogue import Catalogue
from lab_runner.engine.running import find
from lab_runner.grading.accepting import Oddity
from lab_runner.grading.comparing import Comparison
from lab_runner.grading.course import Case, CourseFolder
from lab_runner.grading.grade import Accepted, Grading
from lab_runner.grading.marks import FlagKind, Mark, Standing
from lab_runner.models.results import Status
from lab_runner.pool.opening import pool
from tests.conftest import DATA
from tests.docker.conftest import engine
from tests.grading.working import Work, course_with, handed_in, record, work

__all__ = ["engine"]

#: By assignment: scenarios of the tests' small lab, which everybody works on…
SMALL = {"page": "no-page-opens", "far": "far-side-unreachable"}
#: …and of the kit's own, which one does.
LARGE = {"names": "no-site-opens-by-name", "upload": "nightly-upload-cannot-log-in"}
CASES = SMALL | LARGE
HONEST, _, COPYIST = PEOPLE = ("p01", "p02", "p03")
_JOBS = min(2 * (os.cpu_count() or 1), 8)
_PATIENCE_S = 1500
pytestmark = [pytest.mark.docker, pytest.mark.timeout(_PATIENCE_S)]


@pytest.fixture(scope="module")
def both() -> Catalogue:
    """The kit's labs and scenarios, and the tests'."""
    own = Catalogue()
    labs = (*own.lab_folders, DATA / "labs")
    return Catalogue(labs, (*own.scenario_folders, DATA / "scenarios"))


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, both: Catalogue) -> CourseFolder:
    return course_with(tmp_path_factory.mktemp("course") / "class", both, CASES, len(PEOPLE))


Handed = dict[str, tuple[Work, bytes]]


@pytest.fixture(scope="module")
def handed(engine: DockerClient, both: Catalogue, course: CourseFolder) -> Handed:
    """The files of all that can be done about a case, by what they are called; all true."""

    def made(name: str, case: Case) -> Handed:
        every = enumerate(work(engine, both, course, name, case))
        return {f"{name}-{case.id}-{n:02}": (one, handed_in(course, one)) for n, one in every}

    jobs = [
        (name, case)
        for case in course.course.assignments
        for name in (PEOPLE if case.id in SMALL else [HONEST])
    ]
    with concurrent.futures.ThreadPoolExecutor(_JOBS) as pool:
        parts = pool.map(lambda job: made(*job), jobs)
        return {key: value for part in parts for key, value in part.items()}


@pytest.fixture(scope="module")
def odd(course: CourseFolder, handed: Handed) -> Handed:
    """What nobody should get away with: copied, tampered with, claimed and not so."""
    made: Handed = {}
    for assignment in CASES:
        mine = (one for one, _ in handed.values() if one.trainee == HONEST)
        own = [one for one in mine if one.assignment == assignment]
        right = next(one for one in own if one.way.right)
        nothing = next(one for one in own if not one.way.steps)
        # The copyist has tried for a while. What is only a folder's rights is told by when it was.
        began = right.began - datetime.timedelta(minutes=20)
        copy = replace(right, trainee=COPYIST, began=began)
        made[f"{assignment}-copied"] = (copy, handed_in(course, copy))
        claim = replace(nothing, way=replace(nothing.way, saw_green=True))
        made[f"{assignment}-claimed"] = (claim, handed_in(course, claim))
        events = record(right, course)
        events[-1] = events[-1].model_copy(update={"text": events[-1].text + " "})
        assert broken_at(events) is not None
        made[f"{assignment}-rewritten"] = (right, handed_in(course, right, events=events))
    return made


@pytest.fixture(scope="module")
def marks(
    engine: DockerClient,
    both: Catalogue,
    course: CourseFolder,
    handed: Handed,
    odd: Handed,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Mark]:
    """All of it graded, by what the files are called."""
    folder = tmp_path_factory.mktemp("files")
    files: list[Path] = []
    for name, (_, data) in {**handed, **odd}.items():
        files.append(folder / f"{name}.breakfix")
        files[-1].write_bytes(data)
    grading = Grading(course, both)
    found = grading.sort(files)
    assert not found.done
    jobs = [grading.job(accepted) for accepted in found.pending]
    with pool(scheduler=None, jobs=_JOBS) as opened:
        for end in opened.run(jobs):
            accepted: Accepted = found.pending[end.index]
            grading.judge(accepted, end.result, end.problem)
    Comparison(course, both, grading.ledger).flag()
    return {Path(mark.file).stem: mark for mark in grading.ledger.all()}


def credit(mark: Mark, criterion: str) -> float:
    (one,) = [row for row in mark.credits if row.criterion == criterion]
    return one.points / one.of if one.of else 0.0


def kinds(mark: Mark) -> set[str]:
    return {flag.kind for flag in mark.flags}


def red(mark: Mark) -> set[str]:
    """The checks that are not green; all of them, where machines do not come up."""
    if mark.report is None:
        assert "does not come up" in mark.problem
        return {"everything"}
    return {row.id for row in mark.report.checks if row.status is not Status.PASSED}


def test_there_are_enough_of_each(handed: Handed, odd: Handed) -> None:
    every = [one.way for one, _ in handed.values()]
    right = [way for way in every if way.right]
    memory = [way for way in every if way.saw_green and not way.right]
    assert len(handed) + len(odd) >= 60
    assert len(right) >= 10
    assert len(memory) >= 3
    assert len([way for way in every if not way.steps]) >= len(CASES)


def test_all_of_them_could_be_judged(marks: dict[str, Mark], handed: Handed, odd: Handed) -> None:
    assert set(marks) == {*handed, *odd}
    not_graded = {name: m.problem for name, m in marks.items() if m.standing is not Standing.GRADED}
    assert not not_graded


def test_a_right_repair_has_all_points_for_it(marks: dict[str, Mark], handed: Handed) -> None:
    for name, (one, _) in handed.items():
        if one.way.right:
            assert red(marks[name]) == set(), (name, one.way.title)
            earned = [credit(marks[name], what) for what in ("repair", "collateral", "reboot")]
            assert earned == [1, 1, 1], (name, one.way.title)


def test_a_wrong_repair_never_has(marks: dict[str, Mark], handed: Handed) -> None:
    for name, (one, _) in handed.items():
        if one.way.right:
            continue
        seen = red(marks[name])
        earned = [credit(marks[name], what) for what in ("repair", "collateral", "reboot")]
        assert sum(earned) < 3, (name, one.way.title)
        # What is on no disk is not there, neither what it mends nor what it breaks.
        expected = set(one.way.caught_by) if one.written else set()
        assert seen >= expected, (name, one.way.title)
        assert seen, (name, one.way.title)


def test_nothing_done_is_worth_nothing(marks: dict[str, Mark], handed: Handed) -> None:
    for name, (one, _) in handed.items():
        if not one.way.steps:
            assert credit(marks[name], "repair") == 0, name
            assert marks[name].points == 0, name


def test_a_claim_that_is_not_so_is_told_and_no_true_one_is(
    marks: dict[str, Mark], handed: Handed, odd: Handed
) -> None:
    for name, (one, _) in {**handed, **odd}.items():
        false = one.way.saw_green and red(marks[name]) != set()
        assert (FlagKind.UNCONFIRMED in kinds(marks[name])) == false, (name, one.way.title)


def test_a_copy_is_told_with_whose_it_is(marks: dict[str, Mark]) -> None:
    for assignment in CASES:
        mark = marks[f"{assignment}-copied"]
        whose = [flag.whose for flag in mark.flags if flag.kind == FlagKind.COPIED]
        assert whose == [HONEST], assignment


def test_a_record_that_was_written_anew_is_told(marks: dict[str, Mark]) -> None:
    for assignment in CASES:
        assert Oddity.TAMPERED in kinds(marks[f"{assignment}-rewritten"])


def test_nobody_honest_is_suspected(marks: dict[str, Mark], handed: Handed) -> None:
    innocent = {FlagKind.UNCONFIRMED, FlagKind.MEMORY_ONLY}  # true, and nobody's deceit
    for name, (one, _) in handed.items():
        assert kinds(marks[name]) <= innocent, (name, one.way.title)


def test_a_file_that_was_changed_is_nobodys(
    course: CourseFolder, both: Catalogue, handed: Handed, tmp_path: Path
) -> None:
    grading = Grading(course, both)
    for name, (_, data) in itertools.islice(handed.items(), 4):
        changed = bytearray(data)
        changed[len(data) // 2] ^= 1
        path = tmp_path / f"{name}.breakfix"
        path.write_bytes(bytes(changed))
        found = grading.sort([path])
        assert [mark.standing for mark in found.done] == [Standing.REFUSED]
        assert not found.pending


def test_nothing_is_left_of_all_those_labs(engine: DockerClient, marks: dict[str, Mark]) -> None:
    seeds = {(mark.scenario, mark.seed) for mark in marks.values()}
    assert not [lab for lab in find(engine) if (lab.scenario, lab.seed) in seeds]
