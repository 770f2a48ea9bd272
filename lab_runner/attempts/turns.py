"""One after the other: what would ruin a lab if two commands did it at the same time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from lab_runner.errors import StoreError, UsageError

#: Longer than machines may take to boot, twice.
PATIENCE_S = 150.0
_LOOK_AGAIN_S = 0.1


@contextlib.contextmanager
def turn(place: Path, what: str) -> Iterator[None]:
    """Wait until nobody else of this user's has the turn; it goes with the process.

    Args:
        place: A folder whose lock (flock(2)) it is; made if need be, and removed if it is empty.
        what: What is waited for, for the message.

    Raises:
        UsageError: Another command had it all the time.
        StoreError: The folder cannot be made.
    """
    deadline = time.monotonic() + PATIENCE_S
    while (held := _held(place)) is None:
        if time.monotonic() > deadline:
            raise UsageError(
                f"Another command has been at work on {what} for {PATIENCE_S:.0f} s.",
                hint="Look for a `lab` that hangs (`ps`), end it, and try again; `lab stop` "
                "waits for nobody.",
            )
        time.sleep(_LOOK_AGAIN_S)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # there is more in it than a lock
            place.rmdir()
        os.close(held)


def _held(place: Path) -> int | None:
    """What holds the lock; None where somebody else has it, or took the folder away just now."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # what is there may be gone a moment later
            place.mkdir(mode=0o700)
        held = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise StoreError(f"{place} cannot be used: {exc.strerror}.") from exc
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return None
    # The one before us may have removed it: then nobody else would look at ours.
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(place.stat(), os.fstat(held)):
            return held
    os.close(held)
    return None
