"""``lab doctor``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from lab_runner.cli.session import JsonOption, catalogue
from lab_runner.errors import UsageError

if TYPE_CHECKING:
    from docker import DockerClient

    from lab_runner.attempts.readiness import Readiness
    from lab_runner.engine.doctor import Finding

LACKING = 3
_MARKS = {
    "good": ("✓", "passed"),
    "warning": ("!", "skipped"),
    "bad": ("✗", "failed"),
    "unknown": ("?", "quiet"),
}


def command(
    fix: Annotated[
        bool, typer.Option("--fix", help="Raise the engine's inotify limit, after asking.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonOption = False,
) -> None:
    """What this machine has and lacks, tried out; and which scenarios it can run.

    Exit code 3: something is missing without which no lab starts.
    """
    from lab_runner.attempts.readiness import readiness
    from lab_runner.cli.plain import show_json
    from lab_runner.engine.docker import connect
    from lab_runner.engine.doctor import examine

    client = connect()
    if fix:
        _fix(client, yes=yes)
    findings = examine(client)
    ready = readiness(catalogue(), findings)
    if json:
        show_json(
            {
                "findings": [vars(finding) for finding in findings],
                "scenarios": [
                    {"id": row.scenario, "ready": not row.because, "because": row.because}
                    for row in ready
                ],
            }
        )
    else:
        _show(findings, ready)
    raise typer.Exit(LACKING if any(f.essential and f.state == "bad" for f in findings) else 0)


def _fix(client: DockerClient, *, yes: bool) -> None:
    from lab_runner.engine import inotify
    from lab_runner.engine.doctor import raise_inotify

    question = (
        f"Set fs.inotify.max_user_instances to {inotify.WANTED} on the engine's kernel, until it "
        "reboots?"
    )
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("--fix asks first, and nobody is here to answer.", hint="Add --yes.")
        typer.confirm(question, abort=True)
    raise_inotify(client)


def _show(findings: list[Finding], ready: list[Readiness]) -> None:
    from lab_runner.cli.screen import out, table, text

    console = out()
    shown = table("", "", "")
    shown.show_header = False
    for finding in findings:
        mark, style = _MARKS[finding.state.value]
        detail = text(finding.detail, "quiet")
        if finding.hint:
            detail.append_text(text("\n→ " + finding.hint))
        shown.add_row(text(mark, style), text(finding.title), detail)
    console.print(shown)
    console.print()
    waiting = [row for row in ready if row.because]
    console.print(text(f"{len(ready) - len(waiting)} of {len(ready)} scenarios are ready.", "bold"))
    for row in waiting:
        console.print(text("  ✗ ", "failed"), text(row.scenario, "name"), " ", text(row.because))
