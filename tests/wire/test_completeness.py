"""Nothing is half there: each probe has its instrument, evidence, judge and wire tests."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from lab_runner.checker.judge.table import JUDGES
from lab_runner.errors import ProbeError
from lab_runner.models.evidence import EVIDENCE
from lab_runner.models.probes import PROBES
from lab_runner.switchboard import probes

#: The engine runs it, in the node: there is nothing to ask on the wire.
ELSEWHERE = {"command"}


@pytest.mark.parametrize("word", PROBES)
def test_each_probe_has_evidence_and_a_judge(word: str) -> None:
    assert word in EVIDENCE
    assert word in JUDGES


@pytest.mark.parametrize("word", sorted(set(PROBES) - ELSEWHERE))
def test_each_probe_has_an_instrument_and_wire_tests(word: str) -> None:
    assert callable(probes.load(word).ask)
    assert importlib.util.find_spec(f"tests.wire.test_{word}") is not None


def test_nothing_else_is_in_the_tables() -> None:
    assert set(probes.MODULES) == set(PROBES) - ELSEWHERE
    assert set(EVIDENCE) == set(JUDGES) == set(PROBES)


def test_every_module_is_in_the_table() -> None:
    folder = Path(next(iter(probes.__path__)))
    modules = {file.stem for file in folder.glob("*.py") if not file.stem.startswith("_")}
    assert modules == set(probes.MODULES.values())


def test_an_unknown_word_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ProbeError, match=r"no probe 'telepathy'.*dns, tcp"):
        probes.load("telepathy")
