"""What of a course an attempt is."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Task:
    """An assignment that somebody starts.

    Attributes:
        course: The course's id.
        assignment: Which of the course's.
        earlier: How often it was started before.
        began: When that was for the first time; the clock runs from then on.
        hints: How many hints were shown in those attempts.
        answered: Was the answer asked for in one of them?
    """

    course: str
    assignment: str
    earlier: int = 0
    began: datetime.datetime | None = None
    hints: int = 0
    answered: bool = False

    @property
    def label(self) -> str:
        """As the engine keeps it: ``course/assignment``."""
        return f"{self.course}/{self.assignment}"

    def facts(self) -> dict[str, Any]:
        """What is written down of it at the start."""
        facts: dict[str, Any] = {"course": self.course, "assignment": self.assignment}
        if self.began:
            facts |= {"earlier": self.earlier, "first_began": self.began.isoformat()}
            facts |= {"earlier_hints": self.hints, "earlier_answer": self.answered}
        return facts
