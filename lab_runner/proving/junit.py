"""Proofs as JUnit XML, which build servers read: one test case for each state of each proof."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from lab_runner.proving.matrix import Cell, Clause, Proof, Row

#: What XML 1.0 (section 2.2) cannot hold, not even escaped.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(proofs: Iterable[Proof]) -> str:
    """The whole document."""
    suites = [_suite(proof) for proof in proofs]
    top = ET.Element("testsuites", name="lab prove")
    for key in ("tests", "failures", "errors"):
        top.set(key, str(sum(int(suite.get(key, 0)) for suite in suites)))
    top.set("time", f"{sum(float(suite.get('time', 0)) for suite in suites):.2f}")
    top.extend(suites)
    ET.indent(top)
    return ET.tostring(top, encoding="unicode", xml_declaration=True) + "\n"


def _suite(proof: Proof) -> ET.Element:
    name = f"{proof.scenario} seed {proof.seed}"
    if proof.repetition:
        name += f" repetition {proof.repetition + 1}"
    cases = [_case(name, row) for row in proof.rows]
    suite = ET.Element("testsuite", name=name, tests=str(len(cases)))
    for key in ("failure", "error"):
        suite.set(f"{key}s", str(sum(case.find(key) is not None for case in cases)))
    suite.set("time", f"{sum(row.seconds for row in proof.rows):.2f}")
    suite.extend(cases)
    return suite


def _case(suite: str, row: Row) -> ET.Element:
    case = ET.Element("testcase", classname=suite, name=_clean(f"{row.clause} {row.state}"))
    case.set("time", f"{row.seconds:.2f}")
    if row.wrong:
        case.append(_complaint(row))
    return case


def _complaint(row: Row) -> ET.Element:
    """A failure; an error where the lab itself gave up, so that nothing was proven either way."""
    wrong = [cell for cell in row.cells if cell.wrong]
    heading = row.problem or ", ".join(cell.check for cell in wrong)
    kind = "error" if row.clause is Clause.STEADY else "failure"
    told = ET.Element(kind, type=str(row.clause), message=_clean(heading))
    told.text = _clean("\n".join([row.problem or "", *map(_sentence, wrong)]).strip())
    return told


def _sentence(cell: Cell) -> str:
    expected = " or ".join(cell.expected)
    return (
        f"{cell.check} ({cell.role}) is {cell.status}, should be {expected}\n"
        f"    observed: {cell.rationale}"
    )


def _clean(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
