"""Repairs that nobody wrote, and what a person said of those whose verdict surprises."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from lab_runner.models.parameters import Strict
from lab_runner.models.scenario import Step


class Verdict(StrEnum):
    """What the checks make of a repair."""

    #: Something is not as it should be, at once or after a reboot.
    RED = "red"
    #: Everything is, after a reboot too.
    GREEN = "green"


class Mutant(Strict):
    """One repair that nobody wrote.

    Attributes:
        id: Names it within its scenario: ``s``, the solution's number, what was done to it,
            and the how manieth time.
        title: The solution that it was made of.
        change: What was done to it, or what it lacks, in the words of its script.
        steps: How the broken lab is "repaired".
        expected: The verdict that needs no explanation.
        certain: Does the verdict follow from how it was made? No explanation counts then.
        base: The solution, by its number from 1, that it is a lesser form of; 0: of none.
    """

    id: str
    title: str
    change: str
    steps: list[Step]
    expected: Verdict = Verdict.RED
    certain: bool = False
    base: int = 0


class Explanation(Strict):
    """Why a mutant's verdict is right though it is not what was to be expected.

    Attributes:
        mutant: Its id.
        change: Words of its change, so that it is known again.
        verdict: The verdict.
        because: Why that is right.
        seeds: With which seeds; a line that one variant needs is idle in another.
    """

    mutant: str
    change: str = Field(min_length=1)
    verdict: Verdict
    because: str = Field(min_length=1)
    seeds: list[Annotated[int, Field(ge=0)]] = Field([1], min_length=1)

    def is_about(self, mutant: Mutant) -> bool:
        """Is it still the same mutant? Spaces and line ends do not count."""
        return mutant.id == self.mutant and _joined(self.change) in _joined(mutant.change)


class Explanations(Strict):
    """A scenario's ``mutants.yml``."""

    mutants: list[Explanation]


def _joined(words: str) -> str:
    return "".join(words.split())
