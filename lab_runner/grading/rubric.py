"""What work is worth: weights and costs, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, model_validator

from lab_runner.models.parameters import Strict

Weight = Annotated[float, Field(ge=0, le=1000)]
Points = Annotated[float, Field(ge=0, le=100)]

#: What a mark is out of.
FULL: Final = 100.0


class Criterion(StrEnum):
    """What a mark is made of."""

    REPAIR = "repair"
    COLLATERAL = "collateral"
    REBOOT = "reboot"
    DIAGNOSIS = "diagnosis"
    EVIDENCE = "evidence"
    TIME = "time"


class Cost(StrEnum):
    """What takes points off a mark."""

    HINT = "hint"
    ANSWER = "answer"
    LATE = "late"


class Rubric(Strict):
    """Weights, of which only the proportion counts, and costs in points of 100.

    Attributes:
        repair: What the ticket is about works again; each part of an exam has its share.
        collateral: Nothing else is broken.
        reboot: All is in order after every machine was rebooted.
        diagnosis: Node, layer, component and cause were named rightly the first time.
        evidence: There was a look before the first change, and one at the machine at fault.
        time: It was done in less than the time that was given.
        hint: Taken off for each hint.
        answer: Taken off where the answer was asked for.
        late: Taken off for what was handed in late.
    """

    repair: Weight = 35
    collateral: Weight = 25
    reboot: Weight = 20
    diagnosis: Weight = 15
    evidence: Weight = 5
    time: Weight = 0
    hint: Points = 5
    answer: Points = 100
    late: Points = 0

    @model_validator(mode="after")
    def _worth_something(self) -> Rubric:
        if not self.repair:
            raise ValueError("repair has to weigh something: it is what the work is about")
        return self

    def worth(self) -> dict[Criterion, float]:
        """The points that each criterion can bring; together :data:`FULL`."""
        weights: Mapping[str, float] = self.model_dump()
        total = sum(weights[name] for name in Criterion)
        return {name: FULL * weights[name] / total for name in Criterion if weights[name]}

    def cost(self, of: Cost) -> float:
        """What one of them takes off, in points."""
        return float(getattr(self, of))
