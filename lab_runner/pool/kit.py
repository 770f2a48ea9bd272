"""Which kit this is: only equal ones may do each other's work."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from lab_runner import __version__, paths

_DIGITS = 12


@functools.cache
def kit() -> str:
    """Version, and a digest of the program and of what images are made of.

    Labs and scenarios do not count: a job brings all that it needs of them.
    """
    seen = hashlib.sha256()
    tops = {"program": paths.package_root(), "images": paths.data_root() / "labs" / "images"}
    for title, top in tops.items():
        for file in sorted(top.rglob("*")):
            if _counts(file.relative_to(top)) and file.is_file():
                name = f"{title}/{file.relative_to(top).as_posix()}"
                seen.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return f"{__version__}+{seen.hexdigest()[:_DIGITS]}"


def _counts(file: Path) -> bool:
    """Is it there in a checkout as it is in a wheel?"""
    return "__pycache__" not in file.parts and file.parts[0] not in {"data", "authorities"}
