"""What ``lab new`` writes is valid at once, on any lab; the contract is in tests/docker."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from lab_runner.authoring.skeletons import new_lab, new_scenario
from lab_runner.authoring.validating import validate
from lab_runner.catalogue import Catalogue
from lab_runner.cli.main import app
from lab_runner.errors import UnknownName, UsageError
from lab_runner.planning.plan import make_plan
from tests.conftest import DATA, NOW

KIT = Catalogue()


def extended(folder: Path) -> Catalogue:
    return Catalogue(
        (*KIT.lab_folders, DATA / "labs", folder / "labs"),
        (*KIT.scenario_folders, DATA / "scenarios", folder / "scenarios"),
    )


def findings(folder: Path, *words: str) -> list[str]:
    return [one.message for one in validate(extended(folder), words, seeds=10).findings]


@pytest.mark.parametrize("name", ["workshop", "shop-floor-2"])
def test_a_new_lab_is_valid(tmp_path: Path, name: str) -> None:
    folder = new_lab(extended(tmp_path), name, tmp_path / "labs")
    assert folder == tmp_path / "labs" / name
    assert findings(tmp_path, name) == []
    for file in folder.rglob("*"):
        assert file.is_dir() or "<<" not in file.read_text()


@pytest.mark.parametrize("lab", ["branch", "mini", "pair", "workshop"])
def test_a_new_scenario_is_valid_on_any_lab(tmp_path: Path, lab: str) -> None:
    new_lab(extended(tmp_path), "workshop", tmp_path / "labs")
    new_scenario(extended(tmp_path), "basics/one-is-red", lab, tmp_path / "scenarios")
    assert findings(tmp_path, "one-is-red") == []
    plan = make_plan(extended(tmp_path), "one-is-red", 3, now=NOW)
    assert plan.scenario is not None
    own = plan.scenario.checks[0]
    target = plan.nodes[plan.scenario.diagnosis.node]
    assert target.access
    assert own.ping is not None
    assert own.ping.to in [card.address for card in target.view.interfaces.values()]
    shared = {cable.segment for cable in target.cables}
    assert shared & {cable.segment for cable in plan.nodes[own.vantage].cables}


def test_where_every_machine_is_pinged_those_checks_are_symptoms(tmp_path: Path) -> None:
    folder = new_lab(extended(tmp_path), "pinged", tmp_path / "labs")
    file = folder / "lab.yml"
    data = yaml.safe_load(file.read_text())
    for node in data["nodes"].values():
        node["access"] = node["title"] == "The second desk"
    data["health"] += [
        {
            "id": "second-desk-answers",
            "title": "The second desk answers",
            "from": "gw",
            "ping": {"to": "{{ nodes.pc2.address }}"},
        },
        {
            "id": "second-desk-is-quiet",
            "title": "The second desk offers nothing",
            "from": "pc1",
            "requires": ["second-desk-answers"],
            "tcp": {"to": "{{ nodes.pc2.address }}", "port": 80, "expect": "blocked"},
        },
    ]
    file.write_text(yaml.safe_dump(data, sort_keys=False))
    new_scenario(extended(tmp_path), "basics/one-is-red", "pinged", tmp_path / "scenarios")
    plan = make_plan(extended(tmp_path), "one-is-red", 1, now=NOW)
    assert plan.scenario is not None
    assert plan.scenario.symptoms == ["pc1-hears-pc2", "second-desk-answers"]
    assert plan.scenario.silenced == ["second-desk-is-quiet"]


def test_names_with_hyphens_can_be_named_in_templates(tmp_path: Path) -> None:
    folder = new_lab(extended(tmp_path), "hyphens", tmp_path / "labs")
    file = folder / "lab.yml"
    file.write_text(re.sub(r"\bpc(\d)\b", r"pc-\1", file.read_text()))
    new_scenario(extended(tmp_path), "basics/one-is-red", "hyphens", tmp_path / "scenarios")
    assert findings(tmp_path, "one-is-red") == []


def test_nobody_to_ask(tmp_path: Path) -> None:
    folder = new_lab(extended(tmp_path), "closed", tmp_path / "labs")
    file = folder / "lab.yml"
    file.write_text(file.read_text().replace("access: true", "access: false"))
    with pytest.raises(UsageError, match="no machine to log in to"):
        new_scenario(extended(tmp_path), "basics/one-is-red", "closed", tmp_path / "scenarios")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "labs/mine").mkdir(parents=True)
    (tmp_path / "scenarios/web/mine").mkdir(parents=True)
    with pytest.raises(UsageError, match="nothing is ever overwritten"):
        new_lab(KIT, "mine", tmp_path / "labs")
    with pytest.raises(UsageError, match="nothing is ever overwritten"):
        new_scenario(KIT, "web/mine", "branch", tmp_path / "scenarios")
    with pytest.raises(UsageError, match="a lab 'branch' already"):
        new_lab(KIT, "branch", tmp_path / "labs")
    with pytest.raises(UsageError, match="a scenario 'pages-start-slowly' already"):
        new_scenario(KIT, "web/pages-start-slowly", "branch", tmp_path / "scenarios")
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


@pytest.mark.parametrize("name", ["No", "no_page", "", "../up", "a--b", "-a"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a lab"):
        new_lab(KIT, name, tmp_path)
    for where in (f"web/{name}", f"{name}/no-page"):
        with pytest.raises(UsageError):
            new_scenario(KIT, where, "branch", tmp_path)
    with pytest.raises(UsageError, match="has no area"):
        new_scenario(KIT, "no-page", "branch", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_lab(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'branch'"):
        new_scenario(KIT, "web/no-page", "brunch", tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- the verb -------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BREAKFIX_LABS", "")
    monkeypatch.setenv("BREAKFIX_SCENARIOS", "")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lab(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), prog_name="lab")


def test_the_verb_says_how_to_go_on(here: Path) -> None:
    done = lab("new", "lab", "workshop")
    assert done.exit_code == 0
    assert "lab --labs labs validate workshop\n" in done.stdout
    done = lab("--labs", "labs", "new", "scenario", "web/red", "--lab", "workshop", "--to", "my")
    assert done.exit_code == 0
    assert f"lab --labs {here}/labs --scenarios my validate red\n" in done.stdout
    assert f"lab --labs {here}/labs --scenarios my prove red\n" in done.stdout
    assert (here / "my/web/red/scenario.yml").is_file()
    assert lab("--labs", "labs", "--scenarios", "my", "validate", "red").exit_code == 0


def test_a_folder_of_ones_own_is_the_default(here: Path) -> None:
    (here / "mine").mkdir()
    assert (
        lab("--scenarios", "mine", "new", "scenario", "web/red", "--lab", "branch").exit_code == 0
    )
    assert (here / "mine/web/red/scenario.yml").is_file()


def test_a_name_that_is_taken(here: Path) -> None:
    assert lab("new", "lab", "branch").exit_code == 2


@pytest.mark.parametrize("kind", ["lab", "scenario"])
def test_help(kind: str) -> None:
    assert f"lab new {kind}" in lab("new", kind, "--help").stdout
