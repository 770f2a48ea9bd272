"""A file on the node's disk, opened without leaving the node's root (openat2(2))."""

from __future__ import annotations

import errno
import os
import stat

from lab_runner.errors import ProbeError
from lab_runner.models.evidence import FileEvidence
from lab_runner.models.probes import FileProbe
from lab_runner.switchboard.probes._text import TEXT_LIMIT, clean
from lab_runner.switchboard.vantage import Vantage

#: What a path that leads nowhere ends in; any other errno is the instrument's.
_NOWHERE = {
    errno.ENOENT: None,
    errno.ENOTDIR: "a part of the path is no directory",
    errno.ELOOP: "a loop of symbolic links",
    errno.EXDEV: "links that leave the disk",
    errno.ENAMETOOLONG: "a name that is too long",
}


def ask(probe: FileProbe, at: Vantage) -> FileEvidence:
    """Look at the final target; only regular files are read."""
    try:
        fd = at.files.open(probe.path, os.O_PATH)
    except OSError as exc:
        return _not_there(probe.path, exc, at)
    try:
        return _describe(probe.path, os.fstat(fd), at)
    finally:
        os.close(fd)


def _not_there(path: str, exc: OSError, at: Vantage) -> FileEvidence:
    if exc.errno not in _NOWHERE:
        raise ProbeError(f"{path} cannot be looked at: {exc.strerror}") from exc
    if exc.errno == errno.ENOENT and _is_link(path, at):
        return FileEvidence(path=path, kind="symlink", problem="a link to nothing")
    return FileEvidence(path=path, kind=None, problem=_NOWHERE[exc.errno])


def _is_link(path: str, at: Vantage) -> bool:
    try:
        fd = at.files.open(path, os.O_PATH | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return stat.S_ISLNK(os.fstat(fd).st_mode)
    finally:
        os.close(fd)


def _describe(path: str, status: os.stat_result, at: Vantage) -> FileEvidence:
    content = at.files.read(path, TEXT_LIMIT) if stat.S_ISREG(status.st_mode) else None
    return FileEvidence(
        path=path,
        kind=_kind(status.st_mode),
        mode=f"{stat.S_IMODE(status.st_mode):04o}",
        uid=status.st_uid,
        gid=status.st_gid,
        size=status.st_size,
        content=None if content is None else clean(content),
    )


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "regular"
    return "directory" if stat.S_ISDIR(mode) else "other"
