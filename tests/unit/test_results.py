"""Reports, and the form of them that programs read."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from lab_runner.models.results import CheckResult, Report, Role, Status


def row(status: Status) -> CheckResult:
    return CheckResult(
        id="desk-finds-it", title="It is found", role=Role.GUARD, status=status, rationale="seen"
    )


def report(*statuses: Status) -> Report:
    return Report(attempt="a1", scenario="s", seed=7, checks=[row(status) for status in statuses])


@pytest.mark.parametrize(
    ("statuses", "passed"),
    [
        ([Status.PASSED, Status.PASSED], True),
        ([Status.PASSED, Status.FAILED], False),
        ([Status.PASSED, Status.SKIPPED], False),
        ([Status.PASSED, Status.ERROR], False),
    ],
)
def test_only_green_is_passed(statuses: list[Status], passed: bool) -> None:
    assert report(*statuses).passed is passed


def test_errors_are_named_apart() -> None:
    mixed = report(Status.PASSED, Status.ERROR, Status.FAILED)
    assert [found.status for found in mixed.errors] == [Status.ERROR]


def test_the_documented_form() -> None:
    data = report(Status.FAILED).to_json()
    assert {"attempt", "scenario", "seed", "passed", "checks"} <= data.keys()
    assert data["passed"] is False
    (check,) = data["checks"]
    assert set(check) >= {
        "id",
        "title",
        "role",
        "status",
        "rationale",
        "evidence",
        "duration_ms",
    }
    assert (check["role"], check["status"]) == ("guard", "failed")


def test_a_result_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError):
        row(Status.FAILED).status = Status.PASSED  # type: ignore[misc]


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(ValidationError):
        CheckResult.model_validate({**row(Status.PASSED).model_dump(), "status": "fine"})
