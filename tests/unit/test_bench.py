"""What `make bench` does with its figures, and the data that it measures with."""

from __future__ import annotations

import os
import signal
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from bench import network, page, plots, verbs
from bench.__main__ import DOCS, main, write
from bench.ending import undisturbed
from bench.figures import Figures, NotMeasured
from bench.targets import TARGETS
from lab_runner.authoring.validating import validate
from lab_runner.planning.plan import make_plan

_FIGURES = DOCS / "performance" / "figures.json"
#: Each target is reached with the first, and missed with the second.
WELL, ILL = 1.0, 1000.0


def made(kit: float = WELL) -> Figures:
    """Figures of two runs in which everything of the kit takes so long; all else takes 10."""
    figures = Figures(machine={
        "cores": 2, "memory_gib": 24, "kernel": "6.18", "engine": "20.10", "python": "3.11",
        "compose": "2.26", "runs": 2, "busy_before": 0.0,
    })  # fmt: skip
    for way in page.WAYS:
        for what in ("ready_s", "done_s", "cpu_s", "gone_s", "memory_mib", "held_mib"):
            figures.add(f"{way}.{what}", *([kit, kit] if way == "kit" else [9.0, 11.0]))
    figures.add("help_s", kit / 10)
    for lab in page.LABS:
        for what in page.VERBS:
            figures.add(f"{lab}.{what}", kit / 10, kit / 5)
    figures.series["office.start_s"] = [10.0]
    for size in (1, 2, 20):
        for what in ("start_s", "all_s", "cpu_s", "check_s", "check_cpu_s", "memory_mib", "gone_s"):
            figures.add(f"crowd{size}.{what}", kit)
    figures.add("crowd20.failed", 0.0 if kit == WELL else 3.0)
    if kit == ILL:  # twenty take forty times as long as one, and work no more
        figures.series["crowd20.start_s"] = [40 * kit]
    return figures


def blank() -> str:
    return "By hand.\n" + "".join(
        f"\n<!-- bench: {name} -->\n<!-- end -->\nAfter {name}.\n" for name in page.BLOCKS
    )


# --- figures --------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_taking_away_is_not_interrupted_in_the_middle(number: signal.Signals) -> None:
    before, taken = signal.getsignal(number), list[str]()

    def take_away() -> None:
        with undisturbed():
            taken.append("one")
            os.kill(os.getpid(), number)
            taken.append("the other")

    with pytest.raises(KeyboardInterrupt):
        take_away()
    assert taken == ["one", "the other"]
    assert signal.getsignal(number) is before
    with undisturbed():
        taken.append("more")
    assert signal.getsignal(number) is before


def test_figures_are_read_as_they_were_written(tmp_path: Path) -> None:
    figures = made()
    figures.absent["bare"] = "needs root"
    (tmp_path / "figures.json").write_text(figures.to_json())
    assert Figures.read(tmp_path / "figures.json") == figures


def test_what_was_not_measured_has_no_median_and_no_ratio() -> None:
    figures = Figures()
    figures.add("here_s", 1.0, 2.0, 9.0)
    assert figures.median("here_s") == 2.0
    assert figures.median("not_s") is None
    assert figures.ratio("here_s", "not_s") is None
    assert figures.ratio("not_s", "here_s") is None


def test_figures_of_another_version_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "figures.json").write_text('{"version": 0}')
    with pytest.raises(NotMeasured, match="version 0"):
        Figures.read(tmp_path / "figures.json")


# --- targets --------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.text)
def test_a_target_is_reached_by_its_figures_alone(target: object) -> None:
    assert target in TARGETS
    for one in TARGETS:
        assert one.reached(made(WELL)) is True, one.text
        assert one.reached(made(ILL)) is False, one.text
        assert one.reached(Figures()) is None, one.text


def test_each_target_is_on_the_page_with_what_was_measured() -> None:
    rows = page.targets(made(ILL)).splitlines()[2:]
    assert len(rows) == len(TARGETS)
    assert all(row.endswith("| **no** |") for row in rows)
    assert all(row.endswith("| yes |") for row in page.targets(made()).splitlines()[2:])


# --- the page -------------------------------------------------------------------------


def test_what_was_written_by_hand_stays() -> None:
    once = page.filled(blank(), made())
    again = page.filled(once, made(ILL))
    for text in ("By hand.", *(f"After {name}." for name in page.BLOCKS)):
        assert once.count(text) == again.count(text) == 1
    assert once != again
    assert page.filled(again, made()) == once


def test_a_block_without_a_place_is_an_error() -> None:
    with pytest.raises(ValueError, match="0 places for crowd"):
        page.filled(blank().replace("bench: crowd", "bench: crew"), made())


