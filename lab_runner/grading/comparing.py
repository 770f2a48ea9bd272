"""Marks side by side: work that is not one's own, and what became of a mark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from lab_runner.catalogue import Catalogue
from lab_runner.grading.copies import Piece, Variant, copied, strangers
from lab_runner.grading.course import Case, CourseFolder
from lab_runner.grading.ledger import Ledger
from lab_runner.grading.marks import Flag, FlagKind, Mark
from lab_runner.planning.plan import Plan


@dataclass(frozen=True)
class Comparison:
    """All work of a course that counts."""

    course: CourseFolder
    catalogue: Catalogue
    ledger: Ledger

    def flag(self) -> list[Mark]:
        """Flag work that looks like another's; the marks that changed are kept, and returned.

        Raises:
            StoreError: A mark cannot be read.
        """
        changed: list[Mark] = []
        cases = {case.id: case for case in self.course.course.assignments}
        current = sorted(self.ledger.current().values(), key=lambda mark: mark.assignment)
        for name, group in groupby(current, key=lambda mark: mark.assignment):
            if name in cases:
                changed += self._flag_case(list(group), cases[name])
        return changed

    def _flag_case(self, marks: Sequence[Mark], case: Case) -> Iterator[Mark]:
        found = self._alike(marks, case)
        for mark in marks:
            others = [flag for flag in mark.flags if flag.kind != FlagKind.COPIED]
            after = mark.model_copy(update={"flags": [*others, *found.get(mark.trainee, [])]})
            if after != mark:
                self.ledger.put(after)
                yield after

    def _alike(self, marks: Sequence[Mark], case: Case) -> Mapping[str, list[Flag]]:
        works = ((mark.trainee, self.ledger.work(mark)) for mark in marks)
        pieces = [Piece(name, work, self._plan(name, case)) for name, work in works if work]
        found = copied(pieces)
        variants = cache(lambda: self._variants(case))
        for piece in pieces:
            # Whose variant it is of says more than that two files are alike.
            sure = list(strangers(piece, variants))
            known = {flag.whose for flag in sure}
            alike = [flag for flag in found[piece.trainee] if flag.whose not in known]
            found[piece.trainee] = [*sure, *alike]
        return found

    def _variants(self, case: Case) -> Mapping[str, Variant]:
        everybody = self.course.public_keys()
        return {name: Variant(self._plan(name, case)) for name in everybody}

    def _plan(self, trainee: str, case: Case) -> Plan:
        return self.course.plan(self.catalogue, trainee, case)


def differences(before: Mark, after: Mark) -> list[str]:
    """What became of a mark, in words; nothing, where a person would see none."""
    found = []
    if before.standing is not after.standing:
        found.append(f"{before.standing} → {after.standing}")
    if before.points != after.points:
        found.append(f"points {_number(before.points)} → {_number(after.points)}")
    elif before.replayed != after.replayed:
        was, now = _number(before.replayed), _number(after.replayed)
        found.append(f"the replay's points {was} → {now}, overridden")
    for mark, other, word in ((after, before, "now"), (before, after, "no longer")):
        told = {(flag.kind, flag.whose) for flag in other.flags}
        found += [
            f"{word} flagged: {flag.kind}{f' ({flag.whose})' if flag.whose else ''}"
            for flag in mark.flags
            if (flag.kind, flag.whose) not in told
        ]
    return [*found, *_checks(before, after)]


def _checks(before: Mark, after: Mark) -> list[str]:
    if before.report is None or after.report is None:
        return []
    was = {row.id: row.status for row in before.report.checks}
    return [
        f"{row.id}: {was[row.id]} → {row.status}"
        for row in after.report.checks
        if row.id in was and was[row.id] is not row.status
    ]


def _number(points: float | None) -> str:
    return "none" if points is None else f"{points:g}"
