"""Evidence comes back from its stored form, or says what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_runner.checker.judge import evidence_from_json
from lab_runner.errors import ProbeError
from lab_runner.models.evidence import EVIDENCE, Evidence, to_json

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=3)
OBJECT = st.dictionaries(st.text(max_size=5), JSON, max_size=3)
FREE = {"capture": {"during": OBJECT}, "ping": {"icmp_errors": st.lists(OBJECT, max_size=2)}}
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))


@st.composite
def stored(draw: st.DrawFn) -> tuple[str, Evidence]:
    word = draw(st.sampled_from(sorted(EVIDENCE)))
    evidence: Evidence = draw(st.builds(EVIDENCE[word], **FREE.get(word, {})))
    return word, evidence


@given(stored())
def test_there_and_back_again(kept: tuple[str, Evidence]) -> None:
    text = json.dumps(to_json(*kept))
    assert evidence_from_json(json.loads(text)) == kept


SYSCTL = {"probe": "sysctl", "version": 1, "key": "net.x", "value": "1"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version 2; this kit reads version 1"),
        ({"version": None}, "version None"),
        ({"probe": "telepathy"}, "evidence of 'telepathy'; known are dns, tcp"),
        ({"surplus": 1}, "evidence of sysctl: surplus: Unexpected keyword argument"),
        ({"value": 1}, "evidence of sysctl: value: Input should be a valid string"),
        ({"key": None}, "evidence of sysctl: key: Input should be a valid string"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, object], message: str) -> None:
    with pytest.raises(ProbeError, match=message):
        evidence_from_json(SYSCTL | change)


def test_a_field_that_is_missing() -> None:
    with pytest.raises(ProbeError, match="value: Field required"):
        evidence_from_json({"probe": "sysctl", "version": 1, "key": "net.x"})


@pytest.mark.parametrize("data", [None, [], "x"])
def test_what_is_no_object(data: Any) -> None:
    with pytest.raises(ProbeError, match="JSON object"):
        evidence_from_json(data)


def test_a_nested_surplus_is_refused_too() -> None:
    target = {"name": "a", "address": None, "source": None, "surplus": 1}
    data = {"probe": "tcp", "version": 1, "target": target, "port": 1, "outcome": "open"}
    with pytest.raises(ProbeError, match=r"target\.surplus"):
        evidence_from_json(data)
