"""What somebody changed on a node's disk since the machine was handed to them.

Standard library only: the switchboard reads and writes it. What is read may come from
anybody, so nothing is believed: names stay below the root, and everything has a limit.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

#: Of one file, of all files of one node together, in bytes; entries and names of one node.
FILE_LIMIT: Final = 1 << 20
NODE_LIMIT: Final = 6 << 20
ENTRIES_LIMIT: Final = 5_000
NAMES_LIMIT: Final = 50_000
LEFT_OUT_LIMIT: Final = 100
#: Linux's own (limits.h): a path, and each name in it.
PATH_LIMIT, NAME_LIMIT = 4096, 255
#: Nothing below these is on a disk, or lasts, or is anybody's work.
PASSING: Final = (
    *("dev", "proc", "sys", "run", "tmp"),
    *("var/cache", "var/log", "var/tmp", "var/lib/systemd"),
)
#: The attributes that are kept: access control lists, acl(5).
ATTRIBUTES: Final = ("system.posix_acl_access", "system.posix_acl_default")
_MODES = 0o7777
_IDS = 1 << 32
_KINDS = ("file", "folder", "link")


class BadChanges(ValueError):
    """This is no list of changes, or one that nobody's work would make."""


@dataclass(frozen=True)
class Entry:
    """One file, folder or link as it is now.

    Attributes:
        path: Without the leading slash; bytes that are no UTF-8 are escaped (PEP 383).
        kind: ``file``, ``folder`` or ``link``.
        mode: Permission bits, up to 0o7777.
        mtime: The time of its last change, in seconds since the epoch.
        content: A file's bytes.
        target: Where a link leads.
        attributes: Extended attributes, of those in :data:`ATTRIBUTES`.
    """

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    mtime: float
    content: bytes = b""
    target: str = ""
    attributes: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class DiskChanges:
    """One node's.

    Attributes:
        entries: What was made or changed.
        folders: The names in each folder from which or to which something was taken or put.
        left_out: What is not among the entries though it changed, by path, and why.
    """

    entries: tuple[Entry, ...] = ()
    folders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """For a line, or a file."""
        return {
            "entries": [_entry_to_json(entry) for entry in self.entries],
            "folders": {path: list(names) for path, names in self.folders.items()},
            "left_out": dict(self.left_out),
        }

    @classmethod
    def from_json(cls, data: object) -> DiskChanges:
        """From anybody.

        Raises:
            BadChanges: It is not of this form, names what lies outside, or is too much.
        """
        fields = _object(data, {"entries", "folders", "left_out"}, "changes")
        entries = tuple(_entries(_list(fields["entries"], ENTRIES_LIMIT, "entries")))
        folders = dict(_folders(_map(fields["folders"], ENTRIES_LIMIT, "folders")))
        if sum(map(len, folders.values())) > NAMES_LIMIT:
            raise BadChanges(f"more than {NAMES_LIMIT} names in folders")
        left_out = _map(fields["left_out"], LEFT_OUT_LIMIT, "left_out")
        told = {_text(path, "left_out"): _text(why, "left_out") for path, why in left_out.items()}
        return cls(entries, folders, told)


def is_passing(path: str) -> bool:
    """Is it below one of the places that are no part of a disk?"""
    return any(path == place or path.startswith(f"{place}/") for place in PASSING)


def _entry_to_json(entry: Entry) -> dict[str, Any]:
    return asdict(entry) | {
        "content": base64.b64encode(entry.content).decode(),
        "attributes": {n: base64.b64encode(v).decode() for n, v in entry.attributes.items()},
    }


def _entries(items: list[Any]) -> Iterator[Entry]:
    seen: set[str] = set()
    left = NODE_LIMIT
    for item in items:
        entry = _entry(item)
        if entry.path in seen:
            raise BadChanges(f"{entry.path!r} is there twice")
        seen.add(entry.path)
        left -= len(entry.content)
        if left < 0:
            raise BadChanges(f"more than {NODE_LIMIT >> 20} MiB on one machine")
        yield entry


