"""What was measured: series of numbers by name, and what could not be measured."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

VERSION = 1


class NotMeasured(Exception):
    """Something cannot be measured here; the message says why, for the reader of the page."""


@dataclass
class Figures:
    """All numbers of one run.

    Attributes:
        series: Measured values by name, in the order of measuring. A name says what it is of,
            then what it is: ``compose.ready_s``; the last part ends in its unit.
        absent: What could not be measured, with the reason.
        machine: What it was measured on.
    """

    series: dict[str, list[float]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, *values: float) -> None:
        """Note what was measured once more, rounded as it is kept."""
        self.series.setdefault(name, []).extend(round(value, 4) for value in values)

    def median(self, name: str) -> float | None:
        """The median of a series; None if it was not measured."""
        values = self.series.get(name)
        return statistics.median(values) if values else None

    def ratio(self, name: str, of: str) -> float | None:
        """One median as a share of another; None if one of them was not measured."""
        above, below = self.median(name), self.median(of)
        return above / below if above is not None and below else None

    def why_not(self, name: str) -> str:
        """Why a series is empty."""
        return self.absent.get(name) or self.absent.get(name.partition(".")[0], "not measured")

    def to_json(self) -> str:
        """The documented form: version, machine, series, absent."""
        return _dumped({
            "version": VERSION,
            "machine": self.machine,
            "series": self.series,
            "absent": self.absent,
        })  # fmt: skip

    @classmethod
    def read(cls, path: Path) -> Self:
        """The figures that an earlier run has written.

        Raises:
            NotMeasured: There are none, or of another version.
        """
        try:
            data = json.loads(path.read_text())
        except FileNotFoundError as exc:
            raise NotMeasured(f"{path} is not there: measure first") from exc
        if data["version"] != VERSION:
            raise NotMeasured(f"{path} has version {data['version']}, not {VERSION}")
        return cls(data["series"], data["absent"], data["machine"])


def _dumped(data: dict[str, Any]) -> str:
    """JSON with one series a line, so that two runs can be compared."""
    lines = []
    for key, value in data.items():
        if isinstance(value, dict) and value:
            rows = ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            lines.append(f"  {json.dumps(key)}: {{\n{rows}\n  }}")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
