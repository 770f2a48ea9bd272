"""How near a diagnosis is to the truth."""

from __future__ import annotations

import pytest

from lab_runner.attempts.scoring import Answer, score
from lab_runner.models.scenario import Diagnosis

TRUTH = Diagnosis(
    node="gw",
    node_also=["isp"],
    layer="network",
    layer_also=["transport"],
    component="nftables",
    component_also=["/etc/nftables.conf"],
    cause="The rule names the old network.",
    cause_words=["masquerad|snat|nat", r"old (network|subnet)|10\.0\."],
)
RIGHT = Answer("gw", "network", "nftables", "masquerade still names the old network")


def with_(**parts: str) -> Answer:
    return Answer(**{**vars(RIGHT), **parts})


def test_everything_right() -> None:
    assert score(RIGHT, TRUTH).points == 100


def test_everything_wrong() -> None:
    assert score(Answer("pc1", "link", "cable", "no idea"), TRUTH).points == 0


@pytest.mark.parametrize(
    "answer",
    [
        with_(node="isp"),
        with_(layer="transport"),
        with_(component="nftables.conf"),
        with_(component=" NFTables.service "),
        with_(component="/etc/nftables.conf"),
        with_(cause="SNAT for the OLD SUBNET"),
    ],
)
def test_other_right_answers(answer: Answer) -> None:
    assert score(answer, TRUTH).points == 100


@pytest.mark.parametrize(
    ("answer", "points"),
    [
        (with_(node="pc1"), 75),
        (with_(layer="link"), 75),
        (with_(component="named"), 75),
        (with_(cause="something with masquerading"), 88),
        (with_(cause=""), 75),
    ],
)
def test_a_part_is_wrong(answer: Answer, points: int) -> None:
    assert score(answer, TRUTH).points == points
