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
    """

    course: str
    assignment: str
    earlier: int = 0
    began: datetime.datetime | None = None

    @property
    def label(self) -> str:
        """As the engine keeps it: ``course/assignment``."""
        return f"{self.course}/{self.assignment}"

    def facts(self) -> dict[str, Any]:
        """What is written down of it at the start."""
        again = (
            {"earlier": self.earlier, "first_began": self.began.isoformat()} if self.began else {}
        )
        return {"course": self.course, "assignment": self.assignment, **again}
