"""The engine, the switchboard or a machine goes away in the middle of a verb.

``lab`` is halted before one of its steps (:mod:`tests.chaos.interrupting`), and what it is about
to speak to is taken away. What ``start``, ``check`` and the images say of an engine in trouble is
in :mod:`tests.docker.test_second_engine`.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from lab_runner.catalogue import Catalogue
from lab_runner.cli.grade import REFUSED
from lab_runner.engine.containers import SWITCHBOARD
from tests.chaos.cli import ASSIGNMENT
from tests.chaos.conftest import Provoked
from tests.chaos.steps import Ended
from tests.chaos.test_interrupted_grading import Lead
from tests.chaos.world import BACK_S, World
from tests.docker.conftest import wait_for
from tests.docker.second_engine import SecondEngine, lacking

pytestmark = [
    pytest.mark.docker,
    pytest.mark.root,
    pytest.mark.skipif(bool(lacking()), reason=lacking()),
    pytest.mark.timeout(600),
]

#: A command ends so long after what it speaks to has gone; a machine is waited for a minute.
BOUNDED_S = 90.0
NOT_DONE = 3
RED = 1

CREATE, RESTART, DELETE = "/containers/create @", "/restart @", "^DELETE"
ASK, WAIT, FAULT, LOOK = ("to a container: " + word for word in ("ask", "wait", "bytes", "disk_ch"))
CHECK, RESET, REBOOT = ("check",), ("reset",), ("reboot", "--all")
SUBMIT = ("submit", ASSIGNMENT)


@pytest.fixture(scope="module")
def lead(world: World, small: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Lead:
    return Lead(world, tmp_path_factory.mktemp("lead"), small)


@pytest.fixture
def attempt(world: World, loaded: SecondEngine) -> Iterator[str]:
    """Somebody's work on an assignment; nothing is left of it."""
    if not loaded.answers():
        loaded.start()
    yield world.start(ASSIGNMENT)
    if not loaded.answers():
        loaded.start()
    left = list(world.something_is_left())
    for row in world.client.api.containers(all=True):
        world.client.api.remove_container(row["Id"], force=True, v=True)
    assert not left


def refused(done: Ended, took: float) -> str:
    """What a command said that could not do its work: in time, clearly, and what to do next."""
    assert took < BOUNDED_S
    assert done.status == NOT_DONE, (done.status, done.stdout, done.stderr)
    honest(done)
    assert "→" in done.stderr
    return re.sub(r"\s+", " ", done.stderr)


def weathered(done: Ended, took: float) -> None:
    """It did its work after all, or says clearly that it could not."""
    report = "that is the kit's trouble" in done.stdout
    if done.status in {0, RED} or (done.status == NOT_DONE and report):
        assert took < BOUNDED_S
        honest(done)
    else:
        refused(done, took)


def honest(done: Ended) -> None:
    assert "Traceback" not in done.stderr, done.stderr
    assert "bug" not in done.stderr, done.stderr


def meanwhile(
    world: World, words: Sequence[str], site: str, trouble: Callable[[], object]
) -> tuple[Ended, float]:
    """How a command ends that meets trouble at a step, and how long that takes it."""
    with world.around.held(words, site) as process:
        trouble()
        began = time.monotonic()
    done = world.around.end(process)
    return done, time.monotonic() - began


def right_again(world: World, words: Sequence[str]) -> None:
    """The record and the engine are told of as they are, and the lab is as it was handed out."""
    wait_for(lambda: not list(world.status_is_wrong()), "status is right", BACK_S)
    if words == RESET:
        # It was cut short, and whoever checks is told so.
        done = world.lab(*RESET)
        assert done.exit_code == 0, done.output
    told = re.sub(r"\s+", " ", world.lab("status").stdout)
    off = re.search(r"`lab (reboot [^`]+)` switches on", told)
    if off:
        # The engine ended just when it was to switch these on. Nobody is judged meanwhile.
        assert world.lab(*CHECK).exit_code == NOT_DONE
        done = world.lab(*off[1].split())
        if "could not be switched on" in done.output:
            # An engine that takes them for both on and off never does.
            assert "`lab reset`" in done.output
            done = world.lab(*RESET)
        assert done.exit_code == 0, done.output
    assert not list(world.is_as_told())


# --- the engine ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "site"),
    [
        (RESET, DELETE),
        (RESET, CREATE),
        (RESET, FAULT),
        (REBOOT, RESTART),
        (REBOOT, WAIT),
        (SUBMIT, ASK),
        (SUBMIT, LOOK),
    ],
)
def test_the_engine_is_killed(
    world: World,
    attempt: str,
    loaded: SecondEngine,
    provoked: Provoked,
    words: Sequence[str],
    site: str,
) -> None:
    done, took = meanwhile(world, words, site, loaded.kill)
    assert "engine" in refused(done, took)
    assert not list(world.around.here.glob("*.breakfix"))
    loaded.start()
    wait_for(world.labs, "the engine tells of the lab")
    right_again(world, words)
    provoked(f"engine killed during {words[0]}")


@pytest.mark.parametrize(
    ("words", "site"),
    [(CHECK, ASK), (RESET, CREATE), (RESET, WAIT), (REBOOT, RESTART), (SUBMIT, LOOK)],
)
def test_the_engine_is_restarted(
    world: World,
    attempt: str,
    loaded: SecondEngine,
    provoked: Provoked,
    words: Sequence[str],
    site: str,
) -> None:
    def restart() -> None:
        loaded.stop()
        loaded.start()

    done, took = meanwhile(world, words, site, restart)
    # It is back at once, so that some work goes on where it was.
    weathered(done, took)
    right_again(world, words)
    provoked(f"engine restarted during {words[0]}")


