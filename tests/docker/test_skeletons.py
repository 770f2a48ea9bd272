"""What ``lab new`` writes holds the contract as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from docker import DockerClient

from lab_runner.authoring.skeletons import new_lab, new_scenario
from lab_runner.catalogue import Catalogue
from lab_runner.proving.contract import plans, prove


@pytest.mark.timeout(900)
def test_a_new_scenario_on_a_new_lab_holds_the_contract(
    engine: DockerClient, tmp_path: Path
) -> None:
    catalogue = Catalogue((tmp_path / "labs",), (tmp_path / "scenarios",))
    new_lab(catalogue, "workshop", tmp_path / "labs")
    catalogue = Catalogue((tmp_path / "labs",), (tmp_path / "scenarios",))
    new_scenario(catalogue, "basics/one-is-red", "workshop", tmp_path / "scenarios")
    catalogue = Catalogue((tmp_path / "labs",), (tmp_path / "scenarios",))
    (proof,) = prove(engine, plans(catalogue, ["one-is-red"], seeds=[4]))
    wrong = [
        (row.clause, row.state, row.problem, [cell for cell in row.cells if cell.wrong])
        for row in proof.rows
        if row.wrong
    ]
    assert not wrong
    assert {row.clause.value for row in proof.rows} >= {"C1", "C2", "C3", "C4", "C5", "C6", "C7"}
