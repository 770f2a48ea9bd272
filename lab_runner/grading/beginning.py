"""A new course: two files to be edited, and its keys."""

from __future__ import annotations

from pathlib import Path

from lab_runner.catalogue import Catalogue
from lab_runner.errors import UnknownName, UsageError
from lab_runner.grading.course import new_course
from lab_runner.models.source import unknown

_SKELETON = Path(__file__).parent / "skeleton"
_PLACE = "SCENARIO"


def begin(folder: Path, catalogue: Catalogue, scenario: str | None) -> None:
    """Write them.

    Args:
        folder: Where; it is made.
        catalogue: What there is to be solved.
        scenario: The first assignment; the easiest if left out.

    Raises:
        UnknownName: There is no such scenario.
        UsageError: There is a course already, or nothing to be solved.
    """
    names = catalogue.scenario_ids()
    if not names:
        raise UsageError("There is no scenario.", hint="`lab list` shows them.")
    for name in scenario.split("+") if scenario else ():
        if name not in names:
            raise UnknownName(unknown(f"scenario {name!r}", name, names))
    text = (_SKELETON / "course.yml").read_text()
    first = scenario or min(names, key=lambda name: _ease(catalogue, name))
    new_course(folder, text.replace(_PLACE, first), (_SKELETON / "roster.csv").read_text())


def _ease(catalogue: Catalogue, name: str) -> tuple[int, str]:
    level = catalogue.scenario(name).document.data.get("level")
    return (level if isinstance(level, int) else 9), name
