"""The schemas for editors: in step with the models, and with every file there is."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from lab_runner.authoring.schema import What, schema
from lab_runner.cli.main import app
from lab_runner.models.source import parse
from tests.conftest import DATA

ROOT = Path(__file__).parents[2]
LABS = sorted([*ROOT.glob("labs/*/lab.yml"), *DATA.glob("labs/*/lab.yml")])
SCENARIOS = sorted(file for top in (ROOT, DATA) for file in top.glob("scenarios/*/*/scenario.yml"))
FILES = [
    *(pytest.param(What.LAB, file, id=file.parent.name) for file in LABS),
    *(pytest.param(What.SCENARIO, file, id=file.parent.name) for file in SCENARIOS),
]
LAB = parse(DATA / "labs/mini/lab.yml").data
SCENARIO = parse(DATA / "scenarios/web/no-page-opens/scenario.yml").data


def complaints(what: What, data: Any) -> list[str]:
    found = jsonschema.Draft202012Validator(schema(what)).iter_errors(data)
    return [f"{error.json_path}: {error.message}" for error in found]


@pytest.mark.parametrize("what", What)
def test_the_copy_in_docs_is_in_step(what: What) -> None:
    """After a change of the models: ``lab schema lab > docs/schema/lab.schema.json``."""
    copy = json.loads((ROOT / f"docs/schema/{what}.schema.json").read_text())
    assert copy == schema(what)


@pytest.mark.parametrize("what", What)
def test_it_is_a_schema(what: What) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(what))


@pytest.mark.parametrize(("what", "file"), FILES)
def test_every_file_is_valid(what: What, file: Path) -> None:
    assert complaints(what, parse(file).data) == []


@pytest.mark.parametrize(
    ("what", "way", "value", "said"),
    [
        (What.LAB, ("summry",), "x", "'summry' was unexpected"),
        (What.LAB, ("nodes", "gw", "colour"), "blue", "'colour' was unexpected"),
        (What.LAB, ("nodes", "gw", "kind"), "switch", "$.nodes.gw.kind"),
        (What.LAB, ("nodes", "desk", "interfaces", "eth0", "host"), "x", "eth0.host"),
        (What.LAB, ("parameters", "word"), {"choice": [1], "integer": None}, "$.parameters.word"),
        (What.LAB, ("parameters", "lan", "subnet", "prefix"), "{{ 24 }}", "subnet"),
        (What.LAB, ("health", 0, "pong"), {}, "$.health[0]"),
        (What.LAB, ("health", 0, "http"), {"url": "x"}, "$.health[0]"),
        (What.SCENARIO, ("level",), 9, "$.level"),
        (What.SCENARIO, ("level",), "hard", "$.level"),
        (What.SCENARIO, ("hints",), ["one"], "$.hints"),
        (What.SCENARIO, ("diagnosis", "layer"), "presentation", "$.diagnosis.layer"),
        (What.SCENARIO, ("fault", 0, "run"), "true", "$.fault[0]"),
        (What.SCENARIO, ("wrong_fixes", 0, "caught_bye"), [], "caught_bye"),
    ],
)
def test_what_is_wrong_is_not_valid(
    what: What, way: tuple[Any, ...], value: Any, said: str
) -> None:
    data = deepcopy(LAB if what is What.LAB else SCENARIO)
    inner: Any = data
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = value
    found = complaints(what, data)
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    ("what", "way", "value"),
    [
        (What.LAB, ("nodes", "gw", "kind"), "{{ kind }}"),
        (What.LAB, ("nodes", "gw", "access"), "{{ open }}"),
        (What.LAB, ("segments", "lan", "subnet"), "{{ lan }}"),
        (What.LAB, ("health", 0, "within"), "{% if slow %}9{% else %}2{% endif %}"),
        (What.SCENARIO, ("diagnosis", "layer"), "{{ case.layer }}"),
        (What.SCENARIO, ("level",), "{{ level }}"),
    ],
)
def test_a_template_may_stand_anywhere(what: What, way: tuple[Any, ...], value: str) -> None:
    data = deepcopy(LAB if what is What.LAB else SCENARIO)
    inner: Any = data
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = value
    assert complaints(what, data) == []


@pytest.mark.parametrize("what", What)
def test_every_key_is_described(what: What) -> None:
    made = schema(what)
    for name, one in {"": made, **made["$defs"]}.items():
        assert one["description"], name
        if not name.endswith("Probe"):
            for key, value in one.get("properties", {}).items():
                known = "description" in value or "Probe" in json.dumps(value)
                assert known, f"{name}.{key}"


def test_words_are_those_of_the_models() -> None:
    defs = schema(What.LAB)["$defs"]
    assert defs["Interface"]["properties"]["gateway"]["description"] == (
        "The node that is the default gateway, on this segment."
    )
    assert defs["Check"]["properties"]["from"]["description"].startswith("The node from which")
    assert defs["DnsProbe"]["properties"]["max_ms"]["description"].startswith("Expected: the slow")
    assert "Attributes" not in json.dumps(defs)


@pytest.mark.parametrize("what", What)
def test_the_verb_prints_it(what: What) -> None:
    done = CliRunner().invoke(app, ["schema", what.value], prog_name="lab")
    assert json.loads(done.stdout) == schema(what)


def test_of_another_file_there_is_none() -> None:
    done = CliRunner().invoke(app, ["schema", "scenarios"], prog_name="lab")
    assert done.exit_code == 2
    assert "Did you mean 'scenario'?" in done.stderr
