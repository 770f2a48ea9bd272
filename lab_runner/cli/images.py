"""``lab images``."""

from __future__ import annotations

import typer

from lab_runner.cli.session import JsonOption

app = typer.Typer(
    help="The images that machines run in: build, list, remove old ones.", no_args_is_help=True
)


@app.command(epilog="Example:\n\nlab images build")
def build() -> None:
    """Build what is missing; what is there already is left alone."""
    from lab_runner.cli.progress import shown
    from lab_runner.cli.screen import out, text
    from lab_runner.engine import images
    from lab_runner.engine.docker import connect

    client = connect()
    missing = images.missing(client, images.Target)
    with shown("building images") as progress:
        tags = images.ensure(client, images.Target, progress)
    console = out()
    for target, tag in tags.items():
        state = "built" if target in missing else "was there"
        console.print(text(tag, "name"), text(state, "quiet"))


@app.command("list", epilog="Example:\n\nlab images list --json")
def list_(json: JsonOption = False) -> None:
    """The kit's images on this engine."""
    from lab_runner.cli.plain import show_json
    from lab_runner.cli.screen import out, table, text
    from lab_runner.engine import images
    from lab_runner.engine.docker import connect

    client = connect()
    rows = images.list_images(client)
    missing = images.missing(client, images.Target)
    if json:
        show_json({"images": [vars(row) for row in rows], "missing": [str(t) for t in missing]})
        return
    shown = table("image", "size", "")
    for row in rows:
        state = "current" if row.current else "old, in use" if row.in_use else "old"
        style = "passed" if row.current else "quiet"
        shown.add_row(text(row.tag), text(f"{row.size / 1e6:.0f} MB"), text(state, style))
    console = out()
    console.print(shown)
    if missing:
        console.print(text(f"Missing: {', '.join(missing)}. `lab images build`", "skipped"))


@app.command(epilog="Example:\n\nlab images prune")
def prune() -> None:
    """Remove the kit's images that are old and not in use."""
    from lab_runner.cli.screen import out, text
    from lab_runner.engine import images
    from lab_runner.engine.docker import connect

    gone = images.prune(connect())
    console = out()
    for tag in gone:
        console.print("Removed", text(tag))
    if not gone:
        console.print("Nothing to remove: every image is current or in use.")
