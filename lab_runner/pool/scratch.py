"""A worker's folder for what is no use after it; what a killed one has left goes as well."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "breakfix-worker-"


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A fresh folder, for the time of this; before that, those that nobody holds are removed.

    The folder itself is locked (flock(2)): the lock goes with the process, however that ends.

    Raises:
        OSError: None can be made.
    """
    sweep()
    folder, held = _locked()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def sweep() -> list[Path]:
    """Remove the folders of workers that were killed; which ones that were."""
    found = sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))
    return [folder for folder in found if _removed(folder)]


def _locked() -> tuple[Path, int]:
    """A folder that is ours, and what holds it: another worker may sweep it before it is locked."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        with contextlib.suppress(FileNotFoundError):
            held = _opened(folder)
            fcntl.flock(held, fcntl.LOCK_EX)
            if folder.exists():
                return folder, held
            os.close(held)


def _removed(folder: Path) -> bool:
    try:
        held = _opened(folder)
    except OSError:  # no folder, or gone, or not ours to read
        return False
    try:
        if os.fstat(held).st_uid != os.geteuid():
            return False
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return False
    finally:
        os.close(held)
    return not folder.exists()


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
