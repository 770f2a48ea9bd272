"""What a learner changed on a node's disk: found on one lab, laid on another.

Found by the time of an inode's last change (inode(7), ctime), which nobody on a node
can set. Everything here is somebody else's: folders are walked by descriptor, no link
is ever followed, and all sizes have limits.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator, Mapping

from lab_runner.models.disk_changes import (
    ATTRIBUTES,
    ENTRIES_LIMIT,
    FILE_LIMIT,
    LEFT_OUT_LIMIT,
    NAMES_LIMIT,
    NODE_LIMIT,
    DiskChanges,
    Entry,
    is_passing,
)
from lab_runner.switchboard.fingerprint import is_restless
from lab_runner.switchboard.vantage import NodeFiles

_DEPTH_AT_MOST = 64
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
#: What is no file, folder or link cannot be handed in.
_SPECIAL = {
    stat.S_IFSOCK: "a socket",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def folders(files: NodeFiles) -> dict[str, tuple[int, list[str]]]:
    """The folders of a disk: inode numbers, by which one that was moved is known, and names."""
    every: dict[str, tuple[int, list[str]]] = {}
    root = files.open(".", _FOLDER)
    try:
        _note_folders(root, "", _DEPTH_AT_MOST, every)
    finally:
        os.close(root)
    return every


def _note_folders(fd: int, path: str, depth: int, every: dict[str, tuple[int, list[str]]]) -> None:
    with os.scandir(fd) as entries:
        found = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
    every[path] = os.fstat(fd).st_ino, list(found)
    names = [name for name, is_folder in found.items() if is_folder]
    for name in names if depth else []:
        below = _below(path, name)
        if is_passing(below):
            continue
        with contextlib.suppress(OSError):  # it went while we looked
            folder = os.open(name, _FOLDER, dir_fd=fd)
            try:
                _note_folders(folder, below, depth - 1, every)
            finally:
                os.close(folder)


def found(files: NodeFiles, since: float, known: Mapping[str, int] | None) -> DiskChanges:
    """What was changed on a disk.

    Args:
        files: The disk.
        since: After this, in seconds since the epoch.
        known: Its folders then. What is in one that was moved to where it is now has not
            changed itself, and is taken whole. If nobody knows, all in changed ones is.
    """
    search = _Search(since, known)
    root = files.open(".", _FOLDER)
    try:
        search.folder(root, "", _DEPTH_AT_MOST, whole=False)
    finally:
        os.close(root)
    return DiskChanges(tuple(search.entries), search.folders, search.left_out)


class _Search:
    def __init__(self, since: float, known: Mapping[str, int] | None) -> None:
        self.entries: list[Entry] = []
        self.folders: dict[str, tuple[str, ...]] = {}
        self.left_out: dict[str, str] = {}
        self._since, self._known = since, known
        self._bytes, self._names = NODE_LIMIT, NAMES_LIMIT

    def folder(self, fd: int, path: str, depth: int, *, whole: bool) -> None:
        names = sorted(os.listdir(fd))
        facts = os.fstat(fd)
        changed = facts.st_ctime > self._since
        whole = whole or self._is_another(path, facts.st_ino, changed=changed)
        if changed or whole:
            self._listed(path, names)
            if path:
                self._put(path, facts, fd)
        for name in names:
            below = _below(path, name)
            if is_restless(below) or is_passing(below):
                continue
            with contextlib.suppress(FileNotFoundError):  # it went while we looked
                self._entry(fd, name, below, depth, whole=whole)

    def _is_another(self, path: str, inode: int, *, changed: bool) -> bool:
        return changed if self._known is None else self._known.get(path) != inode

    def _entry(self, folder: int, name: str, path: str, depth: int, *, whole: bool) -> None:
        facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(facts.st_mode):
            if not depth:
                self._leave_out(path, f"more than {_DEPTH_AT_MOST} folders deep")
                return
            fd = os.open(name, _FOLDER, dir_fd=folder)
            try:
                self.folder(fd, path, depth - 1, whole=whole)
            finally:
                os.close(fd)
        elif whole or facts.st_ctime > self._since:
            self._changed(folder, name, path, facts)

    def _changed(self, folder: int, name: str, path: str, facts: os.stat_result) -> None:
        kind = stat.S_IFMT(facts.st_mode)
        if kind == stat.S_IFLNK:
            self._put(path, facts, None, target=os.readlink(name, dir_fd=folder))
        elif kind in _SPECIAL:
            self._leave_out(path, _SPECIAL[kind])
        elif facts.st_size > FILE_LIMIT:
            self._leave_out(path, f"larger than {FILE_LIMIT >> 20} MiB")
        else:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            try:
                self._put(path, facts, fd, content=_read(fd))
            finally:
                os.close(fd)

    def _put(
        self,
        path: str,
        facts: os.stat_result,
        fd: int | None,
        *,
        content: bytes = b"",
        target: str = "",
    ) -> None:
        if len(self.entries) == ENTRIES_LIMIT or len(content) > self._bytes:
            self._leave_out(path, "more than a hand-in can hold")
            return
        self._bytes -= len(content)
        kind = "link" if fd is None else "folder" if stat.S_ISDIR(facts.st_mode) else "file"
        self.entries.append(
            Entry(
                path=path,
                kind=kind,
                mode=stat.S_IMODE(facts.st_mode),
                uid=facts.st_uid,
                gid=facts.st_gid,
                mtime=facts.st_mtime,
                content=content,
                target=target,
                attributes=dict(_attributes(fd)) if fd is not None else {},
            )
        )

    def _listed(self, path: str, names: list[str]) -> None:
        self._names -= len(names)
        if self._names < 0 or len(self.folders) == ENTRIES_LIMIT:
            self._leave_out(path, "more names than a hand-in can hold")
        else:
            self.folders[path] = tuple(names)

    def _leave_out(self, path: str, why: str) -> None:
        if len(self.left_out) < LEFT_OUT_LIMIT:
            self.left_out[path] = why


def _read(fd: int) -> bytes:
    data = b""
    while len(data) < FILE_LIMIT and (piece := os.read(fd, FILE_LIMIT - len(data))):
        data += piece
    return data


def _attributes(fd: int) -> Iterator[tuple[str, bytes]]:
    for name in ATTRIBUTES:
        with contextlib.suppress(OSError):  # most have none
            yield name, os.getxattr(fd, name)


def lay(files: NodeFiles, changes: DiskChanges) -> None:
    """Write changes on the disk of a node that is switched off.

    What is gone from a folder that was changed goes here, too.

    Raises:
        OSError: A path leads through what is no folder, or the disk is full; with the path.
    """
    for path, names in changes.folders.items():
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            _thin_out(files, path, set(names))
    # A folder before what is in it.
    for entry in sorted(changes.entries, key=lambda entry: entry.path.count("/")):
        try:
            _write(files, entry)
        except OSError as exc:
            raise OSError(exc.errno, f"{os.strerror(exc.errno or 0)}: /{entry.path}") from exc


def _thin_out(files: NodeFiles, path: str, names: set[str]) -> None:
    fd = files.open(path or ".", _FOLDER, links=False)
    try:
        for name in set(os.listdir(fd)) - names:
            below = _below(path, name)
            if not (is_restless(below) or is_passing(below)):
                _remove(fd, name)
    finally:
        os.close(fd)


def _below(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _remove(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except IsADirectoryError:
        shutil.rmtree(name, dir_fd=folder)


def _write(files: NodeFiles, entry: Entry) -> None:
    parent, _, name = entry.path.rpartition("/")
    folder = files.open(parent or ".", _FOLDER, links=False)
    try:
        _make_room(folder, name, entry.kind)
        if entry.kind == "link":
            os.symlink(entry.target, name, dir_fd=folder)
            os.chown(name, entry.uid, entry.gid, dir_fd=folder, follow_symlinks=False)
            return
        if entry.kind == "folder":
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, dir_fd=folder)
            fd = os.open(name, _FOLDER, dir_fd=folder)
        else:
            fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
        try:
            _fill(fd, entry)
        finally:
            os.close(fd)
    finally:
        os.close(folder)


def _make_room(folder: int, name: str, kind: str) -> None:
    """What is there goes, unless it is a folder and stays one."""
    try:
        there = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not (kind == "folder" and stat.S_ISDIR(there.st_mode)):
        _remove(folder, name)


def _fill(fd: int, entry: Entry) -> None:
    content = memoryview(entry.content)
    while content:
        content = content[os.write(fd, content) :]
    os.fchown(fd, entry.uid, entry.gid)
    os.fchmod(fd, entry.mode)  # after the owner, whose change takes setuid away
    for name, value in entry.attributes.items():
        try:
            os.setxattr(fd, name, value)
        except OSError as exc:
            if exc.errno != errno.EOPNOTSUPP:
                raise
    os.utime(fd, (entry.mtime, entry.mtime))
