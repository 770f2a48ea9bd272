"""Finding labs and scenarios."""

from __future__ import annotations

import collections
import re
import shutil
from pathlib import Path

import pytest

from lab_runner.catalogue import Catalogue
from lab_runner.errors import DefinitionError, UnknownName
from tests.conftest import DATA

README = Path(__file__).parents[2] / "README.md"


def test_finds_what_is_shipped(shipped: Catalogue) -> None:
    assert "branch" in shipped.lab_ids()
    assert shipped.scenario_ids() == sorted(shipped.scenario_ids())
    assert len(shipped.scenarios()) == len(shipped.scenario_ids())


def test_the_readme_counts_right(shipped: Catalogue) -> None:
    rows = re.findall(r"^\| ([a-z0-9, ]+) \| (\d+) \|", README.read_text("utf-8"), re.MULTILINE)
    areas = collections.Counter(source.area for source in shipped.scenarios())
    assert {area for names, _ in rows for area in names.split(", ")} == set(areas)
    for names, number in rows:
        assert sum(areas[area] for area in names.split(", ")) == int(number), names


def test_a_summary_has_what_a_list_shows(small: Catalogue) -> None:
    source = small.scenario("no-page-opens")
    assert source.summary() == {
        "id": "no-page-opens",
        "area": "web",
        "title": "No page opens at the desk",
        "lab": "mini",
        "topics": ["routing"],
        "level": 1,
        "minutes": 5,
        "ref": None,
        "folder": str(DATA / "scenarios"),
    }


def test_unknown_names_suggest_the_nearest(small: Catalogue) -> None:
    with pytest.raises(UnknownName, match=r"Did you mean 'no-page-opens'\?") as caught:
        small.scenario("no-page-open")
    assert "lab list" in caught.value.hint
    with pytest.raises(UnknownName, match=r"lab 'mine' is unknown\. Did you mean 'mini'\?"):
        small.lab("mine")
    with pytest.raises(UnknownName, match="Known: "):
        small.scenario("zzz")


def test_nothing_at_all(tmp_path: Path) -> None:
    empty = Catalogue((tmp_path,), (tmp_path,))
    assert empty.lab_ids() == empty.scenario_ids() == []
    with pytest.raises(UnknownName, match="Known: none"):
        empty.lab("branch")


def test_two_scenarios_of_one_name(tmp_path: Path) -> None:
    for area in ("dns", "web"):
        shutil.copytree(DATA / "scenarios/web/no-page-opens", tmp_path / area / "no-page-opens")
    twice = Catalogue((DATA / "labs",), (tmp_path,))
    with pytest.raises(DefinitionError, match=r"'no-page-opens' is already defined in .*dns"):
        twice.scenario_ids()


def test_several_folders(tmp_path: Path) -> None:
    shutil.copytree(DATA / "labs/mini", tmp_path / "other")
    both = Catalogue((DATA / "labs", tmp_path), ())
    assert {"mini", "other"} <= set(both.lab_ids())


def test_a_damaged_file_does_not_hide_the_others(tmp_path: Path) -> None:
    shutil.copytree(DATA / "scenarios", tmp_path, dirs_exist_ok=True)
    broken = tmp_path / "web" / "broken"
    broken.mkdir()
    (broken / "scenario.yml").write_text("title: [\n")
    catalogue = Catalogue((DATA / "labs",), (tmp_path,))
    assert catalogue.scenario("no-page-opens").id == "no-page-opens"
    with pytest.raises(DefinitionError, match=r"broken/scenario.yml:2:1: not YAML"):
        catalogue.scenario("broken")
