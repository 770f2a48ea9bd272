"""Drawing: the same seed, the same case, for ever and on every machine."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lab_runner.errors import DefinitionError
from lab_runner.models.parameters import Parameter, draw, draw_bytes, draw_number

SEEDS = st.integers(min_value=0, max_value=2**63)


def parameters(**raw: Any) -> dict[str, Parameter]:
    return {name: Parameter.model_validate(spec) for name, spec in raw.items()}


EVERY_WAY = parameters(
    colour={"choice": ["red", "green", "blue"]},
    lan={"subnet": {"within": "10.0.0.0/8", "prefix": 24}},
    port={"integer": {"from": 1024, "to": 1279}},
    hosts={"integer": {"from": 2, "to": 254, "count": 3}},
    people={"sample": {"of": ["Anna", "Bilal", "Chiara", "Dmitri"], "count": 2}},
)

# What learners have played: a change here changes every case that was ever handed out.
FIXED = {
    1: {
        "colour": "blue",
        "lan": ipaddress.ip_network("10.191.37.0/24"),
        "port": 1171,
        "hosts": [154, 3, 181],
        "people": ["Anna", "Bilal"],
    },
    7: {
        "colour": "green",
        "lan": ipaddress.ip_network("10.83.210.0/24"),
        "port": 1159,
        "hosts": [138, 209, 137],
        "people": ["Dmitri", "Bilal"],
    },
    2**40: {
        "colour": "blue",
        "lan": ipaddress.ip_network("10.67.16.0/24"),
        "port": 1261,
        "hosts": [227, 130, 100],
        "people": ["Anna", "Dmitri"],
    },
}


@pytest.mark.parametrize("seed", FIXED)
def test_draws_what_it_always_drew(seed: int) -> None:
    assert draw(EVERY_WAY, seed, "branch") == FIXED[seed]


def test_the_scope_separates_equal_names() -> None:
    drawn = [draw(EVERY_WAY, seed, "branch") for seed in range(20)]
    elsewhere = [draw(EVERY_WAY, seed, "head-office") for seed in range(20)]
    assert drawn != elsewhere


@given(SEEDS)
def test_a_further_parameter_changes_no_other(seed: int) -> None:
    more = {"first": Parameter(choice=[1, 2, 3]), **EVERY_WAY, "last": Parameter(choice=[1, 2, 3])}
    drawn = draw(more, seed, "branch")
    assert {name: drawn[name] for name in EVERY_WAY} == draw(EVERY_WAY, seed, "branch")


@given(SEEDS, st.integers(min_value=12, max_value=30), st.integers(min_value=2, max_value=6))
def test_subnets_never_overlap(seed: int, prefix: int, count: int) -> None:
    specs = {
        f"net{i}": {"subnet": {"within": "10.0.0.0/8", "prefix": min(30, prefix + i)}}
        for i in range(count)
    }
    drawn = list(draw(parameters(**specs), seed, "x").values())
    for index, net in enumerate(drawn):
        assert net.subnet_of(ipaddress.ip_network("10.0.0.0/8"))
        assert not any(net.overlaps(other) for other in drawn[:index])


@given(SEEDS, st.integers(min_value=0, max_value=500), st.integers(min_value=1, max_value=40))
def test_integers_are_distinct_and_in_range(seed: int, low: int, count: int) -> None:
    spec = {"integer": {"from": low, "to": low + 39, "count": count}}
    numbers = draw(parameters(n=spec), seed, "x")["n"]
    assert len(set(numbers)) == count
    assert all(low <= number <= low + 39 for number in numbers)


@given(SEEDS, st.lists(st.text(max_size=4), min_size=1, max_size=8, unique=True), st.data())
def test_a_sample_has_distinct_members(seed: int, members: list[str], data: st.DataObject) -> None:
    count = data.draw(st.integers(min_value=1, max_value=len(members)))
    drawn = draw(parameters(s={"sample": {"of": members, "count": count}}), seed, "x")["s"]
    assert len(drawn) == count
    assert set(drawn) <= set(members)
    assert len(set(drawn)) == count


@given(SEEDS, st.text(max_size=20), st.integers(min_value=1, max_value=10**9))
def test_numbers_stay_below_their_bound(seed: int, name: str, below: int) -> None:
    assert 0 <= draw_number(seed, name, below) < below
    assert draw_number(seed, name, below) == draw_number(seed, name, below)


def test_every_choice_comes_up() -> None:
    drawn = {draw(EVERY_WAY, seed, "branch")["colour"] for seed in range(60)}
    assert drawn == {"red", "green", "blue"}


@pytest.mark.parametrize("length", [1, 16, 64])
def test_bytes_have_the_length_asked_for(length: int) -> None:
    assert len(draw_bytes(1, "x", length)) == length


def test_says_when_no_subnet_is_left() -> None:
    one = {"subnet": {"within": "10.0.0.0/24", "prefix": 25}}
    with pytest.raises(DefinitionError, match=r"No free /25 is left within 10\.0\.0\.0/24 for x/c"):
        draw(parameters(a=one, b=one, c=one), 1, "x")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({}, "exactly one of: choice, subnet, integer, sample"),
        ({"choice": [1], "integer": {"from": 1, "to": 2}}, "exactly one of"),
        ({"choice": []}, "at least 1 item"),
        ({"integer": {"from": 1, "to": 3, "count": 4}}, "1 to 3 does not hold 4 integers"),
        ({"integer": {"from": 3, "to": 1}}, "3 to 1 does not hold 1 integers"),
        ({"sample": {"of": ["a"], "count": 2}}, "2 of 1 cannot be drawn"),
        ({"subnet": {"within": "10.0.0.0/8", "prefix": 31}}, "less than or equal to 30"),
        ({"subnet": {"within": "10.0.0.7/8", "prefix": 24}}, "not a valid IPv4 network"),
    ],
)
def test_refuses_what_cannot_be_drawn(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Parameter.model_validate(raw)
