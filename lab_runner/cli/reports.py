"""A report, a ticket and a list of steps on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from lab_runner.cli.plain import plain
from lab_runner.cli.screen import WIDEST, text
from lab_runner.models.results import CheckResult, Report, Role, Status
from lab_runner.models.scenario import Scenario, Step

_MARKS = {Status.PASSED: "✓", Status.FAILED: "✗", Status.SKIPPED: "-", Status.ERROR: "!"}
#: So many green guards are still named.
_FEW = 3
_HEADINGS = {
    Role.SYMPTOM: "What the ticket is about",
    Role.GUARD: "What must keep working",
}


def show_ticket(console: Console, scenario: Scenario, title: str = "") -> None:
    """The customer's words, under the scenario's title or another one."""
    body = text(scenario.ticket.strip())
    width = min(console.width, WIDEST)
    heading = Text.assemble("ticket: ", (plain(title or scenario.title), "bold"))
    panel = Panel(body, title=heading, title_align="left", padding=(1, 2), width=width)
    console.print(panel)


def show_report(console: Console, report: Report, *, everything: bool = False) -> None:
    """One line for each check, what was seen below the red ones, and the sum."""
    for role in Role:
        rows = [row for row in report.checks if row.role is role]
        if rows:
            console.print(Text(_HEADINGS[role], style="bold"))
            _rows(console, rows, everything=everything or role is Role.SYMPTOM)
            console.print()
    for part in report.parts:
        mark, style = ("✓", "passed") if part.passed else ("✗", "failed")
        words = "repaired" if part.passed else "not repaired"
        console.print(Text.assemble(f"  {mark} ", plain(part.title), f": {words}", style=style))
    show_sum(console, report)


def _rows(console: Console, rows: list[CheckResult], *, everything: bool) -> None:
    """One row each; many green ones are counted only, unless everything is wanted."""
    calm = sum(row.status is Status.PASSED for row in rows)
    brief = calm > _FEW and not everything
    for row in rows:
        if not (brief and row.status is Status.PASSED):
            _row(console, row)
    if brief:
        console.print(Text(f"  ✓ {calm} in order", style="passed"))


def _row(console: Console, row: CheckResult) -> None:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=3, justify="right")
    grid.add_column(overflow="fold")
    grid.add_row(Text(_MARKS[row.status], style=row.status.value), _title(row))
    console.print(grid)


def _title(row: CheckResult) -> Text:
    style = "" if row.status is Status.PASSED else row.status.value
    words = text(row.title, style)
    if row.status is not Status.PASSED:
        words.append("\n" + plain(row.rationale), style="quiet")
    return words


def show_sum(console: Console, report: Report) -> None:
    """The last line: is it over?"""
    if report.passed:
        console.print(Text(f"All {len(report.checks)} checks are green.", style="passed"))
        return
    counts = dict.fromkeys(Status, 0)
    for row in report.checks:
        counts[row.status] += 1
    parts = [
        Text(f"{number} {status.value}", style=status.value)
        for status, number in counts.items()
        if number
    ]
    console.print(Text(" · ").join(parts))
    if counts[Status.ERROR]:
        console.print(
            Text(
                "A check with status error could not be made: that is the kit's trouble, not your "
                "network's, and nobody is judged by it. `lab doctor` may know why.",
                style="error",
            )
        )


def show_steps(console: Console, steps: list[Step]) -> None:
    """What a repair does, as one would type it."""
    for step in steps:
        where = step.node or (step.link or "").partition(":")[0]
        body = step.run or _written(step) or _link(step)
        prompt = f"  {where}# "
        indent = "\n" + " " * len(prompt)
        console.print(Text.assemble((prompt, "name"), plain(body.strip()).replace("\n", indent)))


def _written(step: Step) -> str:
    return f"cat > {step.write} <<'EOF'\n{step.content}\nEOF" if step.write else ""


def _link(step: Step) -> str:
    changes = step.model_dump(include={"down", "mtu", "loss", "rate"}, exclude_none=True)
    return f"(cable {step.link}: " + ", ".join(f"{k} {v}" for k, v in changes.items()) + ")"
