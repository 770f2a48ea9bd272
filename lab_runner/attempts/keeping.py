"""What is kept of attempts on this disk: shown, taken along, thrown away."""

from __future__ import annotations

import contextlib
import json
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab_runner.attempts.history import Record, records
from lab_runner.attempts.recording import folder, is_recorded, settle, terminals
from lab_runner.attempts.store import Event, Kind, Store
from lab_runner.errors import NoAttempt, StoreError, UsageError

_EVENTS = "events.json"


@dataclass(frozen=True)
class Kept:
    """All that is kept of one attempt.

    Attributes:
        on: Is what is done on it recorded now?
        terminals: Its casts.
        counts: How many events there are of each kind.
        bytes: The size of all that together.
    """

    record: Record
    on: bool
    terminals: list[Path]
    counts: Counter[Kind]
    bytes: int


def kept(store: Store, wanted: str | None = None) -> list[Kept]:
    """What is kept of each attempt, oldest first; of those that are meant by first letters.

    Raises:
        NoAttempt: None is meant.
        StoreError: The record cannot be read.
    """
    by_attempt: dict[str, list[Event]] = {}
    for event in store.events():
        by_attempt.setdefault(event.attempt, []).append(event)
    names = [name for name in by_attempt if name.startswith(wanted or "")]
    if wanted and not names:
        raise NoAttempt(f"Nothing is kept of an attempt {wanted!r}.", hint="`lab record show`")
    return [_kept(store, name, by_attempt[name]) for name in names]


def the_one(store: Store, wanted: str) -> Kept:
    """What is kept of the attempt that is meant.

    Raises:
        NoAttempt: None is meant.
        UsageError: Several are.
    """
    found = kept(store, wanted)
    if len(found) > 1:
        names = ", ".join(one.record.attempt for one in found)
        raise UsageError(f"{len(found)} attempts could be meant: {names}.", hint="Name one.")
    return found[0]


def _kept(store: Store, attempt: str, events: list[Event]) -> Kept:
    found = terminals(attempt)
    return Kept(
        record=records(events)[attempt],
        on=is_recorded(store, attempt),
        terminals=found,
        counts=Counter(event.kind for event in events),
        bytes=sum(map(_size, found)) + sum(len(event.text) for event in events),
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it was deleted while we looked
        return 0


def export(store: Store, attempts: Iterable[str], target: Path) -> None:
    """Write all that is kept of attempts into a new folder, or a new file that ends in ``.zip``.

    Raises:
        UsageError: There is something of that name already.
        StoreError: It cannot be written.
    """
    names = list(attempts)
    for name in names:
        settle(store, name)
    write = _zipped if target.suffix == ".zip" else _copied
    try:
        write(store, names, target)
    except FileExistsError as exc:  # of two who want the name at once one has it
        raise UsageError(f"{target} is there already.", hint="Name one that is not.") from exc
    except OSError as exc:
        _take_back(target)
        raise StoreError(
            f"{target} cannot be written: {exc.strerror} ({exc.filename or target}).",
            hint="Nothing of it was left. Name another place with --to, or make room there.",
        ) from exc


def _take_back(target: Path) -> None:
    """Remove what was not there before."""
    shutil.rmtree(target, ignore_errors=True)
    with contextlib.suppress(OSError):
        target.unlink()


def _zipped(store: Store, attempts: list[str], target: Path) -> None:
    with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED) as file:
        for name in attempts:
            file.writestr(f"{name}/{_EVENTS}", _events(store, name))
            for cast in terminals(name):
                file.write(cast, f"{name}/{cast.name}")


def _copied(store: Store, attempts: list[str], target: Path) -> None:
    target.mkdir(parents=True)
    for name in attempts:
        (target / name).mkdir()
        (target / name / _EVENTS).write_text(_events(store, name))
        for cast in terminals(name):
            shutil.copy(cast, target / name / cast.name)


def _events(store: Store, attempt: str) -> str:
    return json.dumps([_told(event) for event in store.events(attempt)], indent=1) + "\n"


def _told(event: Event) -> dict[str, Any]:
    """An event with all that its link in the chain is made of (:mod:`.chain`)."""
    return {
        "attempt": event.attempt,
        "written": event.written,
        "kind": event.kind.value,
        "text": event.text,
        "link": event.link,
    }


def delete(store: Store, attempts: Iterable[str]) -> None:
    """Throw away all that is kept of attempts.

    Raises:
        StoreError: Something of it is still there.
    """
    for name in attempts:
        # The casts first: as long as the events are there, it can be asked for again.
        for path in _remains(name):
            raise StoreError(f"{path} could not be deleted.")
        store.forget(name)


def _remains(attempt: str) -> Iterator[Path]:
    shutil.rmtree(folder(attempt), ignore_errors=True)
    if folder(attempt).exists():
        yield folder(attempt)
