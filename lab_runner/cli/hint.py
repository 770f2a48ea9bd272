"""``lab hint``."""

from __future__ import annotations

from lab_runner.cli.session import AttemptOption, JsonOption, attempts


def command(attempt: AttemptOption = None, json: JsonOption = False) -> None:
    """The next of three hints; each says more. That you asked is kept with the attempt."""
    from lab_runner.cli.plain import show_json
    from lab_runner.cli.screen import out, text

    with attempts() as use:
        hint = use.hint(use.find(attempt))
    if json:
        show_json(vars(hint))
        return
    console = out()
    console.print(text(f"Hint {hint.number} of {hint.of}", "bold"))
    console.print(text(hint.text.strip()))
    if not hint.fresh:
        console.print(text("That was the last. `lab solve` repairs it for you.", "quiet"))
