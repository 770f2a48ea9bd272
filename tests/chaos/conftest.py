"""Failures are provoked on purpose here, and counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab_runner.catalogue import Catalogue
from tests.chaos.cli import COURSE
from tests.chaos.world import World
from tests.docker.conftest import engine, labs, plan
from tests.docker.second_engine import SecondEngine
from tests.docker.test_second_engine import loaded
from tests.unit.hand_ins import make_course
from tests.wire.conftest import node

__all__ = ["engine", "labs", "loaded", "node", "plan"]  # fixtures, used by name

_PROPERTY = "provoked"
#: How many failures of each kind were provoked, for whoever writes about them.
COUNTS = Path(".breakfix/artefacts/chaos.json")

Provoked = Callable[[str], None]


@pytest.fixture
def provoked(record_property: Callable[[str, object], None]) -> Provoked:
    """Say which failure was just provoked: ``provoked("SIGKILL during start")``."""
    return lambda kind: record_property(_PROPERTY, kind)


@pytest.fixture(scope="module")
def world(
    loaded: SecondEngine, small: Catalogue, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Somebody who takes part in a course; nothing of theirs is left at the end."""
    made = World(loaded, tmp_path_factory.mktemp("world"))
    course = make_course(tmp_path_factory.mktemp("lead") / "course", small, COURSE)
    joined = made.lab("join", str(course.path / "invitations/ada.breakfix"))
    assert joined.exit_code == 0, joined.output
    yield made
    left = list(made.something_is_left())
    made.close()
    assert not left


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count what was provoked in tests that went well; one that failed proves nothing."""
    counts = Counter(
        str(kind)
        for report in terminalreporter.stats.get("passed", [])
        for word, kind in report.user_properties
        if word == _PROPERTY
    )
    if not counts:
        return
    terminalreporter.section("provoked")
    for kind, count in sorted(counts.items()):
        terminalreporter.line(f"{count:5}  {kind}")
    wrong = len(terminalreporter.stats.get("failed", [])) + len(
        terminalreporter.stats.get("error", [])
    )
    rest = f"in {wrong} more the outcome was wrong" if wrong else "nothing lost or left behind"
    terminalreporter.line(f"{counts.total():5}  failures provoked, and {rest}")
    COUNTS.parent.mkdir(parents=True, exist_ok=True)
    COUNTS.write_text(json.dumps(dict(sorted(counts.items())), indent=2) + "\n")
