"""The node's known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""

from __future__ import annotations

import base64
import errno
import fnmatch
import os
from collections.abc import Iterator
from dataclasses import dataclass

import paramiko
from paramiko.hostkeys import HostKeys

from lab_runner.errors import ProbeError
from lab_runner.switchboard.vantage import READ_LIMIT, NodeFiles

_FIELDS = 3
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


@dataclass(frozen=True)
class KnownKeys:
    """The host keys that a client on the node would accept for one name."""

    #: ``(type, key blob in base64)``
    keys: list[tuple[str, str]]
    #: Key blobs that are never accepted, known or not (``@revoked``).
    revoked: frozenset[str] = frozenset()

    @property
    def types(self) -> list[str]:
        """The key types, for which a client asks first."""
        return [kind for kind, _ in self.keys]

    def judge(self, shown: paramiko.PKey) -> str:
        """``match``, ``revoked``, ``changed`` (another key of that type is known), ``unknown``."""
        shown_blob = base64.b64encode(shown.asbytes()).decode()
        if shown_blob in self.revoked:
            return "revoked"
        same_type = [blob for kind, blob in self.keys if kind == shown.get_name()]
        if shown_blob in same_type:
            return "match"
        return "changed" if same_type else "unknown"


def known_keys(path: str, host: str, port: int, files: NodeFiles) -> KnownKeys:
    """What the file has for a host, named as the user typed it."""
    name = host.lower() if port == paramiko.config.SSH_PORT else f"[{host.lower()}]:{port}"
    lines = [line.split() for line in _text(path, files).splitlines()]
    revoked = [fields[1:] for fields in lines if fields and fields[0] == "@revoked"]
    return KnownKeys(
        list(_keys_of(name, lines)),
        frozenset(blob for _, blob in _keys_of(name, revoked)),
    )


def _keys_of(name: str, lines: list[list[str]]) -> Iterator[tuple[str, str]]:
    """Type and key blob of each line, markers aside, that names the host."""
    for fields in lines:
        if len(fields) >= _FIELDS and fields[0][0] not in "#@" and _names(fields[0], name):
            yield fields[1], fields[2]


def _text(path: str, files: NodeFiles) -> str:
    """The file's text. That it is absent is a fact, that it may not be read is not."""
    try:
        os.close(files.open(path))
    except OSError as exc:
        if exc.errno not in _ABSENT:
            raise ProbeError(f"{path} cannot be read: {exc.strerror}") from exc
        return ""
    return files.text(path, READ_LIMIT)


def _names(patterns: str, name: str) -> bool:
    """Does the first field of a line name the host? A ``!pattern`` excludes it."""
    verdicts = [(p[:1] != "!", _matches(p.removeprefix("!"), name)) for p in patterns.split(",")]
    excluded = any(matches and not wanted for wanted, matches in verdicts)
    return not excluded and any(matches and wanted for wanted, matches in verdicts)


def _matches(pattern: str, name: str) -> bool:
    if pattern.startswith("|1|"):
        try:
            return HostKeys.hash_host(name, pattern) == pattern
        except (ValueError, IndexError, AssertionError):
            return False
    # Only * and ? are special here, the brackets of "[host]:port" are not.
    return fnmatch.fnmatchcase(name, pattern.lower().replace("[", "[[]"))
