"""Authors' mistakes, one a file in ``tests/author_errors``, and what they are told."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

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
    text = file.read_text()
    assert text.count(mistake["right"]) >= 1, "the small lab no longer has what is damaged here"
    file.write_text(text.replace(mistake["right"], mistake["wrong"], 1))


def plan_with_disks(catalogue: Catalogue) -> None:
    for node in make_plan(catalogue, "no-page-opens", 1, now=NOW).nodes.values():
        assert node.files


@pytest.mark.parametrize("file", MISTAKES, ids=lambda file: file.stem)
def test_an_author_is_told(copy: Path, file: Path) -> None:
    mistake = yaml.safe_load(file.read_text())
    damage(copy, mistake)
    catalogue = Catalogue((copy / "labs",), (copy / "scenarios",))
    with pytest.raises(DefinitionError) as caught:
        plan_with_disks(catalogue)
    told = re.sub(rf"{re.escape(str(copy))}/\S*?([^/\s:]+:)", r"\1", str(caught.value))
    assert told == mistake["expected"]


def test_the_undamaged_copy_is_right(copy: Path) -> None:
    catalogue = Catalogue((copy / "labs",), (copy / "scenarios",))
    assert make_plan(catalogue, "no-page-opens", 1, now=NOW).scenario_id == "no-page-opens"
