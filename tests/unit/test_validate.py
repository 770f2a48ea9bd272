"""Validation: which files, which rules, which variants; the messages are in test_author_errors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from copy import deepcopy
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from lab_runner.authoring.findings import Severity
from lab_runner.authoring.manners import pasteable
from lab_runner.authoring.validating import Validation, validate
from lab_runner.catalogue import Catalogue
from lab_runner.cli.main import app
from lab_runner.errors import UnknownName
from tests.conftest import DATA

SMALLEST = "scenarios/basics/far-side-unreachable/scenario.yml"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(DATA, tmp_path, dirs_exist_ok=True)
    return tmp_path


def looked(folder: Path, *words: str, seeds: int = 3) -> Validation:
    catalogue = Catalogue((folder / "labs",), (folder / "scenarios",))
    return validate(catalogue, words, seeds=seeds)


def messages(found: Validation) -> list[str]:
    return [one.message for one in found.findings]


def replace(file: Path, right: str, wrong: str) -> None:
    text = file.read_text()
    assert right in text
    file.write_text(text.replace(right, wrong))


def test_what_is_shipped_has_no_errors(shipped: Catalogue) -> None:
    found = validate(shipped, seeds=8)
    assert [one for one in found.findings if one.severity is Severity.ERROR] == []
    assert set(found.scenarios) == set(shipped.scenario_ids())
    assert set(found.labs) == set(shipped.lab_ids())
    assert all(row.faults > 1 for row in found.variants)


def test_the_test_data_is_clean(small: Catalogue) -> None:
    found = validate(small, seeds=8)
    assert found.findings == ()
    assert {(row.scenario, row.parameter_sets, row.faults) for row in found.variants} == {
        ("far-side-unreachable", 1, 1),
        ("no-page-opens", 2, 1),  # one parameter, which its fault does not name
    }


def test_faults_are_told_apart_by_more_than_addresses(copy: Path) -> None:
    file = copy / "scenarios/web/no-page-opens/scenario.yml"
    replace(file, "way: {choice: [written, typed]}", "way: {choice: [0, 1, 2, 3]}")
    replace(file, "ip_forward = 0", "ip_forward = 0 # {{ way }} {{ nodes.gw.address }}")
    (row,) = looked(copy, "no-page-opens", seeds=40).variants
    assert (row.seeds, row.parameter_sets, row.faults) == (40, 4, 4)
    replace(file, "# {{ way }}", "# {{ segments.lan.host(way + 1) }}")
    (row,) = looked(copy, "no-page-opens", seeds=40).variants
    assert (row.parameter_sets, row.faults) == (4, 1)


@pytest.mark.parametrize(
    ("words", "labs", "scenarios"),
    [
        ((), {"mini", "pair"}, {"no-page-opens", "far-side-unreachable"}),
        (("mini",), {"mini"}, set()),
        (("no-page-opens",), {"mini"}, {"no-page-opens"}),
        (("{}/labs/pair/lab.yml",), {"pair"}, set()),
        (("{}/labs/mini/nodes/gw/etc/dnsmasq.d/mini.conf.j2",), {"mini"}, set()),
        (("{}/scenarios/basics",), {"pair"}, {"far-side-unreachable"}),
        (("{}", "mini"), {"mini", "pair"}, {"no-page-opens", "far-side-unreachable"}),
    ],
)
def test_what_is_meant(
    copy: Path, words: tuple[str, ...], labs: set[str], scenarios: set[str]
) -> None:
    found = looked(copy, *(word.format(copy) for word in words))
    assert (set(found.labs), set(found.scenarios)) == (labs, scenarios)
    assert found.findings == ()


def test_files_that_no_catalogue_knows(
    copy: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    found = validate(Catalogue((elsewhere,), (elsewhere,)), [str(copy)], seeds=2)
    assert set(found.labs) == {"mini", "pair"}
    assert found.findings == ()


@pytest.mark.parametrize("word", ["no-page-open", "{}/nothing", "{}/labs/mini/nodes/web/srv"])
def test_what_means_nothing(copy: Path, word: str) -> None:
    with pytest.raises(UnknownName):
        looked(copy, word.format(copy))


def test_one_damaged_file_hides_no_other(copy: Path) -> None:
    (copy / "labs/pair/lab.yml").write_text("summary: [\n")
    replace(copy / "scenarios/web/no-page-opens/scenario.yml", "level: 1", "level: 9")
    found = messages(looked(copy))
    assert "level: Input should be less than or equal to 5" in found
    assert any("not YAML" in message for message in found)


def test_everything_in_a_lab_at_once(copy: Path) -> None:
    file = copy / "labs/mini/lab.yml"
    replace(file, "eth1: {segment: dmz, host: 1}", "eth1: {segment: dmx, host: 1}")
    replace(file, "host: 2, gateway: gw", "host: 2, gateway: wbe")
    replace(file, "title: The desk can ping the router", "titel: The desk can ping the router")
    found = messages(looked(copy, "mini"))
    assert len(found) == 3
    for name in ("segment 'dmx'", "node 'wbe'", "key 'titel'"):
        assert any(name in message and "Did you mean" in message for message in found)


def test_every_file_of_a_node_is_filled_in(copy: Path) -> None:
    nodes = copy / "labs/mini/nodes"
    (nodes / "gw/etc/one.j2").write_text("a\n{{ nothing }}\n")
    (nodes / "web/etc/two.j2").write_text("a\nb\n{% if %}\n")
    (nodes / "web/etc/three.j2").write_text("{{ 1 // 0 }}\n")
    found = looked(copy, "mini").findings
    assert [(Path(one.path).name, one.line) for one in found] == [
        ("one.j2", 2),
        ("three.j2", 1),
        ("two.j2", 3),
    ]


def test_a_scenario_of_a_broken_lab_is_looked_at_still(copy: Path) -> None:
    replace(copy / "labs/mini/lab.yml", "segment: lan, host: 1", "segment: lam, host: 1")
    replace(copy / "scenarios/web/no-page-opens/scenario.yml", "minutes: 5", "minutes: 0")
    found = messages(looked(copy, "no-page-opens"))
    assert any("segment 'lam'" in message for message in found)
    assert "minutes: Input should be greater than or equal to 1" in found


def places(data: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every value."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        yield (*at, key)
        if isinstance(value, dict | list):
            yield from places(value, (*at, key))


@pytest.mark.parametrize("odd", [None, 5, {"x": None}], ids=str)
@pytest.mark.parametrize(
    "name", ["labs/pair/lab.yml", "scenarios/basics/far-side-unreachable/scenario.yml"]
)
def test_whatever_stands_anywhere_there_are_findings_and_no_crash(
    copy: Path, name: str, odd: Any
) -> None:
    right = yaml.safe_load((copy / name).read_text())
    for *way, last in places(right):
        data = deepcopy(right)
        reduce(getitem, way, data)[last] = odd
        (copy / name).write_text(yaml.safe_dump(data, sort_keys=False))
        looked(copy, str(copy / name), seeds=1)


def test_names_are_no_taste(copy: Path) -> None:
    shutil.move(copy / "scenarios/web", copy / "scenarios/My_Area")
    shutil.move(copy / "scenarios/My_Area/no-page-opens", copy / "scenarios/My_Area/NoPage")
    shutil.move(copy / "labs/pair", copy / "labs/Pair 2")
    found = messages(looked(copy))
    for what in ("lab 'Pair 2'", "area 'My_Area'", "scenario 'NoPage'"):
        assert any(m.startswith(f"{what} is not in kebab-case") for m in found)


def test_a_symptom_of_some_variants_may_be_silenced(copy: Path) -> None:
    file = copy / "scenarios/web/no-page-opens/scenario.yml"
    own = "\"{{ 'desk-finds-the-web-server' if way == 'typed' else '' }}\""
    replace(file, "symptoms: [", f"symptoms: [{own}, ")
    replace(file, "silenced: [", "silenced: [desk-finds-the-web-server, ")
    assert looked(copy, "no-page-opens").findings == ()


def test_a_reference_is_given_once(copy: Path) -> None:
    for file in copy.glob("scenarios/*/*/scenario.yml"):
        replace(file, "level: 1", "level: 1\nref: X1")
    both = [m for m in messages(looked(copy)) if "ref 'X1'" in m]
    assert len(both) == 2
    (one,) = looked(copy, "no-page-opens").findings
    assert one.message == "ref 'X1' is also that of far-side-unreachable"


def test_a_name_twice_in_files_that_are_given(copy: Path) -> None:
    shutil.copytree(copy / "labs/mini", copy / "more/mini")
    found = messages(looked(copy, str(copy / "more/mini")))
    assert found == [f"'mini' is already defined in {copy / 'labs/mini/lab.yml'}"]


@pytest.mark.parametrize(
    "hint",
    [
        "sudo nft list ruleset",
        "Look at it:\n\n    ip route add default via 10.0.0.1\n",
        "$ cat /etc/resolv.conf",
        "Say `systemctl restart nginx`.",
        "Try `dig +short www.example.org` there.",
        "echo 1 > /proc/sys/net/ipv4/ip_forward",
        "sed -i s/a/b/ /etc/hosts",
        "First this.\nsystemctl reload unbound.",
        "reboot now",
    ],
)
def test_what_can_be_pasted(hint: str) -> None:
    assert pasteable(hint)


@pytest.mark.parametrize(
    "hint",
    [
        "ssh in its verbose mode prints the address. Whose is it?",
        "The chain `postrouting` of table `ip nat` on gw, in /etc/nftables.conf.",
        "Ping the router, then what lies behind it.",
        "Ask with `dig`, and read `/etc/resolv.conf`.",
        "sshd reads ~/.ssh/authorized_keys with the rights of the account.",
        "Look at the\nhost that answers, and at nothing else.",
        "sysctl",
    ],
)
def test_what_cannot(hint: str) -> None:
    assert pasteable(hint) == ""


def test_shipped_hints_can_be_pasted_nowhere(shipped: Catalogue) -> None:
    found = validate(shipped, seeds=8)
    assert not [message for message in messages(found) if "can be pasted" in message]


# --- the verb -------------------------------------------------------------------


def lab(monkeypatch: pytest.MonkeyPatch, folder: Path, *words: str) -> Result:
    monkeypatch.setenv("BREAKFIX_LABS", str(folder / "labs"))
    monkeypatch.setenv("BREAKFIX_SCENARIOS", str(folder / "scenarios"))
    return CliRunner().invoke(app, ["validate", *words], prog_name="lab")


def test_clean(monkeypatch: pytest.MonkeyPatch, copy: Path) -> None:
    done = lab(monkeypatch, copy, "no-page-opens", "mini", "--seeds", "2")
    assert done.exit_code == 0
    assert "1 lab, 1 scenario: nothing is wrong." in done.stdout


def test_a_warning_is_no_error_unless_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch, copy: Path
) -> None:
    file = copy / "scenarios/web/no-page-opens/scenario.yml"
    replace(file, "I did nothing.", "It is the forwarding.")
    monkeypatch.chdir(copy)
    done = lab(monkeypatch, copy, "no-page-opens")
    assert done.exit_code == 0
    assert "scenarios/web/no-page-opens/scenario.yml:7:1: warning: the ticket" in done.stdout
    assert lab(monkeypatch, copy, "no-page-opens", "--strict").exit_code == 2


def test_json(monkeypatch: pytest.MonkeyPatch, copy: Path) -> None:
    file = copy / "scenarios/web/no-page-opens/scenario.yml"
    replace(file, "level: 1", "level: 9")
    replace(file, "I did nothing.", "{{ 'x' if way == 'typed' else nothing }}")
    done = lab(monkeypatch, copy, "no-page-opens", "--seeds", "5", "--json")
    assert done.exit_code == 2
    told = json.loads(done.stdout)
    assert (told["errors"], told["warnings"], told["seeds"]) == (2, 0, 5)
    level, template = told["findings"]
    assert level == {
        "file": str(file),
        "line": 4,
        "column": 1,
        "severity": "error",
        "message": "level: Input should be less than or equal to 5",
        "seeds": [],
    }
    assert set(template["seeds"]) < {1, 2, 3, 4, 5}
    assert told["variants"][0]["scenario"] == "no-page-opens"
