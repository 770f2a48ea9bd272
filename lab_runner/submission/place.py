"""Where the courses lie that somebody takes part in; quick to be asked, unlike what is in them."""

from __future__ import annotations

from pathlib import Path

from lab_runner.attempts.store import data_folder


def courses() -> Path:
    """The folder of all of them, which is there once a course was joined."""
    return data_folder() / "courses"
