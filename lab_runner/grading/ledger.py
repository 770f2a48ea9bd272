"""The marks of a course and the files that they are of, on the lead's disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from lab_runner.errors import HandInError, StoreError
from lab_runner.grading.course import SUFFIX
from lab_runner.grading.marks import Mark, Standing
from lab_runner.submission.hand_in import HandIn, read_hand_in
from lab_runner.submission.private import write_private

HAND_INS, MARKS = "hand-ins", "marks"


def digest_of(data: bytes) -> str:
    """What a hand-in is known by: its SHA-256."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Ledger:
    """All that was handed in to a course.

    Attributes:
        path: The course's folder.
    """

    path: Path

    def put(self, mark: Mark) -> None:
        """Keep a mark, in place of an earlier one of the same file.

        Raises:
            UsageError: It cannot be written.
        """
        write_private(self._mark(mark.hand_in), (mark.model_dump_json(indent=1) + "\n").encode())

    def keep(self, data: bytes) -> str:
        """Keep a file as it came; returns its digest.

        Raises:
            UsageError: It cannot be written.
        """
        digest = digest_of(data)
        path = self._hand_in(digest)
        if not path.exists():
            write_private(path, data)
        return digest

    def get(self, digest: str) -> Mark | None:
        """The mark of a file, where there is one.

        Raises:
            StoreError: It cannot be read.
        """
        path = self._mark(digest)
        return _read(path) if path.is_file() else None

    def all(self) -> list[Mark]:
        """Every hand-in that ever came, by trainee, assignment and time.

        Raises:
            StoreError: One cannot be read.
        """
        found = [_read(path) for path in sorted((self.path / MARKS).glob("*.json"))]
        return sorted(found, key=_order)

    def current(self) -> dict[tuple[str, str], Mark]:
        """The mark of what each trainee handed in last for each assignment.

        Raises:
            StoreError: One cannot be read.
        """
        return latest(self.all())

    def work(self, mark: Mark) -> HandIn | None:
        """What was handed in, from the copy that was kept; None where it is gone or is none."""
        try:
            return read_hand_in(self.data(mark.hand_in))[0]
        except (HandInError, StoreError):
            return None

    def data(self, digest: str) -> bytes:
        """The kept file, as it came.

        Raises:
            StoreError: It is gone.
        """
        path = self._hand_in(digest)
        try:
            return path.read_bytes()
        except OSError as exc:
            raise StoreError(
                f"The kept hand-in {path} cannot be read: {exc.strerror}.",
                hint="Grade the file again as it was sent.",
            ) from exc

    def _mark(self, digest: str) -> Path:
        return self.path / MARKS / f"{digest}.json"

    def _hand_in(self, digest: str) -> Path:
        return self.path / HAND_INS / f"{digest}{SUFFIX}"


def latest(marks: Iterable[Mark]) -> dict[tuple[str, str], Mark]:
    """Of each trainee and assignment the last that was handed in; what was refused is nobody's."""
    ours = (one for one in marks if one.standing is not Standing.REFUSED)
    return {(one.trainee, one.assignment): one for one in sorted(ours, key=_order)}


def _order(mark: Mark) -> tuple[str, str, float, float]:
    when = mark.submitted.timestamp() if mark.submitted else 0.0
    return mark.trainee, mark.assignment, when, mark.graded.timestamp()


def _read(path: Path) -> Mark:
    try:
        return Mark.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as exc:
        first = exc.errors()[0]["msg"] if isinstance(exc, ValidationError) else exc.strerror
        raise StoreError(
            f"The mark in {path} cannot be read: {first}.",
            hint="Move it away and grade again: the hand-ins themselves are kept.",
        ) from exc
