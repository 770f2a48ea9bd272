"""``lab join``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab_runner.cli.session import JsonOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab_runner.submission.invitation import Invitation
    from lab_runner.submission.seats import Joined


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The invitation from your lead.")],
    json: JsonOption = False,
) -> None:
    """Take part in a course: keep the invitation that your lead has sent you.

    A newer invitation to the same course replaces the one before.
    """
    from lab_runner.cli.plain import show_json
    from lab_runner.submission.keys import key_name
    from lab_runner.submission.seats import join

    joined = join(file)
    if json:
        invitation = joined.seat.invitation
        show_json(
            {
                "course": invitation.course,
                "title": invitation.title,
                "trainee": invitation.trainee,
                "name": invitation.name,
                "lead": key_name(joined.seat.lead_key),
                "replaced": joined.before is not None,
                "assignments": [one.id for one in invitation.assignments],
            }
        )
    else:
        _show(joined)


def _show(joined: Joined) -> None:
    from lab_runner.cli.screen import out, table, text
    from lab_runner.submission.keys import key_name

    console, invitation = out(), joined.seat.invitation
    shown = table("", "")
    shown.show_header = False
    for word, value in (
        ("you are", f"{invitation.name} ({invitation.trainee})"),
        ("open", _open(invitation)),
        ("to do", _count(len(invitation.assignments), "assignment")),
        ("lead's key", f"{key_name(joined.seat.lead_key)}   (ask your lead: is it theirs?)"),
    ):
        shown.add_row(text(f"  {word}", "quiet"), text(value))
    console.print(text(invitation.title, "bold"))
    console.print(shown)
    for line in _changes(joined):
        console.print(text(line))
    _warn(joined)
    console.print(text("`lab assignments` shows what there is to do.", "quiet"))


def _open(invitation: Invitation) -> str:
    from lab_runner.submission.standing import told

    opens, closes = invitation.opens, invitation.closes
    words = [f"from {told(opens)}" if opens else "", f"until {told(closes)}" if closes else ""]
    return " ".join(filter(None, words)) or "always"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _changes(joined: Joined) -> Iterator[str]:
    """What a newer invitation says that the one before did not."""
    before, now = joined.before, joined.seat.invitation
    if before is None:
        return
    old = {one.id: one for one in before.assignments}
    new = {one.id: one for one in now.assignments}
    words = {
        "new": new.keys() - old.keys(),
        "gone": old.keys() - new.keys(),
        "changed": {name for name in old.keys() & new.keys() if old[name] != new[name]},
    }
    told = [f"{word}: {', '.join(sorted(names))}" for word, names in words.items() if names]
    if (before.opens, before.closes) != (now.opens, now.closes):
        told.append("other times")
    yield f"You had joined before. {'; '.join(told) or 'Nothing is different'}."


def _warn(joined: Joined) -> None:
    """What will not work with this kit."""
    from lab_runner import __version__
    from lab_runner.cli.screen import show_problem
    from lab_runner.cli.session import catalogue
    from lab_runner.submission.beginning import lacking

    invitation = joined.seat.invitation
    lacks = [one.id for one in lacking(catalogue(), joined.seat)]
    hint = "Install the same version on this machine, or ask your lead."
    if lacks:
        message = f"This kit has nothing to start {', '.join(lacks)} with."
        hint += " Scenarios of your lead's own are named in BREAKFIX_SCENARIOS."
    elif invitation.version != __version__:
        message = f"The course was made with version {invitation.version}; this is {__version__}."
    else:
        return
    show_problem(message, hint, title="note", colour="yellow")