def _entry(item: object) -> Entry:
    names = set(Entry.__dataclass_fields__)
    fields = _object(item, names, "an entry")
    path = _path(fields["path"])
    kind = fields["kind"]
    if kind not in _KINDS:
        raise BadChanges(f"{path!r} is a {kind!r}, not one of {', '.join(_KINDS)}")
    content = _bytes(fields["content"], FILE_LIMIT, path)
    target = _text(fields["target"], path)
    if (content and kind != "file") or bool(target) != (kind == "link"):
        raise BadChanges(f"{path!r} has what no {kind} has")
    attributes = _map(fields["attributes"], len(ATTRIBUTES), path)
    if set(attributes) - set(ATTRIBUTES):
        raise BadChanges(f"{path!r} has an attribute that is not among {', '.join(ATTRIBUTES)}")
    return Entry(
        path=path,
        kind=kind,
        mode=_number(fields["mode"], _MODES + 1, path),
        uid=_number(fields["uid"], _IDS, path),
        gid=_number(fields["gid"], _IDS, path),
        mtime=_time(fields["mtime"], path),
        content=content,
        target=target,
        attributes={n: _bytes(v, FILE_LIMIT, path) for n, v in attributes.items()},
    )


def _folders(items: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for path, names in items.items():
        told = _list(names, NAMES_LIMIT, path)
        yield _path(path, root=True), tuple(_name(name) for name in told)


def _path(value: object, *, root: bool = False) -> str:
    path = _text(value, "a path")
    if root and path == "":
        return path
    if len(path.encode(errors="surrogateescape")) > PATH_LIMIT:
        raise BadChanges(f"a path of more than {PATH_LIMIT} bytes")
    for name in path.split("/"):
        _name(name)
    if is_passing(path):
        raise BadChanges(f"{path!r} is no part of a disk")
    return path


def _name(value: object) -> str:
    name = _text(value, "a name")
    if name in {"", ".", ".."} or "/" in name:
        raise BadChanges(f"{name!r} is no name of a file")
    if len(name.encode(errors="surrogateescape")) > NAME_LIMIT:
        raise BadChanges(f"a name of more than {NAME_LIMIT} bytes")
    return name


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or len(value) > PATH_LIMIT or "\0" in value:
        raise BadChanges(f"{what}: not a text of at most {PATH_LIMIT} characters")
    try:
        value.encode(errors="surrogateescape")
    except UnicodeEncodeError as exc:
        raise BadChanges(f"{what}: not a text") from exc
    return value


def _number(value: object, below: int, what: str) -> int:
    if type(value) is not int or not 0 <= value < below:
        raise BadChanges(f"{what!r}: {value!r} is no number from 0 to {below - 1}")
    return value


def _time(value: object, what: str) -> float:
    if type(value) not in {int, float} or not 0 <= float(str(value)) < 1 << 40:
        raise BadChanges(f"{what!r}: {value!r} is no time")
    return float(str(value))


def _bytes(value: object, limit: int, what: str) -> bytes:
    if not isinstance(value, str) or len(value) > (limit + 2) // 3 * 4:
        raise BadChanges(f"{what!r}: more than {limit >> 20} MiB")
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise BadChanges(f"{what!r}: its content cannot be read") from exc
    if len(data) > limit:
        raise BadChanges(f"{what!r}: more than {limit >> 20} MiB")
    return data


def _object(value: object, names: set[str], what: str) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != names:
        raise BadChanges(f"{what}: not an object with {', '.join(sorted(names))}")
    return value


def _list(value: object, limit: int, what: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > limit:
        raise BadChanges(f"{what}: not a list of at most {limit}")
    return value


def _map(value: object, limit: int, what: str) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > limit:
        raise BadChanges(f"{what}: not an object of at most {limit}")
    return value
