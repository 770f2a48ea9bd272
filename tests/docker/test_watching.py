"""``lab prove --watch``: one warm lab, and only what changed is seen again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from lab_runner.authoring.skeletons import new_lab, new_scenario
from lab_runner.catalogue import Catalogue
from lab_runner.engine import running
from lab_runner.errors import DefinitionError
from lab_runner.proving.matrix import Row
from lab_runner.proving.watching import Watch
from tests.docker.test_cli_attempt import environment, run

__all__ = ["environment"]  # a fixture, used by name


@pytest.fixture
def file(tmp_path: Path) -> Path:
    labs, scenarios = tmp_path / "labs", tmp_path / "scenarios"
    new_lab(Catalogue((labs,), (scenarios,)), "workshop", labs)
    new_scenario(Catalogue((labs,), (scenarios,)), "basics/one-is-red", "workshop", scenarios)
    return scenarios / "basics/one-is-red/scenario.yml"


@pytest.fixture
def watch(engine: DockerClient, file: Path, tmp_path: Path) -> Iterator[Watch]:
    def read() -> Catalogue:
        return Catalogue((tmp_path / "labs",), (tmp_path / "scenarios",))

    watch = Watch(read, engine, "one-is-red", 4)
    yield watch
    watch.close()
    assert watch.attempt not in {lab.attempt for lab in running.find(engine)}


@pytest.mark.timeout(900)
def test_only_what_changed_is_seen_again(
    watch: Watch, file: Path, environment: dict[str, str]
) -> None:
    seen: list[Row] = []
    first = watch.prove(seen.append)
    assert first.holds
    assert list(first.rows) == seen
    told = " ".join(run(environment, "status").stdout.split())
    assert f"{watch.attempt}: held to its contract by `lab prove`, and nobody's attempt" in told

    text = file.read_text()
    fix = text.index("wrong_fixes:")
    caught = text.index("caught_by: [", fix) + len("caught_by: [")
    file.write_text(text[:caught] + "desk-is-red-always, " + text[caught:])
    assert watch.wait() == [file]
    seen.clear()
    with pytest.raises(DefinitionError, match="desk-is-red-always"):
        watch.prove(seen.append)
    assert not seen

    title = text.index("title: ", fix) + len("title: ")
    file.write_text(text[:title] + "Hastily " + text[title:])
    assert watch.wait() == [file]
    again = watch.prove(seen.append)
    assert again.holds
    assert [row.state.startswith("Hastily ") for row in seen] == [True]
    assert len(again.rows) == len(first.rows)


@pytest.mark.timeout(900)
def test_a_changed_lab_is_built_anew(watch: Watch, file: Path, tmp_path: Path) -> None:
    first: list[Row] = []
    watch.prove(first.append)
    lab = tmp_path / "labs/workshop/lab.yml"
    lab.write_text(lab.read_text() + "\n# One more line.\n")
    assert watch.wait() == [lab]
    second: list[Row] = []
    assert watch.prove(second.append).holds
    assert [row.state for row in second] == [row.state for row in first]