def test_a_comparison_that_is_missing_is_told_with_its_reason() -> None:
    figures = made()
    figures.series = {k: v for k, v in figures.series.items() if not k.startswith("compose.")}
    figures.machine["compose"] = ""
    figures.absent["compose"] = "the engine has no networks"
    text = page.filled(blank(), figures)
    assert "no Docker Compose" in text
    (row,) = [line for line in page.ways(figures).splitlines() if line.startswith("| compose")]
    assert "the engine has no networks" in row
    rows = [line for line in page.targets(figures).splitlines() if "compose" in line]
    assert rows
    assert all("the engine has no networks | ? |" in line for line in rows)


def test_a_number_of_labs_that_did_not_fit_is_told_with_its_reason() -> None:
    figures = made()
    figures.series = {k: v for k, v in figures.series.items() if not k.startswith("crowd20")}
    figures.absent["crowd20"] = "the next machine would die"
    assert "| 20 | the next machine would die |" in page.crowd(figures)


def test_a_busy_machine_is_told() -> None:
    figures = made()
    assert "busy" not in page.machine(figures)
    figures.machine["busy_before"] = 0.42
    assert "**The machine was busy**: others used 42%" in page.machine(figures)


def test_a_spread_has_three_figures() -> None:
    assert page.spread([1.234]) == "1.23"
    assert page.spread([0.5, 10.04, 123.4]) == "10.0 (0.50–123)"  # noqa: RUF001


def test_the_page_is_that_of_its_figures() -> None:
    text = (DOCS / "performance.md").read_text()
    assert page.filled(text, Figures.read(_FIGURES)) == text


def test_the_page_shows_pictures_that_are_there() -> None:
    text = (DOCS / "performance.md").read_text()
    for name in plots.drawn(made()):
        assert f"](performance/{name})" in text
        assert (DOCS / "performance" / name).exists()


def test_a_page_is_drawn_again_without_measuring(tmp_path: Path) -> None:
    (tmp_path / "performance.md").write_text(blank())
    figures = made()
    del figures.series["bare.ready_s"]
    figures.add("bare.ready_s", 1.04503)  # 1.05 s, and 1.04 once it was rounded to be kept
    write(figures, tmp_path)
    before = {path: path.read_text() for path in tmp_path.rglob("*.*")}
    assert main(["--redraw", "--docs", str(tmp_path)]) == 0
    assert {path: path.read_text() for path in tmp_path.rglob("*.*")} == before


# --- pictures -------------------------------------------------------------------------


def test_the_same_figures_give_the_same_pictures() -> None:
    first = plots.drawn(made())
    assert set(first) == {"ways.svg", "verbs.svg", "crowd.svg"}
    assert plots.drawn(made()) == first


@pytest.mark.parametrize("name", ["ways.svg", "verbs.svg", "crowd.svg"])
def test_a_picture_suits_light_and_dark_pages(name: str) -> None:
    svg = plots.drawn(made())[name]
    root = ElementTree.fromstring(svg)
    colours = {
        part.strip()
        for element in root.iter()
        for part in element.get("style", "").split(";")
        if "#" in part and "url(#" not in part
    }
    assert not colours
    assert "prefers-color-scheme: dark" in svg
    assert "<dc:date>" not in svg


def test_what_was_not_measured_is_not_drawn() -> None:
    assert plots.drawn(Figures()) == {}


# --- the network ----------------------------------------------------------------------


def test_all_ways_build_the_network_of_the_lab() -> None:
    lab = yaml.safe_load((network.LABS / "office" / "lab.yml").read_text())
    subnets = {name: IPv4Network(one["subnet"]) for name, one in lab["segments"].items()}

    def cable(told: dict[str, Any]) -> network.Cable:
        subnet = subnets[told["segment"]]
        return network.Cable(told["segment"], f"{subnet[told['host']]}/{subnet.prefixlen}")

    wanted = {
        name: [cable(told) for told in node["interfaces"].values()]
        for name, node in lab["nodes"].items()
    }
    assert {one.name: one.cables for one in network.machines()} == wanted


def test_all_ways_use_the_lab_files_and_its_images() -> None:
    for one in network.machines():
        for here, there in one.files.items():
            assert here == network.LABS / "office" / "nodes" / one.name / there.lstrip("/")
            assert here.exists()
        assert one.image in network.image_tags().values()


def test_the_office_has_twelve_checks_and_none_that_waits_for_silence() -> None:
    plan = make_plan(verbs.catalogue(), verbs.OFFICE.scenario, 1)
    assert len(plan.checks) == 12
    assert not [check.id for check in plan.checks if check.ends_in_silence]


def test_each_scenario_that_is_measured_makes_one_check_red() -> None:
    for case in (verbs.OFFICE, verbs.BRANCH):
        told = make_plan(verbs.catalogue(), case.scenario, 1).scenario
        assert told is not None
        assert len(told.symptoms) == 1


def test_the_lab_and_its_scenario_have_nothing_wrong() -> None:
    found = validate(verbs.catalogue(), [str(network.LABS), str(network.SCENARIOS)], seeds=1)
    assert found.labs == ("office",)
    assert found.scenarios == (verbs.OFFICE.scenario,)
    assert not found.findings
