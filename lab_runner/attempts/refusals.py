"""Why a record cannot be used, and what to do about it."""

from __future__ import annotations

import shutil
from pathlib import Path

from lab_runner.attempts.holders import holders
from lab_runner.errors import StoreError

#: With less room on its disk, in bytes, a record cannot be written: its log needs pages.
_ROOM = 256 << 10


def damaged(exc: Exception, path: Path) -> StoreError:
    """It is no record, or not any more."""
    return StoreError(
        f"The record of attempts is damaged: {exc} ({path}).",
        hint=f"Move it away (`mv {path} {path}.damaged`): a new one is begun, "
        "and labs that run stay usable, for the engine knows them.",
    )


def refused(exc: Exception, path: Path, patience_s: float) -> StoreError:
    """Somebody else has it, its disk is full, or it may not be opened."""
    if "locked" in str(exc):
        return _locked(path, patience_s)
    if _is_full(path.parent):
        return StoreError(
            f"The record of attempts cannot be used: its disk is full ({path}).",
            hint="Make room there, and try again: nothing that was written is lost. "
            "`lab stop` takes labs away all the same.",
        )
    return StoreError(
        f"The record of attempts cannot be used: {exc} ({path}).",
        hint="See that the folder is yours and its disk has room, or set BREAKFIX_HOME to "
        "another folder.",
    )


def _locked(path: Path, patience_s: float) -> StoreError:
    who = holders(path)
    names = " and ".join(map(str, who)) or "Another process"
    look = f"`ps {who[0].pid}` shows it" if who else "look for a `lab` that hangs (`ps`)"
    return StoreError(
        f"{names} has held {path} for {patience_s:.0f} s.",
        hint=f"Wait until it is done, or end it if it hangs ({look}); then try again.",
    )


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _ROOM
    except OSError:
        return False
