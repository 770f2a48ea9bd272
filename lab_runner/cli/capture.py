"""``lab capture``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from lab_runner.cli import complete
from lab_runner.cli.session import AttemptOption, attempts
from lab_runner.errors import UsageError


def command(
    place: Annotated[
        str,
        typer.Argument(
            metavar="SEGMENT|NODE:IFACE",
            help="Where to listen.",
            autocompletion=complete.places,
        ),
    ],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="FILTER…", help="A pcap-filter(7) expression.")
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option("-w", "--write", metavar="FILE", help="Write pcap; - is standard output."),
    ] = None,
    count: Annotated[int | None, typer.Option("-c", min=1, help="Stop after so many.")] = None,
    attempt: AttemptOption = None,
) -> None:
    """See what crosses a cable, live as text, or as pcap for Wireshark. Ctrl-C ends it."""
    from lab_runner.attempts.access import require_place
    from lab_runner.attempts.session import noted

    if write == Path("-") and sys.stdout.isatty():
        raise UsageError("pcap on a terminal helps nobody.", hint="… -w - | wireshark -k -i -")
    with attempts() as use, use.opened(use.find(attempt)) as lab:
        require_place(lab.plan, place)
        pieces = lab.capture(place, " ".join(words or []), text=write is None, count=count)
        argv = ["lab", "capture", place, *(words or [])]
        with (
            noted(use.store, lab.attempt, argv),
            contextlib.closing(pieces),
            contextlib.suppress(KeyboardInterrupt),
        ):
            _copy(pieces, write)


def _copy(pieces: Iterable[bytes], write: Path | None) -> None:
    if write is None:
        _show(pieces)
    elif write == Path("-"):
        _pour(pieces, sys.stdout.buffer)
    else:
        try:
            with write.open("wb") as file:
                _pour(pieces, file)
        except OSError as exc:
            raise UsageError(f"{write} cannot be written: {exc.strerror}.") from exc


def _pour(pieces: Iterable[bytes], sink: BinaryIO) -> None:
    for piece in pieces:
        sink.write(piece)
        sink.flush()


def _show(pieces: Iterable[bytes]) -> None:
    from lab_runner.cli.plain import plain

    for piece in pieces:
        typer.echo(plain(piece.decode("utf-8", "replace")), nl=False)
