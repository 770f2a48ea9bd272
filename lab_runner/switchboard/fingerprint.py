"""What of a node is configuration: its files and its kernel's rules, each as a hash.

Taken when a lab is handed over and again when it is asked whether anything was
changed. Everything read here is the learner's: directories are walked by
descriptor and never out of the node's root, files are read up to a limit.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator

from lab_runner.switchboard import kernel, namespaces
from lab_runner.switchboard.children import write
from lab_runner.switchboard.vantage import NodeFiles, root_of

#: Where people and packages keep what decides how a machine behaves.
_PLACES = ("etc", "srv", "usr/local", "root/.ssh", "home", "var/spool/cron")
#: What changes by itself, at a boot or whenever somebody logs in.
_RESTLESS = {"etc/mtab", "etc/.pwd.lock", "etc/ld.so.cache", "etc/.updated", "etc/machine-id"}
_RESTLESS_NAMES = (".bash_history", ".lesshst", ".viminfo", ".cache", ".local")
_FILES_AT_MOST = 20_000
_BYTES_AT_MOST = 256 * 1024
_DEPTH_AT_MOST = 24


def take(pid: int, out: int) -> None:
    """Write a node's fingerprint as JSON: path or ``(kernel) word`` to a hash.

    Runs in a forked child, which then ends.
    """
    files = NodeFiles(root_of(pid))
    found = dict(_files(files))
    namespaces.enter(os.open(f"/proc/{pid}/ns/net", os.O_RDONLY), namespaces.CLONE_NEWNET)
    for word, lines in kernel.told().items():
        found[f"(kernel) {word}"] = _hash("\n".join(lines).encode())
    write(out, {"result": found})


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Names that appeared, vanished or changed, sorted."""
    return sorted(n for n in before.keys() | after.keys() if before.get(n) != after.get(n))


def is_restless(path: str) -> bool:
    """Does it change by itself, or whenever somebody logs in?"""
    return path in _RESTLESS or path.rsplit("/", 1)[-1] in _RESTLESS_NAMES


def _files(files: NodeFiles) -> Iterator[tuple[str, str]]:
    left = _FILES_AT_MOST
    for place in _PLACES:
        for path, facts in _walk(files, place, _DEPTH_AT_MOST):
            yield f"/{path}", facts
            left -= 1
            if not left:
                return


def _walk(files: NodeFiles, path: str, depth: int) -> Iterator[tuple[str, str]]:
    try:
        fd = files.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        entries = sorted(os.listdir(fd))
        yield path, _facts(os.fstat(fd), "")
        for name in entries:
            if not is_restless(f"{path}/{name}"):
                yield from _entry(files, fd, f"{path}/{name}", depth)
    finally:
        os.close(fd)


def _entry(files: NodeFiles, folder: int, path: str, depth: int) -> Iterator[tuple[str, str]]:
    name = path.rsplit("/", 1)[1]
    with contextlib.suppress(OSError):  # it went while we looked
        facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(facts.st_mode):
            if depth:
                yield from _walk(files, path, depth - 1)
        elif stat.S_ISLNK(facts.st_mode):
            yield path, _facts(facts, os.readlink(name, dir_fd=folder))
        elif stat.S_ISREG(facts.st_mode):
            yield path, _facts(facts, _hash(files.read(path, _BYTES_AT_MOST) or b""))
        else:
            yield path, _facts(facts, "")


def _facts(facts: os.stat_result, content: str) -> str:
    # A folder's size is the file system's business.
    size = 0 if stat.S_ISDIR(facts.st_mode) else facts.st_size
    return f"{facts.st_mode:o} {facts.st_uid}:{facts.st_gid} {size} {content}"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
