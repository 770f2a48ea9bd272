"""The last report of an attempt, as the record has it."""

from __future__ import annotations

from pydantic import ValidationError

from lab_runner.attempts.history import Record
from lab_runner.models.results import Report


def report_of(record: Record | None) -> Report | None:
    """The last report of an attempt, where there is one that can still be read."""
    if record is None or record.last_check is None:
        return None
    data = {key: value for key, value in record.last_check.items() if key in Report.model_fields}
    try:
        return Report.model_validate(data)
    except ValidationError:  # another version wrote it
        return None
