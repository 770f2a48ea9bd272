"""``lab hint``."""

from __future__ import annotations

from lab_runner.cli.coursework import YesOption
from lab_runner.cli.session import AttemptOption, JsonOption, attempts


def command(
    yes: YesOption = False, attempt: AttemptOption = None, json: JsonOption = False
) -> None:
    """The next of three hints; each says more. That you asked is kept with the attempt.

    A course may give none, or take points for each.
    """
    from lab_runner.cli.coursework import points, require_yes
    from lab_runner.cli.plain import show_json
    from lab_runner.cli.screen import out, text
    from lab_runner.submission.rules import hint_price

    with attempts() as use:
        deployed = use.find(attempt)
        if price := hint_price(use, deployed):
            require_yes("The next hint", f"it costs {points(price)} of 100", yes=yes)
        hint = use.hint(deployed)
    if json:
        show_json(vars(hint))
        return
    console = out()
    console.print(text(f"Hint {hint.number} of {hint.of}", "bold"))
    console.print(text(hint.text.strip()))
    if not hint.fresh:
        more = "" if deployed.assignment else " `lab solve` repairs it for you."
        console.print(text(f"That was the last.{more}", "quiet"))
