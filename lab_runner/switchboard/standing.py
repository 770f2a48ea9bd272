"""How a node stands against how it was handed over: which files changed, what its kernel was told.

Names and lines only, no content: it is asked beside every check, and must not be felt there.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
from collections.abc import Iterator, Mapping

from lab_runner.models.disk_changes import is_passing
from lab_runner.switchboard import kernel, namespaces
from lab_runner.switchboard.changes import folders
from lab_runner.switchboard.children import write
from lab_runner.switchboard.fingerprint import is_restless
from lab_runner.switchboard.state import FOLDERS, KERNELS, of_node, stored
from lab_runner.switchboard.vantage import NodeFiles, root_of

#: A disk's folders: inode number, and the names in it.
Folders = Mapping[str, tuple[int, list[str]]]
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_DEPTH_AT_MOST = 64
#: So many files of a node are named, and lines of one kind of its kernel's state.
_FILES_AT_MOST = 300
_LINES_AT_MOST = 200
_LINE_AT_MOST = 500
#: Of what a node's kernel was told no more is compared, in lines of one kind.
_READ_AT_MOST = 5_000
#: Others go first: this is for the record, and nobody waits for it.
_NICE = 5
#: Below these most files are, and nobody works: the files of a folder are looked at only where
#: the folder itself changed, as it does when one is added, removed, replaced, or, on an overlay
#: (kernel documentation, overlayfs, "Non-directories"), written to for the first time.
_PACKAGES = ("usr/bin", "usr/include", "usr/lib", "usr/libexec", "usr/sbin", "usr/share")


def note_kernel(name: str, pid: int, out: int) -> None:
    """Write down what a node's kernel was told. Runs in a forked child."""
    _enter(pid)
    of_node(KERNELS, name).write_text(json.dumps(kernel.state()))
    write(out, {"result": True})


def tell_kernel(_name: str, pid: int, out: int) -> None:
    """Write what a node's kernel has been told. Runs in a forked child."""
    _enter(pid)
    write(out, {"result": kernel.state()})


def note_folders(name: str, pid: int, out: int) -> None:
    """Write down how a node's disk is arranged. Runs in a forked child."""
    os.nice(_NICE)
    noted = json.dumps(folders(NodeFiles(root_of(pid))))
    of_node(FOLDERS, name).write_text(noted)
    write(out, {"result": True})


def folders_of(name: str) -> Folders | None:
    """How a node's disk was arranged when it was handed over; None if nobody knows."""
    known: Folders | None = stored(of_node(FOLDERS, name), None)
    return known


def compare(name: str, pid: int, since: float, out: int) -> None:
    """Write what differs on a node from how it was handed over. Runs in a forked child.

    Args:
        name: The node.
        pid: Its PID 1.
        since: When it was handed over, in seconds since the epoch.
        out: Where to.
    """
    os.nice(_NICE)
    known, before = folders_of(name), stored(of_node(KERNELS, name), None)
    if known is None or before is None:
        write(out, {"error": "how it was handed over is not known"})
        return
    files = sorted(changed_files(NodeFiles(root_of(pid)), since, known))
    _enter(pid)
    told = {"files": files[:_FILES_AT_MOST], "network": differing(before, kernel.state())}
    write(out, {"result": told})


def _enter(pid: int) -> None:
    fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    namespaces.enter(fd, namespaces.CLONE_NEWNET)


def differing(
    before: Mapping[str, list[str]], now: Mapping[str, list[str]]
) -> dict[str, dict[str, list[str]]]:
    """The lines that came and went, by kind, where any did."""
    found = {}
    for kind, lines in now.items():
        added, removed = _lines(before.get(kind, []), lines)
        if added or removed:
            found[kind] = {"added": added, "removed": removed}
    return found


def _lines(before: list[str], now: list[str]) -> tuple[list[str], list[str]]:
    told = difflib.unified_diff(before[:_READ_AT_MOST], now[:_READ_AT_MOST], n=0, lineterm="")
    added: list[str] = []
    removed: list[str] = []
    for line in list(told)[2:]:  # without what would be names of files
        if line[0] in "+-":
            (added if line[0] == "+" else removed).append(line[1:][:_LINE_AT_MOST].rstrip())
    return added[:_LINES_AT_MOST], removed[:_LINES_AT_MOST]


def changed_files(files: NodeFiles, since: float, known: Folders) -> Iterator[tuple[str, str]]:
    """``added``, ``changed`` or ``removed``, and the path, of what is not as it was.

    Args:
        files: The disk.
        since: When it was as it was, in seconds since the epoch.
        known: Its folders then.
    """
    root = files.open(".", _FOLDER)
    try:
        yield from _in_folder(root, "", since, known, _DEPTH_AT_MOST)
    finally:
        os.close(root)


def _in_folder(
    fd: int, path: str, since: float, known: Folders, depth: int
) -> Iterator[tuple[str, str]]:
    inode, before = known.get(path, (0, []))
    facts = os.fstat(fd)
    if facts.st_ino == inode and facts.st_ctime <= since and path.startswith(_PACKAGES):
        yield from _in_calm_folder(fd, path, before, since, known, depth)
        return
    # One that was moved here has brought all that is in it.
    names = set(before) if facts.st_ino == inode else set()
    with os.scandir(fd) as entries:
        found = {entry.name: entry for entry in entries}
    yield from (
        ("removed", below(path, name)) for name in names - found.keys() if _counts(path, name)
    )
    for name, entry in found.items():
        if not _counts(path, name):
            continue
        with contextlib.suppress(OSError):  # it went while we looked
            is_folder = entry.is_dir(follow_symlinks=False)
            if name not in names:
                yield "added", below(path, name)
            elif not is_folder and entry.stat(follow_symlinks=False).st_ctime > since:
                yield "changed", below(path, name)
            if is_folder and depth:
                yield from _below_it(fd, path, name, since, known, depth - 1)


def _in_calm_folder(
    fd: int, path: str, names: list[str], since: float, known: Folders, depth: int
) -> Iterator[tuple[str, str]]:
    for name in names if depth else []:
        if below(path, name) in known:
            with contextlib.suppress(OSError):  # it went while we looked
                yield from _below_it(fd, path, name, since, known, depth - 1)


def _below_it(
    fd: int, path: str, name: str, since: float, known: Folders, depth: int
) -> Iterator[tuple[str, str]]:
    folder = os.open(name, _FOLDER, dir_fd=fd)
    try:
        yield from _in_folder(folder, below(path, name), since, known, depth)
    finally:
        os.close(folder)


def _counts(path: str, name: str) -> bool:
    whole = below(path, name)
    return not (is_restless(whole) or is_passing(whole))


def below(path: str, name: str) -> str:
    """The path of what is called so in a folder."""
    return f"{path}/{name}" if path else name
