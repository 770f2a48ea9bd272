"""What a proof goes through, and when it need not be gone through again."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_runner.catalogue import Catalogue
from lab_runner.planning.plan import make_plan
from lab_runner.proving.states import leant_on, passages
from tests.conftest import NOW

SCENARIO = "no-site-opens-by-name"
EXAM = "two-things-on-one-morning"


@pytest.fixture
def copy(shipped: Catalogue, tmp_path: Path) -> Path:
    place = tmp_path / "dns" / SCENARIO
    place.mkdir(parents=True)
    source = shipped.scenario(SCENARIO).folder / "scenario.yml"
    (place / "scenario.yml").write_text(source.read_text())
    return place / "scenario.yml"


def depends(catalogue: Catalogue, name: str = SCENARIO) -> list[str]:
    return [passage.depends for passage in passages(make_plan(catalogue, name, 3, now=NOW))]


@pytest.mark.parametrize("name", [SCENARIO, EXAM])
def test_nothing_is_seen_again_where_nothing_changed(shipped: Catalogue, name: str) -> None:
    assert depends(shipped, name) == depends(shipped, name)
    assert len(set(depends(shipped, name))) == len(depends(shipped, name))


def test_only_what_depends_on_a_change_is_seen_again(copy: Path, shipped: Catalogue) -> None:
    catalogue = Catalogue(shipped.lab_folders, (copy.parents[2],))
    before = depends(catalogue)
    text = copy.read_text()
    copy.write_text(text.replace("debrief: |", "debrief: |\n  One more word.\n", 1))
    assert depends(catalogue) == before
    index = text.index("wrong_fixes:")
    title = text.index("title: ", index) + len("title: ")
    copy.write_text(text[:title] + "Quickly " + text[title:])
    changed = [one != other for one, other in zip(depends(catalogue), before, strict=True)]
    assert sum(changed) == 1
    assert changed.index(True) > 1
    copy.write_text(text.replace("fault:\n", "fault:\n  - {node: gw, run: 'true'}\n", 1))
    assert not set(depends(catalogue)) & set(before)


def test_a_check_is_asked_with_all_that_it_leans_on(shipped: Catalogue) -> None:
    plan = make_plan(shipped, SCENARIO, 3, now=NOW)
    by_id = {check.id: check for check in plan.checks}
    leaning = next(check for check in plan.checks if check.control)
    asked = leant_on(plan, [leaning.id])
    assert leaning.control in asked
    for name in asked:
        check = by_id[name]
        assert asked.issuperset(check.requires)
        assert not check.control or check.control in asked
    assert len(asked) < len(by_id)
