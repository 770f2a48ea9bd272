"""What was found in authors' files, each thing once, and with which seeds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from lab_runner.errors import DefinitionError

_Key = tuple["Severity", str, int, int, str]
_NUMBER = re.compile(r"\d+(\.\d+)*")


class Severity(StrEnum):
    """How bad it is."""

    #: It cannot be started, or it breaks the contract.
    ERROR = "error"
    #: It can be meant so; a person decides.
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong at one place.

    Attributes:
        line: From 1; 0 where it is not known.
        column: From 1; 0 where it is not known.
        seeds: With which seeds it shows; empty if with all.
    """

    path: str
    line: int
    column: int
    severity: Severity
    message: str
    seeds: tuple[int, ...] = ()


class Notebook:
    """Collects findings; the same one with another seed is the same one."""

    def __init__(self, seeds: Iterable[int]) -> None:
        self._all = set(seeds)
        self._seen: dict[_Key, set[int]] = {}
        self._messages: dict[_Key, str] = {}
        self._shapeless: set[tuple[str, int, int]] = set()

    def note(
        self,
        error: DefinitionError,
        seed: int | None = None,
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Write a finding down; without a seed it shows with all of them."""
        key = _key(error, severity)
        self._messages.setdefault(key, str(error.args[0]))
        self._seen.setdefault(key, set()).update(self._all if seed is None else {seed})

    def note_shape(self, error: DefinitionError, seed: int | None = None) -> None:
        """The same for a value that is none of its type: nothing more is said of its place."""
        self._shapeless.add((error.path, error.line, error.column))
        self.note(error, seed)

    def note_all(self, errors: Iterable[DefinitionError], seed: int | None = None) -> None:
        """Write down what does not merely follow from a value of the wrong type."""
        for error in errors:
            if (error.path, error.line, error.column) not in self._shapeless:
                self.note(error, seed)

    def findings(self) -> list[Finding]:
        """All of them, by place."""
        found = [
            Finding(key[1], key[2], key[3], key[0], self._messages[key], self._only(seeds))
            for key, seeds in self._seen.items()
        ]
        return sorted(found, key=lambda one: (one.path, one.line, one.column, one.message))

    def _only(self, seeds: set[int]) -> tuple[int, ...]:
        return () if seeds >= self._all else tuple(sorted(seeds))


def _key(error: DefinitionError, severity: Severity) -> _Key:
    """Severity, place and message; where only a number differs, it is the seed's."""
    message = _NUMBER.sub("", str(error.args[0]))
    return severity, error.path, error.line, error.column, message
