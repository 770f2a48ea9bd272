"""What the verbs say about recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab_runner.attempts.keeping import Kept

#: Each thing that is kept.
_WHAT = (
    ("terminals", "what `lab shell` and `lab exec -i` show, with times; not what is typed unseen"),
    ("commands", "each line given to a machine: where, when, how long, its exit status"),
    ("states", "at each check: which files changed, which addresses, routes, rules, settings"),
    ("events", "starts, checks with their results, hints, answers, resets, reboots, stops"),
)


def warn(problem: str) -> None:
    """Say on standard error that something was not recorded, and why; nothing if it was."""
    from lab_runner.cli.screen import show_problem

    if problem:
        hint = "The lab is as it was. `lab record show` tells what is kept."
        title = "not recorded"
        show_problem(f"Not all of this was recorded: {problem}", hint, title=title, colour="yellow")


def told_at_start(*, recorded: bool, course: str = "") -> str:
    """The line that says what is recorded."""
    if not recorded:
        return "Not recorded: you said `lab record off`."
    where = "and handed in with `lab submit`" if course else "on this computer only"
    return f"Recorded, {where}: terminals, commands, changes. `lab record show`"


def show_switched(kept: list[str], *, on: bool) -> None:
    """What `lab record on` and `off` did, and what they did not."""
    from lab_runner.cli.screen import out, text

    console = out()
    if on:
        console.print("Practice is recorded from now on, on this computer only.")
        return
    console.print(
        "Practice is not recorded any more: no terminals, commands and changes.",
        text("That a case was started, checked and solved is still noted.", "quiet"),
    )
    if kept:
        names = text(", ".join(kept), "name")
        console.print(names, "belongs to a course: that is recorded whatever is said here.")


def size(count: int) -> str:
    """Bytes for people."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"


def facts(one: Kept) -> dict[str, Any]:
    """What is kept of an attempt, for programs."""
    return {
        "attempt": one.record.attempt,
        "scenario": "" if one.record.hidden or one.record.course else one.record.scenario,
        "course": one.record.course,
        "assignment": one.record.assignment,
        "started": one.record.started.isoformat(),
        "recorded": one.on,
        "terminals": [str(path) for path in one.terminals],
        "events": {kind.value: count for kind, count in sorted(one.counts.items())},
        "bytes": one.bytes,
    }


def show_all(found: list[Kept], where: Path) -> None:
    """Everything that is kept, an attempt a line."""
    from lab_runner.attempts.recording import is_wanted
    from lab_runner.attempts.store import Kind
    from lab_runner.cli.screen import out, table, text

    console = out()
    if is_wanted():
        console.print("Practice is recorded.", text("`lab record off` ends that.", "quiet"))
    else:
        console.print("Practice is not recorded.", text("`lab record on` begins it.", "quiet"))
    console.print(text(f"This is kept, in {where}:", "quiet"))
    for word, meaning in _WHAT:
        console.print(text(f"  {word:<10}", "quiet"), text(meaning, "quiet"))
    console.print()
    if not found:
        console.print("Nothing is kept yet.")
        return
    shown = table("attempt", "what", "begun", "terminals", "commands", "states", "size", "")
    for one in found:
        shown.add_row(
            text(one.record.attempt, "name"),
            text(one.record.title),
            text(one.record.started.astimezone().strftime("%Y-%m-%d %H:%M")),
            text(len(one.terminals)),
            text(one.counts[Kind.COMMAND]),
            text(one.counts[Kind.STATE]),
            text(size(one.bytes)),
            text(_now(one), "quiet"),
        )
    console.print(shown)
    total = size(sum(one.bytes for one in found))
    console.print(text(f"{total} altogether. `lab record delete ATTEMPT` deletes.", "quiet"))


def _now(one: Kept) -> str:
    if one.record.ended:
        return one.record.ended
    return "being recorded" if one.on else "not recorded now"


def show_one(one: Kept) -> None:
    """Everything that is kept of one attempt."""
    from lab_runner.attempts.recording import folder, node_of
    from lab_runner.cli.screen import out, table, text

    console = out()
    console.print(
        text(one.record.attempt, "name"), text(one.record.title), text(_now(one), "quiet")
    )
    counts = ", ".join(f"{count} {kind.value}" for kind, count in sorted(one.counts.items()))
    console.print("Events:", text(counts))
    shown = table("terminal", "machine", "last written", "size")
    for path in one.terminals:
        facts = path.stat()
        shown.add_row(
            text(path.name, "name"),
            text(node_of(path.name)),
            text(_clock(facts.st_mtime)),
            text(size(facts.st_size)),
        )
    if one.terminals:
        console.print(shown)
        console.print(text(f"in {folder(one.record.attempt)}", "quiet"))
        console.print(text(f"`lab replay {one.record.attempt}` plays them.", "quiet"))
    else:
        console.print("No terminals.")


def _clock(seconds: float) -> str:
    import datetime

    return datetime.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
