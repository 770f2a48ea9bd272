"""Grading on the terminal: how far it is, what came out, what is other than before."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lab_runner.cli.screen import err, out, table, text
from lab_runner.cli.standings import points_cell
from lab_runner.grading.comparing import differences
from lab_runner.grading.ledger import latest
from lab_runner.grading.marks import Flag, Mark, Standing

if TYPE_CHECKING:
    from lab_runner.errors import LabRunnerError
    from lab_runner.grading.course import CourseFolder
    from lab_runner.grading.replaying import ReplayJob

Marks = Mapping[str, Mark]
_CLAIMS = {True: ("green", "passed"), False: ("red", "failed"), None: ("none", "quiet")}


class Watch:
    """A bar on standard error, and a line for each that is done."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._now: dict[int, str] = {}
        self.bar = Progress(
            TextColumn("grading"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", style="dim", markup=False),
            console=err(),
            transient=True,
        )
        self._task = self.bar.add_task("", total=len(names))

    def told(self, index: int, what: object) -> None:
        """One job says how far it is."""
        if isinstance(what, tuple):
            self._now[index] = f"{self._names[index]}: {' '.join(map(str, what))}"
            self._show()

    def done(self, index: int, mark: Mark, problem: LabRunnerError | None) -> None:
        """One is through."""
        self._now.pop(index, None)
        word, style = points_cell(mark)
        line = text(f"{self._names[index]}: ").append_text(text(word, style))
        if problem is not None:
            line.append_text(text(f"  not replayed: {problem}", "error"))
        self.bar.console.print(line)
        self.bar.advance(self._task)
        self._show()

    def _show(self) -> None:
        now = next(reversed(self._now.values()), "")
        self.bar.update(self._task, description=text(now).plain)


@contextlib.contextmanager
def watched(jobs: Sequence[ReplayJob]) -> Iterator[Watch]:
    """A bar while the body runs."""
    watch = Watch([job.name for job in jobs])
    with watch.bar:
        yield watch


def show_graded(course: CourseFolder, marks: list[Mark], before: Marks, after: Marks) -> None:
    """A table of what was graded, what to look at, what changed, who is missing."""
    console = out()
    if not marks:
        console.print(text("Nothing was handed in yet: `lab grade FILE` takes a hand-in."))
        return
    shown = table("trainee", "assignment", "points", "their check", "of which", "handed in")
    ours = sorted(marks, key=_order)
    counts = {mark.hand_in for mark in latest(after.values()).values()}
    for mark in ours:
        if mark.standing is not Standing.REFUSED:
            shown.add_row(*_row(mark, counts=mark.hand_in in counts))
    if shown.row_count:
        console.print(shown)
    if any(mark.trainee and mark.hand_in not in counts for mark in ours):
        console.print(text("(…) handed in again later: that one counts", "quiet"))
    for mark in ours:
        _show_notes(mark)
    _show_changes(before, after)
    _show_missing(course, after)


def graded_json(marks: list[Mark], before: Marks, after: Marks) -> dict[str, Any]:
    """What a program reads: the marks, and what is other than before."""
    return {
        "marks": [mark.model_dump(mode="json") | {"points": mark.points} for mark in marks],
        "changed": [
            {"hand_in": mark.hand_in, "trainee": mark.trainee, "assignment": mark.assignment}
            | {"changes": words}
            for mark, words in _changed(before, after)
        ],
    }


def _order(mark: Mark) -> tuple[bool, str, str, float, str]:
    """By trainee, assignment and time; what is nobody's comes last."""
    when = mark.submitted.timestamp() if mark.submitted else 0.0
    return not mark.trainee, mark.trainee, mark.assignment, when, mark.file


def _row(mark: Mark, *, counts: bool) -> list[Any]:
    points, style = points_cell(mark)
    if not counts:  # a later one took its place
        points, style = f"({points})", "quiet"
    claim, claim_style = _CLAIMS[mark.claimed]
    lines = [f"{one.criterion} {one.points:g}" for one in mark.credits if one.points]
    when = mark.submitted.astimezone().strftime("%m-%d %H:%M") if mark.submitted else ""
    return [
        text(mark.trainee, "name"),
        text(mark.assignment),
        text(points, style),
        text(claim, claim_style),
        text(", ".join(lines), "quiet"),
        text(when, "quiet"),
    ]


def _show_notes(mark: Mark) -> None:
    console = out()
    whose = f"{mark.trainee} {mark.assignment}" if mark.trainee else mark.file
    if mark.standing is not Standing.GRADED:
        style = "failed" if mark.standing is Standing.REFUSED else "error"
        console.print(text(f"{whose}:", "name"), text(mark.standing, style), text(mark.problem))
    elif mark.problem:
        console.print(text(f"{whose}:", "name"), text(mark.problem))
    if mark.guards:
        asked = ", ".join(mark.guards)
        console.print(text(f"{whose}:", "name"), text(f"asked here alone: {asked}", "quiet"))
    for flag in mark.flags:
        console.print(text(f"{whose}:", "name"), *_flag(flag))


def _flag(flag: Flag) -> list[Any]:
    return [text(f"⚑ {flag.kind}:", "skipped"), text(flag.text)]


def _show_changes(before: Marks, after: Marks) -> None:
    console = out()
    changed = list(_changed(before, after))
    if changed:
        console.print()
        console.print(text("Other than before:", "bold"))
    for mark, words in changed:
        whose = f"{mark.trainee} {mark.assignment}:" if mark.trainee else f"{mark.file}:"
        console.print(text(whose, "name"), text("; ".join(words)))


def _changed(before: Marks, after: Marks) -> Iterator[tuple[Mark, list[str]]]:
    for digest, mark in after.items():
        words = differences(before[digest], mark) if digest in before else []
        if words:
            yield mark, words


def _show_missing(course: CourseFolder, after: Marks) -> None:
    """Whoever is in the roster and handed in nothing for an assignment."""
    handed = {(mark.trainee, mark.assignment) for mark in after.values()}
    cases = [case.id for case in course.course.assignments]
    people = [person.id for person in course.people()]
    missing = {p: [c for c in cases if (p, c) not in handed] for p in people}
    told = [
        name if len(left) == len(cases) else f"{name} ({', '.join(left)})"
        for name, left in missing.items()
        if left
    ]
    if told:
        out().print(text(f"Nothing from: {', '.join(told)}", "quiet"))
