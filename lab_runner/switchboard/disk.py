"""Lays a node's own files on its fresh disk, before it is switched on for the first time.

The engine could take the files as well, but it starts a program of its own for
each archive: with a dozen nodes that is half a second of a lab's start.
"""

from __future__ import annotations

import base64
import io
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

#: Writes on the disk of a node that waits for power, by its PID 1.
Laying = Callable[[int], None]


@dataclass(frozen=True)
class Disk:
    """What a node has on its disk apart from its image.

    Attributes:
        archive: A tar archive of whole files, folders and links.
        appended: Lines for files that the image has, by path without the leading slash.
    """

    archive: bytes
    appended: Mapping[str, str]

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Disk:
        """From a request: ``{"archive": base64, "appended": {path: text}}``."""
        appended = data["appended"]
        assert isinstance(appended, Mapping)
        return cls(base64.b64decode(str(data["archive"])), appended)


def lay(pid: int, disk: Disk) -> None:
    """Write a disk's files into the root of a node that has not yet booted.

    Runs in a forked child. Nothing on that disk is a learner's yet.

    Raises:
        OSError: The disk is full, or the node is gone.
    """
    root = Path(f"/proc/{pid}/root")
    with tarfile.open(fileobj=io.BytesIO(disk.archive)) as tar:
        for member in tar:
            # A link that lies there would be followed, out of the node's root if it is absolute.
            if (root / member.name).is_symlink():
                (root / member.name).unlink()
            tar.extract(member, root, numeric_owner=True, filter="fully_trusted")
    for path, text in disk.appended.items():
        with (root / path).open("a") as file:
            file.write(text)
