"""What is kept of the work on an attempt: terminals, commands, and that it is kept at all."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from lab_runner.attempts import casts
from lab_runner.attempts.store import Event, Kind, Store, data_folder
from lab_runner.errors import LabRunnerError, NoRoom, StoreError
from lab_runner.writing import write_whole

#: A line that was typed is kept up to so many characters.
LINE_LIMIT: Final = 2000
#: A cast's name: which terminal of the attempt, and on which machine.
_NAME = re.compile(r"^(\d+)-([a-z0-9-]+)\.cast$")
_ON, _OFF = b"on\n", b"off\n"


def folder(attempt: str) -> Path:
    """Where an attempt's terminals are kept."""
    return data_folder() / "records" / attempt


def terminals(attempt: str) -> list[Path]:
    """An attempt's casts, in the order in which they were begun."""
    found = [path for path in folder(attempt).glob("*.cast") if _NAME.match(path.name)]
    return sorted(found, key=lambda path: int(path.name.partition("-")[0]))


def node_of(terminal: str) -> str:
    """The machine of a terminal, by the name of its cast; empty if that is none."""
    found = _NAME.match(terminal)
    return found[2] if found else ""


def next_terminal(attempt: str, node: str) -> Path:
    """Where a terminal that is about to be opened is kept."""
    last = max((int(path.name.partition("-")[0]) for path in terminals(attempt)), default=0)
    return folder(attempt) / f"{last + 1}-{node}.cast"


# --- on and off ------------------------------------------------------------------


def _setting() -> Path:
    return data_folder() / "recording"


def is_wanted() -> bool:
    """Is practice recorded? It is unless somebody said ``lab record off``.

    Where it cannot be read any more what they said, nothing is recorded: they said something.
    """
    try:
        return _setting().read_bytes() == _ON
    except FileNotFoundError:
        return True
    except OSError:
        return False


def at_start(facts: dict[str, Any]) -> dict[str, Any]:
    """What the start of an attempt tells, with whether it is recorded; a course's always is."""
    return facts | {"recorded": bool(facts.get("course")) or is_wanted()}


def is_recorded(store: Store, attempt: str) -> bool:
    """Is the work on an attempt recorded now?

    Raises:
        StoreError: The record cannot be read.
    """
    start = next(iter(store.events(attempt, Kind.START)), None)
    if start is None:
        return False
    said = store.events(attempt, Kind.RECORD)
    return _is_of_a_course(start) or bool((said[-1] if said else start).payload.get(*_key(said)))


def _key(said: list[Event]) -> tuple[str, bool]:
    return ("on" if said else "recorded"), False


def switch(store: Store, attempts: Iterable[str], *, on: bool) -> list[str]:
    """Record practice from now on, or do not.

    Args:
        store: The record.
        attempts: Those that go on.
        on: Which.

    Returns:
        Of these the ones that are recorded whatever is wanted: they belong to a course.

    Raises:
        StoreError: It cannot be written down.
    """
    try:
        _setting().parent.mkdir(parents=True, exist_ok=True)
        write_whole(_setting(), _ON if on else _OFF)
    except (OSError, LabRunnerError) as exc:
        room = isinstance(exc, NoRoom) and exc.hint
        hint = room or f"Move it away (`mv {_setting()} {_setting()}.damaged`) and say it again."
        raise StoreError(str(exc), hint=hint) from exc
    kept = []
    for attempt in attempts:
        if any(map(_is_of_a_course, store.events(attempt, Kind.START))):
            kept.append(attempt)
        elif is_recorded(store, attempt) is not on:
            store.append(attempt, Kind.RECORD, {"on": on})
    return kept


def _is_of_a_course(start: Event) -> bool:
    return bool(start.payload.get("course"))


# --- what is over ------------------------------------------------------------------


def settle(store: Store, attempt: str) -> None:
    """Write down how terminals ended whose window was closed or whose program was killed.

    Whoever hands an attempt in, or takes its lab away, does this first.

    Raises:
        StoreError: It cannot be written down, or a cast cannot be read.
    """
    for path in terminals(attempt):
        if not _told(store, attempt, path.name):
            try:
                with casts.left(path) as is_left:
                    if is_left and not _told(store, attempt, path.name):
                        _cut_short(store, attempt, path)
                        tell_of(store, attempt, path)
            except OSError as exc:
                raise StoreError(f"{path} cannot be read: {exc.strerror}.") from exc


def tell_of(store: Store, attempt: str, cast: Path) -> None:
    """Put a terminal that is over under the attempt's chain."""
    data = cast.read_bytes()
    frames = list(_frames(data))
    told = {
        "node": node_of(cast.name),
        "terminal": cast.name,
        "began": _began(data, cast).isoformat(timespec="milliseconds"),
        "seconds": round(frames[-1].after, 3) if frames else 0.0,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    store.append(attempt, Kind.TERMINAL, told)


def _cut_short(store: Store, attempt: str, cast: Path) -> None:
    """Tell of the command that was running when nobody listened any more."""
    data = cast.read_bytes()
    begun = [frame for frame in _frames(data) if frame.kind == "m" and frame.text != casts.CUT]
    known = [e for e in store.events(attempt, Kind.COMMAND) if e.payload["terminal"] == cast.name]
    for frame in begun[len(known) :]:
        at = _began(data, cast) + datetime.timedelta(seconds=frame.after)
        store.append(attempt, Kind.COMMAND, command(cast.name, frame.text, at, None, None))


def command(
    terminal: str,
    line: str,
    began: datetime.datetime,
    seconds: float | None,
    status: int | None,
    *,
    node: str = "",
) -> dict[str, Any]:
    """What is written down of a command; None for what nobody saw."""
    return {
        "node": node or node_of(terminal),
        "terminal": terminal,
        "line": line[:LINE_LIMIT],
        "began": began.isoformat(timespec="milliseconds"),
        "seconds": None if seconds is None else round(seconds, 3),
        "status": status,
    }


def _told(store: Store, attempt: str, terminal: str) -> bool:
    return any(e.payload["terminal"] == terminal for e in store.events(attempt, Kind.TERMINAL))


def _frames(data: bytes) -> Iterator[casts.Frame]:
    try:
        yield from casts.frames(data.decode("utf-8", "replace"))
    except ValueError:  # killed before there was a whole first line
        return


def _began(data: bytes, cast: Path) -> datetime.datetime:
    try:
        seconds = float(casts.header_of(data.decode("utf-8", "replace"))["timestamp"])
    except (ValueError, TypeError, KeyError):
        seconds = cast.stat().st_mtime
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
