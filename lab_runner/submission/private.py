"""Files that are for their owner alone: keys, invitations, marks."""

from __future__ import annotations

import os
from pathlib import Path

from lab_runner.errors import UsageError


def write_private(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, for the owner alone; its folder is made if need be.

    Raises:
        UsageError: It cannot be written.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
        beside.replace(path)
    except OSError as exc:
        raise UsageError(f"{path} cannot be written: {exc.strerror}.") from exc
