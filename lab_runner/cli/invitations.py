"""What ``lab course invite`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab_runner.cli.screen import out, table, text
from lab_runner.grading.inviting import Invited, State
from lab_runner.submission.keys import key_name

if TYPE_CHECKING:
    from lab_runner.grading.course import CourseFolder

_STYLES = {State.NEW: "passed", State.CHANGED: "skipped", State.UNCHANGED: "quiet"}


def show_invited(course: CourseFolder, invited: list[Invited], gone: list[str]) -> None:
    """Everybody, with what is new for them, and what to do with the files."""
    console = out()
    shown = table("trainee", "name", "invitation", "")
    for one in invited:
        words = "; ".join(one.changes)
        shown.add_row(
            text(one.person.id, "name"),
            text(one.person.name),
            text(one.state, _STYLES[one.state]),
            text(words, "quiet"),
        )
    console.print(shown)
    send = [one for one in invited if one.state is not State.UNCHANGED]
    if send:
        folder = send[0].path.parent
        words = f"Send these {len(send)} files, to their owner each" if len(send) > 1 else "Send it"
        console.print(f"{words}:", text(folder, "name"))
        console.print(
            text("Each has its owner's key in it: whoever has the file hands in as them.")
        )
        key = key_name(course.secrets.lead.public)
        console.print(text(f"Trainees see your key's name when they join: {key}", "quiet"))
    else:
        console.print(text("Nothing is new: no file has to be sent.", "quiet"))
    if gone:
        words = f"Not in the roster any more, and still able to hand in: {', '.join(gone)}."
        console.print(text(words, "skipped"))
