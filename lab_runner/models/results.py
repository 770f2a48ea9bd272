"""What a run of checks came to."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from lab_runner.models.parameters import Strict


class Status(StrEnum):
    """How one check ended."""

    PASSED = "passed"
    FAILED = "failed"
    #: Not asked, because a check that it requires failed.
    SKIPPED = "skipped"
    #: The instrument failed, never the learner.
    ERROR = "error"


class Role(StrEnum):
    """Why a check is in a run."""

    SYMPTOM = "symptom"
    GUARD = "guard"


class CheckResult(Strict):
    """One row of a report."""

    id: str
    title: str
    role: Role
    status: Status
    #: What was observed, against what was expected.
    rationale: str
    #: As :func:`lab_runner.models.evidence.to_json` has it; None where nothing was asked.
    evidence: dict[str, Any] | None = None
    duration_ms: float = 0.0


class PartResult(Strict):
    """How one part of a composite stands: all its symptoms and own checks are green, or not."""

    scenario: str
    title: str
    passed: bool


class Report(Strict):
    """One run of all checks of a scenario."""

    attempt: str
    scenario: str
    seed: int
    checks: list[CheckResult]
    #: Of a composite: partial credit.
    parts: list[PartResult] = Field(default_factory=list)
    #: Wall time of the whole run.
    duration_ms: float = 0.0

    @property
    def passed(self) -> bool:
        """Is every check green?"""
        return all(check.status is Status.PASSED for check in self.checks)

    @property
    def errors(self) -> list[CheckResult]:
        """The checks whose instrument failed."""
        return [check for check in self.checks if check.status is Status.ERROR]

    def unnamed(self, *, seed: bool) -> Report:
        """The same without the scenario's name; the seed stays only where it is said."""
        parts = [
            PartResult(scenario="", title=f"part {number}", passed=part.passed)
            for number, part in enumerate(self.parts, 1)
        ]
        return self.model_copy(
            update={"scenario": "", "parts": parts} | ({} if seed else {"seed": 0})
        )

    def to_json(self) -> dict[str, Any]:
        """The documented form: attempt, scenario, seed, passed, parts, duration_ms, checks."""
        data = self.model_dump(mode="json")
        return {
            "attempt": data["attempt"],
            "scenario": data["scenario"],
            "seed": data["seed"],
            "passed": self.passed,
            "parts": data["parts"],
            "duration_ms": self.duration_ms,
            "checks": data["checks"],
        }
