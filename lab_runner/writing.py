"""Writes files whole or not at all: a disk that is full costs nothing that was there before."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from lab_runner.errors import LabRunnerError, NoRoom, UsageError

_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextlib.contextmanager
def whole(path: Path, mode: int | None = None) -> Iterator[BinaryIO]:
    """A file that is there under its name once all of it was written.

    What is no regular file, a pipe say, is written to as it is.

    Args:
        path: Its name.
        mode: Who may read and write it; if left out, those who might before.

    Raises:
        NoRoom: The disk is full.
        UsageError: It cannot be written for another reason.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
        else:
            with _beside(Path(os.path.realpath(path)), mode) as file:
                yield file
    except OSError as exc:
        raise not_written(path, exc) from exc


def write_whole(path: Path, data: bytes, mode: int | None = None) -> None:
    """Write a file; see :func:`whole`."""
    with whole(path, mode) as file:
        file.write(data)


def not_written(path: Path, exc: OSError, hint: str = "") -> LabRunnerError:
    """The error for what could not be written: room is the machine's matter, a name the user's."""
    text = f"{path} cannot be written: {exc.strerror}."
    if exc.errno in _FULL:
        return NoRoom(text, hint="Make room on its disk, and try again: nothing else was changed.")
    return UsageError(text, hint=hint)


@contextlib.contextmanager
def _beside(path: Path, mode: int | None) -> Iterator[BinaryIO]:
    """Another file in the same folder, which takes the name when it is complete."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    before = path.stat().st_mode & 0o777 if path.exists() else None
    try:
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode)
        with os.fdopen(fd, "wb") as file:
            if mode is None and before is not None:
                os.fchmod(fd, before)
            yield file
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
