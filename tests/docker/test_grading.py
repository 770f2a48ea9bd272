"""Work that is carried out again: only what is on a disk counts, and only if it is right."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from docker import DockerClient

from lab_runner.attempts.access import open_nodes
from lab_runner.attempts.breaking import break_lab, scenario_of
from lab_runner.catalogue import Catalogue
from lab_runner.engine.disk_changes import take
from lab_runner.engine.running import find
from lab_runner.errors import NotReplayable
from lab_runner.grading.replay import replay
from lab_runner.models.disk_changes import DiskChanges
from lab_runner.models.results import Report
from lab_runner.models.scenario import Step
from lab_runner.planning.plan import Plan, make_plan
from tests.docker.conftest import Labs, quiet

Worked = Callable[[list[Step]], dict[str, DiskChanges]]


@pytest.fixture
def broken(small: Catalogue) -> Plan:
    return make_plan(small, "no-page-opens", 5)


@pytest.fixture
def worked(labs: Labs, broken: Plan) -> Worked:
    """What is on the disks after somebody took some steps on a lab of their own."""

    def work(steps: list[Step]) -> dict[str, DiskChanges]:
        lab = labs.deploy(broken)
        break_lab(lab, quiet)
        lab.apply(steps)
        return take(lab, open_nodes(broken))

    return work


def red(report: Report) -> set[str]:
    return {row.id for row in report.checks if row.status != "passed"}


def test_a_right_repair_is_right_again(engine: DockerClient, worked: Worked, broken: Plan) -> None:
    done = replay(engine, broken, worked(scenario_of(broken).solutions[0].steps), quiet)
    assert red(done.report) == set()
    assert not [lab for lab in find(engine) if lab.proof and lab.lab == broken.lab_id]


def test_what_was_in_memory_alone_is_gone(
    engine: DockerClient, worked: Worked, broken: Plan
) -> None:
    wrong = scenario_of(broken).wrong_fixes[0]
    done = replay(engine, broken, worked(wrong.steps), quiet)
    assert red(done.report) >= set(wrong.caught_by)


def test_nothing_done_is_nothing_repaired(engine: DockerClient, broken: Plan) -> None:
    done = replay(engine, broken, {}, quiet)
    assert red(done.report) >= set(scenario_of(broken).symptoms)


def test_changes_to_a_machine_that_is_not_theirs_are_refused(
    engine: DockerClient, broken: Plan
) -> None:
    foreign = next(name for name in ("web", "nobody") if name not in open_nodes(broken))
    with pytest.raises(NotReplayable, match=foreign):
        replay(engine, broken, {foreign: DiskChanges()}, quiet)
    assert not [lab for lab in find(engine) if lab.proof and lab.lab == broken.lab_id]
