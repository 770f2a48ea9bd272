"""``lab assignments``."""

from __future__ import annotations

import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from lab_runner.cli.session import JsonOption, catalogue

if TYPE_CHECKING:
    from rich.table import Table

    from lab_runner.submission.invitation import Invitation
    from lab_runner.submission.standing import Work

Names = dict[tuple[str, str], str]


def command(json: JsonOption = False) -> None:
    """What there is to do in your courses: what is open, runs, was handed in, is late."""
    from lab_runner.cli.plain import show_json
    from lab_runner.cli.screen import out, show_problem, text
    from lab_runner.submission.seats import seats, short_names, unreadable

    every = seats()
    for problem in unreadable():
        show_problem(str(problem), problem.hint, title="warning", colour="yellow")
    names = short_names(every, catalogue().scenario_files)
    found = _works(every)
    if json:
        show_json([_facts(work, names) for work in found])
        return
    console = out()
    if not found:
        console.print("You take part in no course.")
        console.print(text("`lab join FILE` takes the invitation that your lead sends.", "quiet"))
        return
    for course, those in groupby(found, key=lambda work: work.seat.invitation):
        console.print(text(course.title, "bold"), text(_open(course), "quiet"))
        console.print(_table(list(those), names))
        console.print()
    console.print(text("`lab start NAME` starts one, `lab submit` hands in what runs.", "quiet"))


def _works(every: Any) -> list[Work]:
    from lab_runner.attempts.store import Store
    from lab_runner.engine.docker import connect
    from lab_runner.engine.running import find
    from lab_runner.errors import EngineError
    from lab_runner.submission.standing import works

    if not every:
        return []
    try:
        client = connect()
    except EngineError:
        up = None  # what is to be done can be read without one
    else:
        up = [lab.attempt for lab in find(client)]
        client.close()
    with Store() as store:
        return works(every, store.events(), up)


def _open(course: Invitation) -> str:
    from lab_runner.submission.standing import told

    now = datetime.datetime.now(datetime.UTC)
    if course.opens and now < course.opens:
        return f"opens {told(course.opens)}"
    if not course.closes:
        return "no closing time"
    return f"{'closes' if now < course.closes else 'closed'} {told(course.closes)}"


def _facts(work: Work, names: Names) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.UTC)
    invitation, one = work.seat.invitation, work.assignment
    last = work.submitted[-1] if work.submitted else None
    return {
        "course": invitation.course,
        "course_title": invitation.title,
        "assignment": one.id,
        "name": names[invitation.course, one.id],
        "title": one.title,
        "state": work.state(now).value,
        "late": work.is_late(now),
        "attempt": work.running,
        "minutes": one.minutes,
        "began": work.began.isoformat() if work.began else None,
        "until": work.until.isoformat() if work.until else None,
        "submitted": last.isoformat() if last else None,
        "times_submitted": len(work.submitted),
        "hints_allowed": one.hints,
        "hint_cost": one.hint_cost,
        "hints": work.hints,
    }


def _table(those: list[Work], names: Names) -> Table:
    from lab_runner.cli.coursework import hints_told, left
    from lab_runner.cli.screen import table, text

    now = datetime.datetime.now(datetime.UTC)
    shown = table("  name", "", "state", "time left", "limit", "hints")
    shown.columns[0].no_wrap = shown.columns[2].no_wrap = True
    for work in those:
        one = work.assignment
        name = names[work.seat.invitation.course, one.id]
        state, style = _state(work, now)
        shown.add_row(
            text(f"  {name}", "name"),
            text(one.title),
            text(state, style),
            text("" if work.submitted and not work.running else left(work.until, now)),
            text(f"{one.minutes} min" if one.minutes else ""),
            text(hints_told(one) + (f", {work.hints} taken" if work.hints else "")),
        )
    return shown


_STYLES = {"running": "name", "submitted": "passed", "closed": "quiet", "not open yet": "quiet"}


def _state(work: Work, now: datetime.datetime) -> tuple[str, str]:
    """The word for it, and how it is shown; a second word where one is not enough."""
    word = work.state(now).value
    if work.running:
        more = [work.running, *(["submitted"] if work.submitted else [])]
        more += ["late"] if work.is_late(now) else []
        return f"{word} ({', '.join(more)})", "failed" if work.is_late(now) else "name"
    if work.is_late(now) and work.submitted:
        return "submitted late", "skipped"
    if work.is_late(now) and work.attempts:
        return f"{word}, late", "failed"
    times = f" ({len(work.submitted)} times)" if len(work.submitted) > 1 else ""
    return word + times, _STYLES.get(word, "")
