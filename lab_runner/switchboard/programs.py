"""Which programs of a node are no longer those of its image.

What a learner puts in the place of a program has a change time after the node was
made: nobody on a node sets that (inode(7), ctime), or the clock. The image's own
files were unpacked before.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from lab_runner.switchboard.children import write
from lab_runner.switchboard.probes._text import clean
from lab_runner.switchboard.vantage import NodeFiles, root_of

#: Every file here decides what a program does; and so does the folder, where one was removed.
_PROGRAMS = ("usr/bin", "usr/sbin")
#: Units and settings are here as well, which people do change: only libraries count.
_LIBRARIES = ("usr/lib", "usr/lib64")
#: Where these are looked for, and what ld.so(8) puts before them.
_LINKS = ("bin", "sbin", "lib", "lib64", "etc/ld.so.preload")
_ALTERNATIVES = "/etc/alternatives/"
_DEPTH_AT_MOST = 8
_ENTRIES_AT_MOST = 50_000
_NAMED = 20


def altered(pid: int, since: float, out: int) -> None:
    """Write as JSON which programs and libraries were changed after ``since``, and of how many.

    Runs in a forked child, which then ends.

    Args:
        pid: The node's PID 1.
        since: When the node was made, in seconds since the epoch.
        out: Where to write.
    """
    files = NodeFiles(root_of(pid))
    entries = 0
    newer = []
    for path, changed in _entries(files):
        entries += 1
        if changed > since:
            newer.append(f"/{path}")
        if entries == _ENTRIES_AT_MOST:
            break
    # A folder is named where nothing in it explains that it changed: something was removed.
    named = [path for path in newer if path[1:] not in _PROGRAMS] or newer
    answer = {
        "altered": [clean(path) for path in sorted(named)[:_NAMED]],
        "count": len(newer),
        "of": entries,
    }
    write(out, {"result": answer})


def _entries(files: NodeFiles) -> Iterator[tuple[str, float]]:
    for path in _LINKS:
        changed = _changed(files, path)
        if changed is not None:
            yield path, changed
    for path in _PROGRAMS:
        yield from _folder(files, path)
    for path in _LIBRARIES:
        for found, changed in _folder(files, path, _DEPTH_AT_MOST):
            if ".so" in found.rsplit("/", 1)[1]:
                yield found, changed


def _folder(files: NodeFiles, path: str, depth: int = 0) -> Iterator[tuple[str, float]]:
    """Each file in a folder, and the folder itself, with the time of its last change."""
    try:
        fd = files.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        yield path, os.fstat(fd).st_ctime
        with os.scandir(fd) as entries:
            for entry in entries:
                name = f"{path}/{entry.name}"
                facts = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(facts.st_mode) and depth:
                    yield from _folder(files, name, depth - 1)
                elif stat.S_ISLNK(facts.st_mode):
                    chosen = _chosen(files, os.readlink(entry.name, dir_fd=fd))
                    yield name, max(facts.st_ctime, chosen)
                else:
                    yield name, facts.st_ctime
    except OSError:  # it went while we looked
        return
    finally:
        os.close(fd)


def _chosen(files: NodeFiles, target: str) -> float:
    """When somebody chose where a link of update-alternatives(1) leads."""
    return (_changed(files, target) or 0.0) if target.startswith(_ALTERNATIVES) else 0.0


def _changed(files: NodeFiles, path: str) -> float | None:
    """When something was last changed; None if nothing is there."""
    try:
        fd = files.open(path, os.O_PATH | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        return os.fstat(fd).st_ctime
    finally:
        os.close(fd)
