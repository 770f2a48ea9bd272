"""Failures are provoked on purpose here, and counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docker.conftest import engine, labs, plan
from tests.wire.conftest import node

__all__ = ["engine", "labs", "node", "plan"]  # fixtures, used by name

_PROPERTY = "provoked"
#: How many failures of each kind were provoked, for whoever writes about them.
COUNTS = Path(".breakfix/artefacts/chaos.json")

Provoked = Callable[[str], None]


@pytest.fixture
def provoked(record_property: Callable[[str, object], None]) -> Provoked:
    """Say which failure was just provoked: ``provoked("SIGKILL during start")``."""
    return lambda kind: record_property(_PROPERTY, kind)


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
    terminalreporter.line(f"{counts.total():5}  failures provoked, and nothing lost or left behind")
    COUNTS.parent.mkdir(parents=True, exist_ok=True)
    COUNTS.write_text(json.dumps(dict(sorted(counts.items())), indent=2) + "\n")
