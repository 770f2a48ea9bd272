"""``lab schema``."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    what: Annotated[str, typer.Argument(metavar="lab|scenario", help="Of which file.")],
) -> None:
    """The JSON Schema of lab.yml or scenario.yml, for editors.

    A first line `# yaml-language-server: $schema=lab.schema.json` tells an editor where it is.
    """
    from lab_runner.authoring.schema import What, schema
    from lab_runner.cli.plain import show_json
    from lab_runner.errors import UnknownName
    from lab_runner.models.source import unknown

    known = [one.value for one in What]
    if what not in known:
        raise UnknownName(unknown(f"file {what!r}", what, known))
    show_json(schema(What(what)))
