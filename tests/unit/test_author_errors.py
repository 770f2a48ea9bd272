"""Authors' mistakes, one a file in ``tests/author_errors``, and what they are told."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab_runner.authoring.validating import validate
from lab_runner.catalogue import Catalogue
from lab_runner.errors import DefinitionError
from lab_runner.planning.plan import make_plan
from tests.conftest import DATA, NOW

MISTAKES = sorted((Path(__file__).parents[1] / "author_errors").glob("*.yml"))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(DATA / "labs/mini", tmp_path / "labs/mini")
    shutil.copytree(DATA / "scenarios/web", tmp_path / "scenarios/web")
    return tmp_path


def damage(copy: Path, mistake: dict[str, Any]) -> None:
    folder = copy / "scenarios/web/no-page-opens"
    if mistake["file"] != "scenario.yml":
        folder = copy / "labs/mini"
    file = folder / mistake["file"]
    if "right" not in mistake:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(mistake["wrong"])
        return
    text = file.read_text()
    assert text.count(mistake["right"]) >= 1, "the small lab no longer has what is damaged here"
    file.write_text(text.replace(mistake["right"], mistake["wrong"], 1))


def short(copy: Path, text: str) -> str:
    return re.sub(rf"{re.escape(str(copy))}/\S*?([^/\s:]+:)", r"\1", text)


def told_by_validate(copy: Path) -> list[str]:
    catalogue = Catalogue((copy / "labs",), (copy / "scenarios",))
    lines = []
    for one in validate(catalogue, seeds=6).findings:
        place = ":".join(str(part) for part in (one.path, one.line, one.column) if part)
        seeds = " (not with every seed)" if one.seeds else ""
        lines.append(f"{one.severity}: {short(copy, f'{place}: {one.message}')}{seeds}")
    return lines


def plan_with_disks(catalogue: Catalogue) -> None:
    for node in make_plan(catalogue, "no-page-opens", 1, now=NOW).nodes.values():
        assert node.files


def of(key: str) -> list[Any]:
    """The mistakes with that key."""
    rows = ((file, yaml.safe_load(file.read_text())) for file in MISTAKES)
    return [pytest.param(mistake, id=file.stem) for file, mistake in rows if key in mistake]


def test_every_mistake_is_made() -> None:
    assert len(of("expected")) + len(of("found")) == len(MISTAKES)


@pytest.mark.parametrize("mistake", of("expected"))
def test_an_author_is_told(copy: Path, mistake: dict[str, Any]) -> None:
    damage(copy, mistake)
    catalogue = Catalogue((copy / "labs",), (copy / "scenarios",))
    with pytest.raises(DefinitionError) as caught:
        plan_with_disks(catalogue)
    assert short(copy, str(caught.value)) == mistake["expected"]


@pytest.mark.parametrize("mistake", of("expected"))
def test_validate_tells_the_same(copy: Path, mistake: dict[str, Any]) -> None:
    damage(copy, mistake)
    assert f"error: {mistake['expected']}" in told_by_validate(copy)


@pytest.mark.parametrize("mistake", of("found"))
def test_validate_tells_more(copy: Path, mistake: dict[str, Any]) -> None:
    """What would start, and is wrong nevertheless: this, and nothing else."""
    damage(copy, mistake)
    assert told_by_validate(copy) == mistake["found"]


def test_the_undamaged_copy_is_right(copy: Path) -> None:
    catalogue = Catalogue((copy / "labs",), (copy / "scenarios",))
    assert make_plan(catalogue, "no-page-opens", 1, now=NOW).scenario_id == "no-page-opens"
    assert told_by_validate(copy) == []
