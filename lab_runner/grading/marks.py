"""What a hand-in came to: its mark, the lines that make it up, and what is to be looked at."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from lab_runner.grading.accepting import Oddity
from lab_runner.models.parameters import Strict
from lab_runner.models.results import Report


class Standing(StrEnum):
    """How far a hand-in came."""

    GRADED = "graded"
    #: It is somebody's, and the replay could not be done. Never zero points.
    NOT_GRADED = "not graded"
    #: It is nobody's of this course, or cannot be read.
    REFUSED = "refused"


class FlagKind(StrEnum):
    """What a lead should look at, beside :class:`Oddity`."""

    UNCONFIRMED = "unconfirmed claim"
    MEMORY_ONLY = "lived in memory"
    COPIED = "copied"
    OTHER_KIT = "another version of the kit"
    LEFT_OUT = "left out"


class Credit(Strict):
    """One line of the rubric.

    Attributes:
        criterion: Its name in the rubric; a deduction has the name of what it is for.
        points: What it brings, 0 to ``of``; negative where points are taken off.
        of: What it could bring; 0 for a deduction.
        why: In one sentence, for trainee and lead.
    """

    criterion: str
    points: float
    of: float
    why: str


class Flag(Strict):
    """Something to be looked at. None of it is proof of anything.

    Attributes:
        kind: A value of :class:`Oddity` or of :class:`FlagKind`.
        text: What was seen.
        whose: The other trainee, where there is one.
    """

    kind: str
    text: str
    whose: str = ""


class Override(Strict):
    """Points that a person gave, in place of the replay's.

    Attributes:
        points: 0 to 100.
        comment: Why.
        by: Who.
        at: When.
    """

    points: Annotated[float, Field(ge=0, le=100)]
    comment: str
    by: str
    at: AwareDatetime


class Mark(Strict):
    """What became of one file.

    Attributes:
        hand_in: The file's SHA-256, in hexadecimal digits.
        file: The name that it came under.
        trainee: By the roster's id; empty if it was refused before that was known.
        assignment: Likewise.
        scenario: What the replay played, from the lead's own copy.
        seed: With which variant.
        submitted: By the trainee's clock.
        received: When the lead's machine first saw it, by its own clock.
        graded: When the replay was done.
        standing: How far it came.
        problem: Why it was refused or not graded; for a graded one, why nothing could be replayed.
        credits: The rubric's lines; their sum is the mark.
        flags: What to look at.
        claimed: What the trainee's own last check said; None if there was none.
        report: The replay's checks.
        rubric: A digest of the rubric and of the limits that the points were given by.
        guards: Checks that the replay asked and the trainee's kit did not.
        seconds: How long the replay took.
        overrides: The last one counts; all are kept.
        version: The kit that graded.
    """

    hand_in: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    file: str
    trainee: str
    assignment: str
    scenario: str = ""
    seed: int = 0
    submitted: AwareDatetime | None
    received: AwareDatetime | None = None
    graded: AwareDatetime
    standing: Standing
    problem: str = ""
    credits: list[Credit] = Field(default_factory=list)
    flags: list[Flag] = Field(default_factory=list)
    claimed: bool | None = None
    report: Report | None = None
    rubric: str = ""
    guards: list[str] = Field(default_factory=list)
    seconds: float = 0.0
    overrides: list[Override] = Field(default_factory=list)
    version: str

    @property
    def replayed(self) -> float | None:
        """What the replay gave, 0 to 100; None where there was none."""
        if self.standing is not Standing.GRADED:
            return None
        total = sum(credit.points for credit in self.credits)
        return round(min(100.0, max(0.0, total)), 1)

    @property
    def points(self) -> float | None:
        """0 to 100: a person's word first, then the replay's; None unless there is one."""
        return self.overrides[-1].points if self.overrides else self.replayed


__all__ = ["Credit", "Flag", "FlagKind", "Mark", "Oddity", "Override", "Standing"]
