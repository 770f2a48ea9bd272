"""What of somebody's work is in memory only, and would be gone in the replay.

The replay takes what is on the disks and boots. What that comes to is known for certain only
by booting. This looks for what a kernel was told and no file that was changed could tell it again:
where nothing was changed on a disk that is certain, elsewhere it is likely.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lab_runner.checker.kernels import Kernel
from lab_runner.models.disk_changes import DiskChanges
from lab_runner.submission.units import Unit, unit_losses

#: What a node's programs write into a home or a folder of their own while they are used.
_TRACES = re.compile(r"^(root|home/[^/]+)(/\..*)?$|^home$|^var/lib/|^etc/\.|^etc$|^root$|^$")
#: Routes that come with an address or from a program that speaks with others.
_BY_ITSELF = re.compile(
    r"\b(proto (kernel|dhcp|ra|bgp|ospf|bird|zebra|rip|babel|isis)|table local)\b"
    r"|^(local|broadcast|multicast|anycast) "
)
_ADDRESS = re.compile(r"(?<![\w.:])(?:\d+(?:\.\d+){3}|[0-9a-f]*:[0-9a-f:]*:[0-9a-f:.]*)(?![\w.])")
_WORDS = {
    "addresses": "an address or an interface",
    "routes": "a route",
    "rules": "a routing rule",
    "firewall": "the firewall",
    "settings": "a kernel setting",
    "sockets": "a program that listens",
}
#: Ports above are the kernel's to give away (ip(7), ip_local_port_range).
_FIXED_PORTS = 32768
_NAMED = 3


@dataclass(frozen=True)
class Loss:
    """Something that a reboot undoes.

    Attributes:
        node: Where.
        what: In a word or two.
        lines: What it is, as ip(8), nft(8) and sysctl(8) print it; ``+`` or ``-`` before each.
        certain: Nothing on the node's disk was changed that could bring it back.
    """

    node: str
    what: str
    lines: tuple[str, ...]
    certain: bool


@dataclass(frozen=True)
class Seen:
    """What was found on a node.

    Attributes:
        kernel: What its kernel was told.
        disk: What was changed on its disk.
        units: Its services.
        leased: Interfaces whose addresses somebody else gives it.
    """

    kernel: Kernel
    disk: DiskChanges
    units: tuple[Unit, ...] = ()
    leased: frozenset[str] = frozenset()


def losses(seen: Mapping[str, Seen]) -> list[Loss]:
    """Everything that would be lost, by node."""
    return [loss for node, one in seen.items() for loss in _of_node(node, one)]


def _of_node(node: str, seen: Seen) -> Iterator[Loss]:
    yield from (Loss(node, what, (name,), True) for what, name in unit_losses(seen.units))
    written = _written(seen.disk)
    for kind, what in _WORDS.items():
        told = seen.kernel.changed.get(kind, {})
        changed = list(
            _differing(kind, told.get("removed", []), told.get("added", []), seen.leased)
        )
        gone = [line for line in changed if not (written and _could_come_back(kind, line, written))]
        if gone:
            yield Loss(node, what, tuple(gone), not written)


def _written(disk: DiskChanges) -> str:
    """All that was written, and the names of it; empty where nothing counts."""
    entries = [entry for entry in disk.entries if not _TRACES.match(entry.path)]
    texts = (f"{e.path}\n{e.target}\n{e.content.decode('utf-8', 'replace')}" for e in entries)
    told = "\n".join(texts)
    taken = " ".join(path for path in disk.folders if not _TRACES.match(path))
    return f"{told}\n{taken}".strip()


def _differing(
    kind: str, removed: Iterable[str], added: Iterable[str], leased: Iterable[str]
) -> Iterator[str]:
    old, new = ([_lasting(kind, line) for line in lines] for lines in (removed, added))
    # What was only moved, or differs in what does not last, is in both.
    lines = [f"- {line}" for line in _only(old, new)] + [f"+ {line}" for line in _only(new, old)]
    if kind == "settings":
        lines = [line for line in _causes(lines) if line[0] == "+"]
    yield from (line for line in lines if _counts(kind, line, leased))


def _only(these: list[str], those: Iterable[str]) -> list[str]:
    known = set(those)
    return [line for line in dict.fromkeys(these) if line not in known]


def _lasting(kind: str, line: str) -> str:
    # Whoever listens switches an interface to this for the time.
    return line.replace(" PROMISC", "") if kind == "addresses" else line.strip()


def _counts(kind: str, line: str, leased: Iterable[str]) -> bool:
    body = line[2:]
    if not body:
        return False
    if kind == "addresses":
        return body.split()[0] not in leased
    if kind == "routes":
        given = any(f"dev {name}" in body for name in leased)
        return not (given or _BY_ITSELF.search(body))
    if kind == "sockets":
        return line[0] == "+" and int(body.rsplit(" ", 1)[-1]) < _FIXED_PORTS
    return True


def _causes(lines: list[str]) -> list[str]:
    """Without the settings that others have changed with them (ip-sysctl, conf/all)."""
    names = {line[2:].partition(" = ")[0] for line in lines}

    def follows(name: str) -> bool:
        parts = name.split(".")
        if len(parts) < 5 or parts[2] != "conf":
            return False
        # ip_forward sets all of them anew (ip-sysctl).
        forwards = parts[1] == "ipv4" and "net.ipv4.ip_forward" in names
        every = ".".join([*parts[:3], "all", *parts[4:]])
        return forwards or (parts[3] != "all" and every in names)

    return [line for line in lines if not follows(line[2:].partition(" = ")[0])]


def _could_come_back(kind: str, line: str, written: str) -> bool:
    """Do the files that were changed speak of it? What they say of it is not understood."""
    body = line[2:]
    if kind == "firewall":
        return "nft" in written or "table" in written
    if kind == "settings":
        name = body.partition(" = ")[0]
        return name in written or name.replace(".", "/") in written
    if kind == "sockets":
        # A service that was set up listens, and its files need not name the port.
        return "systemd" in written or bool(re.search(rf"\b{body.rsplit(' ', 1)[-1]}\b", written))
    words = set(_ADDRESS.findall(body)) or {body.split()[0]}
    return any(word in written for word in words)


def shown_lines(loss: Loss) -> list[str]:
    """The first few lines of a loss, and how many more there are."""
    more = len(loss.lines) - _NAMED
    return [*loss.lines[:_NAMED], *([f"… and {more} more"] if more > 0 else [])]
