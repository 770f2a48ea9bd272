"""Files that are for their owner alone: keys, invitations, marks."""

from __future__ import annotations

from pathlib import Path

from lab_runner.writing import not_written, write_whole


def write_private(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, for the owner alone; its folder is made if need be.

    Raises:
        NoRoom: The disk is full.
        UsageError: It cannot be written for another reason.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise not_written(path, exc) from exc
    write_whole(path, data, 0o600)
