"""How near a learner's diagnosis is to the truth."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lab_runner.models.scenario import Diagnosis

#: What each part of a right answer is worth; together 100.
WORTH = 25


@dataclass(frozen=True)
class Answer:
    """A learner's diagnosis."""

    node: str
    layer: str
    component: str
    cause: str


#: With so many points an answer says what a control is.
ENOUGH = 75


@dataclass(frozen=True)
class Score:
    """Which parts of an answer are right; ``cause`` is the share of it that is."""

    node: bool
    layer: bool
    component: bool
    cause: float

    @property
    def points(self) -> int:
        """0 to 100."""
        return round(WORTH * (self.node + self.layer + self.component + self.cause))


def best(answer: Answer, truths: Mapping[str, Diagnosis]) -> tuple[str, Score]:
    """Which of several faults an answer is about, and how near it is to that one."""
    scores = {name: score(answer, truth) for name, truth in truths.items()}
    name = max(scores, key=lambda one: scores[one].points)
    return name, scores[name]


def score(answer: Answer, truth: Diagnosis) -> Score:
    """Compare an answer with the truth.

    Node, layer and component are right or wrong; other names that the scenario
    accepts count as right. The cause is free text: each of the scenario's
    expressions that is found in it counts.
    """
    # Here and not above: most commands judge no diagnosis.
    from lab_runner.patterns import found  # noqa: PLC0415

    said = [word for word in truth.cause_words if found(word, answer.cause, re.IGNORECASE)]
    return Score(
        node=_one_of(answer.node, truth.node, *truth.node_also),
        layer=_one_of(answer.layer, truth.layer, *truth.layer_also),
        component=_one_of(answer.component, truth.component, *truth.component_also),
        cause=len(said) / len(truth.cause_words),
    )


def _one_of(given: str, *right: str) -> bool:
    return _plain(given) in {_plain(name) for name in right}


def _plain(name: str) -> str:
    """``/etc/resolv.conf``, ``Resolv.conf`` and ``resolv.conf`` are the same answer."""
    last = name.strip().casefold().rsplit("/", 1)[-1]
    return re.sub(r"[\s_-]+", " ", last.removesuffix(".service"))
