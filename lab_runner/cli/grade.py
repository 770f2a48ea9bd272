"""``lab grade``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab_runner.cli.course import CourseOption, opened
from lab_runner.cli.scheduling import JobsOption, Place, SchedulerOption, TlsCa, TlsCert, TlsKey
from lab_runner.cli.session import JsonOption, catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab_runner.grading.course import CourseFolder
    from lab_runner.grading.grade import Accepted, Grading
    from lab_runner.grading.marks import Mark

#: Some file was refused; somebody's work could not be judged.
REFUSED, NOT_GRADED = 2, 3

HandIns = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[HAND-IN|DIR]…",
        help="Files, or folders of them; if left out, all that were handed in before.",
    ),
]
Again = Annotated[bool, typer.Option("--again", help="Replay also what was graded before.")]


def command(
    hand_ins: HandIns = None,
    course: CourseOption = Path(),
    again: Again = False,
    jobs: JobsOption = None,
    scheduler: SchedulerOption = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    json: JsonOption = False,
) -> None:
    """Grade hand-ins: whose each is, its work done again on a fresh lab, a mark.

    The mark comes from the replay alone; what the trainee's machine claimed is shown beside it.
    Every file is kept in the course's folder, and what was graded stays so.

    Exit code 0: all graded. 2: a file was refused. 3: a replay could not be done.
    """
    from lab_runner.cli.graded import graded_json, show_graded
    from lab_runner.cli.plain import show_json
    from lab_runner.grading.comparing import Comparison
    from lab_runner.grading.grade import Grading, collect

    place = Place(scheduler, jobs, tls_ca, tls_cert, tls_key)
    folder = opened(course)
    grading = Grading(folder, catalogue())
    before = {mark.hand_in: mark for mark in grading.ledger.all()}
    files = collect(hand_ins) if hand_ins else grading.kept()
    found = grading.sort(files, again=again)
    done = [*found.done, *(_replayed(grading, found.pending, place) if found.pending else ())]
    Comparison(folder, grading.catalogue, grading.ledger).flag()
    after = {mark.hand_in: mark for mark in grading.ledger.all()}
    marks = [after.get(mark.hand_in, mark) for mark in done]
    marks.sort(key=lambda mark: (mark.trainee, mark.assignment, mark.file))
    if json:
        show_json(graded_json(marks, before, after))
    else:
        show_graded(folder, marks, before, after)
    if after:
        _keep_book(folder, quiet=json)
    raise typer.Exit(exit_code(marks))


def _keep_book(folder: CourseFolder, *, quiet: bool) -> None:
    from lab_runner.cli.gradebook import keep
    from lab_runner.cli.screen import out, text

    paths = keep(folder)
    if not quiet:
        out().print("Gradebook:", *(text(path, "name") for path in paths))


def exit_code(marks: list[Mark]) -> int:
    """0: all graded; 2: a file was refused; 3: a replay could not be done."""
    from lab_runner.grading.marks import Standing

    standings = {mark.standing for mark in marks}
    if Standing.NOT_GRADED in standings:
        return NOT_GRADED
    return REFUSED if Standing.REFUSED in standings else 0


def _replayed(grading: Grading, pending: list[Accepted], place: Place) -> Iterator[Mark]:
    """Every mark is kept as soon as it is there: nobody's replay is lost with an interruption."""
    from lab_runner.cli.graded import watched

    if place.scheduler is None:
        _tell_what_is_not_limited()
    jobs = [grading.job(one) for one in pending]
    with place.pool() as pool, watched(jobs) as watch:
        for done in pool.run(jobs, on_told=watch.told):
            mark = grading.judge(pending[done.index], done.result, done.problem)
            watch.done(done.index, mark, done.problem)
            yield mark


def _tell_what_is_not_limited() -> None:
    """Hand-ins come from anybody: whoever replays them should know what may run away."""
    from lab_runner.cli.screen import show_problem
    from lab_runner.engine.docker import connect
    from lab_runner.engine.limits import not_limited

    client = connect()
    try:
        missing = not_limited(client)
    finally:
        client.close()
    if missing:
        show_problem(
            f"This engine cannot limit {' or '.join(missing)}: what runs away in a hand-in takes "
            "all there is of it.",
            "Replay work of people that you do not know on an engine whose kernel has these "
            "controllers (`docker info` says so), or on a machine that does nothing else.",
            title="note",
            colour="yellow",
        )
