"""Labs and scenarios of one's own, beside the kit's."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lab_runner.attempts.folders import folders_of, missing, require_folders
from lab_runner.catalogue import Catalogue
from lab_runner.cli import complete
from lab_runner.cli.main import app
from lab_runner.cli.session import catalogue
from lab_runner.errors import UnknownName
from tests.conftest import DATA

OWN = ("--labs", str(DATA / "labs"), "--scenarios", str(DATA / "scenarios"))
SCENARIO = "far-side-unreachable"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREAKFIX_LABS", "")
    monkeypatch.setenv("BREAKFIX_SCENARIOS", "")


def lab(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), prog_name="lab")


def rows(*options: str) -> dict[str, str | None]:
    listed = json.loads(lab(*options, "list", "--json").stdout)
    return {row["id"]: row["folder"] for row in listed}


def test_folders_stand_beside_ours() -> None:
    ours = rows()
    assert SCENARIO not in ours
    assert set(ours.values()) == {None}
    both = rows(*OWN)
    assert both == {**ours, SCENARIO: OWN[3], "no-page-opens": OWN[3]}
    assert f"from {OWN[3]}" in lab(*OWN, "list").stdout


def test_an_option_adds_to_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(DATA / "scenarios/web/no-page-opens", tmp_path / "web/other")
    monkeypatch.setenv("BREAKFIX_LABS", OWN[1])
    monkeypatch.setenv("BREAKFIX_SCENARIOS", OWN[3])
    found = rows("--scenarios", str(tmp_path))
    assert {"other", SCENARIO} <= set(found)


def test_a_folder_may_be_named_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DATA)
    assert SCENARIO in rows(*OWN, *OWN, "--scenarios", "scenarios/")
    monkeypatch.chdir(Path(__file__).parents[2])
    assert rows("--labs", "labs", "--scenarios", "scenarios")


def test_a_folder_is_remembered_by_its_full_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DATA)
    lab("--labs", "labs", "version")
    assert os.environ["BREAKFIX_LABS"] == OWN[1]


@pytest.mark.parametrize("option", ["--labs", "--scenarios"])
def test_no_such_folder(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lab(option, "/nonexistent", "list").exit_code == 2
    monkeypatch.setenv(f"BREAKFIX_{option[2:].upper()}", "/nonexistent")
    done = lab("list")
    assert done.exit_code == 2
    assert "/nonexistent is no folder." in done.stderr
    assert f"BREAKFIX_{option[2:].upper()} names it" in done.stderr
    assert list(complete.scenarios("")) == []


def test_a_name_is_given_once(tmp_path: Path) -> None:
    shutil.copytree(DATA / "scenarios/web/no-page-opens", tmp_path / "dns/pages-start-slowly")
    done = lab("--scenarios", str(tmp_path), "list")
    assert done.exit_code == 2
    told = " ".join(done.stderr.split())
    assert "'pages-start-slowly' is already defined in" in told
    assert "rename one of the two folders" in told


def test_a_scenario_without_its_lab() -> None:
    done = lab("--scenarios", OWN[3], "show", SCENARIO)
    assert done.exit_code == 2
    assert "lab 'pair' is unknown" in done.stderr
    assert "lab --labs DIR" in done.stderr


# --- a lab that runs ------------------------------------------------------------


def own() -> Catalogue:
    lab(*OWN, "version")
    return catalogue()


def test_where_a_scenario_and_its_lab_come_from() -> None:
    assert folders_of(own(), SCENARIO, "pair") == {"labs": OWN[1], "scenarios": OWN[3]}
    assert folders_of(own(), "pages-start-slowly", "branch") == {}


def test_nothing_is_missing() -> None:
    assert missing(own(), SCENARIO, "pair") == []
    require_folders(own(), SCENARIO, "pair", {})


@pytest.mark.parametrize(
    ("scenario", "home", "message", "options"),
    [
        (SCENARIO, "pair", "lab 'pair' and scenario 'far-side-unreachable'", OWN),
        ("pages-start-slowly", "pair", "lab 'pair' of", OWN[:2]),
        (SCENARIO, "branch", "scenario 'far-side-unreachable' of", OWN[2:]),
    ],
)
def test_the_missing_option_is_named(
    shipped: Catalogue, scenario: str, home: str, message: str, options: tuple[str, ...]
) -> None:
    told = {"labs": OWN[1], "scenarios": OWN[3]}
    with pytest.raises(UnknownName, match=message) as caught:
        require_folders(shipped, scenario, home, told)
    assert f"`lab {' '.join(options)} VERB`" in caught.value.hint
    with pytest.raises(UnknownName) as caught:
        require_folders(shipped, scenario, home, {})
    unknown = " ".join(f"{option} DIR" for option in options[::2])
    assert f"`lab {unknown} VERB`" in caught.value.hint