@pytest.mark.parametrize("site", [CREATE, WAIT, RESTART])
def test_the_engine_is_killed_during_grade(
    world: World, lead: Lead, loaded: SecondEngine, provoked: Provoked, site: str
) -> None:
    lead.begin_anew()
    done, took = meanwhile(world, lead.words, site, loaded.kill)
    assert took < BOUNDED_S
    assert done.status == NOT_DONE, (done.stdout, done.stderr)
    honest(done)
    # Nobody is judged by it.
    assert re.search(r"ada first:? +not graded", done.stdout), done.stdout
    assert "engine" in done.stdout
    assert not list(lead.something_is_torn())
    loaded.start()
    assert not list(world.something_is_left())
    again = world.lab(*lead.words)
    assert again.exit_code == REFUSED, again.output
    assert not list(lead.graded())
    provoked("engine killed during grade")


def test_grade_and_submit_without_an_engine(
    world: World, lead: Lead, loaded: SecondEngine, provoked: Provoked
) -> None:
    lead.begin_anew()
    loaded.stop()
    try:
        for words in (lead.words, SUBMIT):
            began = time.monotonic()
            done = world.around.run(words)
            assert "No Docker engine answers" in refused(done, time.monotonic() - began)
            provoked(f"no engine for {words[0]}")
    finally:
        loaded.start()
    assert not list(lead.something_is_torn())
    assert world.lab(*lead.words).exit_code == REFUSED
    assert not list(lead.graded())


def test_the_engine_is_killed_before_it_has_written_a_container_down(
    world: World, attempt: str, loaded: SecondEngine, provoked: Provoked
) -> None:
    # It makes a container's volume first. Killed in between it knows only of that.
    written = container(world, SWITCHBOARD)
    loaded.kill()
    shutil.rmtree(loaded.disk / "containers" / written)
    loaded.start()
    assert len(world.client.api.volumes(filters={"dangling": "true"})["Volumes"]) == 1
    assert not list(world.something_is_left())
    provoked("engine killed while it makes a container")


# --- the switchboard -----------------------------------------------------------------


def container(world: World, node: str) -> str:
    rows = world.client.api.containers(filters={"label": f"breakfix.node={node}"})
    return str(rows[0]["Id"])


def end(world: World, node: str) -> None:
    """End a container's first process; the engine starts it again."""
    os.kill(world.client.api.inspect_container(container(world, node))["State"]["Pid"], 9)


def take_away(world: World, node: str) -> None:
    world.client.api.remove_container(container(world, node), force=True, v=True)


@pytest.mark.parametrize(
    ("words", "site"),
    [(CHECK, ASK), (RESET, DELETE), (RESET, WAIT), (RESET, FAULT), (REBOOT, RESTART)],
)
def test_the_switchboard_is_killed(
    world: World, attempt: str, provoked: Provoked, words: Sequence[str], site: str
) -> None:
    done, took = meanwhile(world, words, site, lambda: end(world, SWITCHBOARD))
    weathered(done, took)
    right_again(world, words)
    provoked(f"switchboard killed during {words[0]}")


@pytest.mark.parametrize(("words", "site"), [(CHECK, ASK), (REBOOT, RESTART)])
def test_the_switchboard_is_taken_away(
    world: World, attempt: str, provoked: Provoked, words: Sequence[str], site: str
) -> None:
    done, took = meanwhile(world, words, site, lambda: take_away(world, SWITCHBOARD))
    weathered(done, took)
    assert done.status == NOT_DONE
    assert "witchboard" in done.stdout + done.stderr
    assert not list(world.status_is_wrong())
    said = re.sub(r"\s+", " ", world.lab("status").stdout)
    assert f"(switchboard) is missing; `lab stop {attempt}` takes it away" in said
    again = world.lab(*CHECK)
    assert again.exit_code == NOT_DONE
    assert "lab stop" in again.output
    provoked(f"switchboard taken away during {words[0]}")


# --- a machine -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "site"),
    [(CHECK, ASK), (REBOOT, RESTART), (REBOOT, WAIT), (SUBMIT, ASK), (SUBMIT, LOOK)],
)
def test_a_machine_is_killed(
    world: World, attempt: str, provoked: Provoked, words: Sequence[str], site: str
) -> None:
    done, took = meanwhile(world, words, site, lambda: end(world, "gw"))
    weathered(done, took)
    right_again(world, words)
    provoked(f"machine killed during {words[0]}")


@pytest.mark.parametrize(
    ("words", "site"), [(CHECK, ASK), (REBOOT, RESTART), (SUBMIT, ASK), (SUBMIT, LOOK)]
)
def test_a_machine_is_taken_away(
    world: World, attempt: str, provoked: Provoked, words: Sequence[str], site: str
) -> None:
    done, took = meanwhile(world, words, site, lambda: take_away(world, "gw"))
    assert "gw" in refused(done, took)
    assert not list(world.status_is_wrong())
    said = re.sub(r"\s+", " ", world.lab("status").stdout)
    assert "gw is missing; `lab reset` builds all machines again" in said
    right_again(world, RESET)
    provoked(f"machine taken away during {words[0]}")
