"""Proofs as JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from lab_runner.models.results import Role, Status
from lab_runner.proving.junit import junit
from lab_runner.proving.matrix import Cell, Clause, Proof, Row


def cell(status: Status, expected: Status, rationale: str = "no answer within 1 s") -> Cell:
    return Cell(
        check="desk-opens-the-page",
        role=Role.SYMPTOM,
        expected=(expected,),
        status=status,
        rationale=rationale,
    )


RIGHT = cell(Status.PASSED, Status.PASSED)
WRONG = cell(Status.FAILED, Status.PASSED)
PROOFS = [
    Proof(
        scenario="no-page-opens",
        seed=3,
        rows=(
            Row(clause=Clause.HEALTHY, state="healthy", cells=(RIGHT,), seconds=1.25),
            Row(clause=Clause.REPAIRED, state="Reload <it> & wait", cells=(WRONG, RIGHT)),
            Row(clause=Clause.CLEAN, state="nothing left", problem="left behind: gw"),
        ),
    ),
    Proof(
        scenario="no-page-opens",
        seed=3,
        repetition=1,
        rows=(Row(clause=Clause.STEADY, state="the lab itself", problem="Docker refused."),),
    ),
]


def test_one_case_for_each_state() -> None:
    top = ET.fromstring(junit(PROOFS))
    assert {key: top.get(key) for key in ("tests", "failures", "errors", "time")} == {
        "tests": "4",
        "failures": "2",
        "errors": "1",
        "time": "1.25",
    }
    assert [suite.get("name") for suite in top] == [
        "no-page-opens seed 3",
        "no-page-opens seed 3 repetition 2",
    ]
    assert [(case.get("classname"), case.get("name")) for case in top[0]] == [
        ("no-page-opens seed 3", "C1 healthy"),
        ("no-page-opens seed 3", "C3 Reload <it> & wait"),
        ("no-page-opens seed 3", "C6 nothing left"),
    ]


def test_a_failure_says_what_was_seen_and_what_was_expected() -> None:
    top = ET.fromstring(junit(PROOFS))
    healthy, repaired, clean = top[0]
    assert list(healthy) == []
    (failure,) = repaired
    assert failure.tag == "failure"
    assert failure.get("message") == "desk-opens-the-page"
    assert failure.text == (
        "desk-opens-the-page (symptom) is failed, should be passed\n"
        "    observed: no answer within 1 s"
    )
    assert clean[0].get("message") == "left behind: gw"
    assert top[1][0][0].tag == "error"


@given(st.text(st.characters()))
def test_whatever_the_network_said_it_is_xml(text: str) -> None:
    row = Row(
        clause=Clause.BROKEN,
        state=text,
        cells=(cell(Status.FAILED, Status.PASSED, text),),
        problem=text,
    )
    document = junit([Proof(scenario="x", seed=1, rows=(row,))]).encode()
    assert len(ET.fromstring(document).findall(".//failure")) == 1
