"""What lies on each node's disk before it is switched on."""

from __future__ import annotations

import io
import os
import tarfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import jinja2

from lab_runner.errors import DefinitionError
from lab_runner.models.lab import Node
from lab_runner.models.parameters import draw_bytes
from lab_runner.models.source import Complain, piece, refuse
from lab_runner.planning.context import TROUBLES, Context
from lab_runner.planning.views import InterfaceView, NodeView

#: Further names of units, which ``systemctl enable`` would make links for (``Alias=``).
ALIASES = {"named": "bind9", "ssh": "sshd", "dnsmasq": None, "nginx": None}
#: Units that other targets than multi-user.target want (``WantedBy=``).
WANTED_BY = {"nftables": "sysinit.target"}
#: A line for each account; the day of the last change of password is in 2025.
_ACCOUNT_FILES = {
    "etc/passwd": "{name}:x:{id}:{id}:{full}:/home/{name}:/bin/bash",
    "etc/shadow": "{name}:!*:20100:0:99999:7:::",
    "etc/group": "{name}:x:{id}:",
    "etc/gshadow": "{name}:!::",
}
UNIT_FOLDER = "/usr/lib/systemd/system"
ENABLED = "etc/systemd/system"


@dataclass(frozen=True)
class Entry:
    """One file, folder or link on a node's disk.

    Attributes:
        path: Without the leading slash.
        content: The file's bytes; None for a folder or a link.
        link: Where a symbolic link points.
        append: Is the content added to a file that the image has?
    """

    path: str
    content: bytes | None = None
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    link: str | None = None
    append: bool = False


@dataclass(frozen=True)
class PackedDisk:
    """A disk on its way: whole files as a tar archive, and lines for files of the image."""

    archive: bytes
    appended: dict[str, str]


def disk(
    name: str,
    node: Node,
    view: NodeView,
    folder: Path,
    context: Context,
    complain: Complain = refuse,
) -> list[Entry]:
    """Everything that is put on one node's disk; later entries replace earlier ones.

    Raises:
        DefinitionError: A template names something unknown, or a mode cannot be read.
    """
    entries = {entry.path: entry for entry in _generated(name, node, view, context)}
    for entry in _from_folder(node, folder, context.extended({"node": view}), complain):
        entries[entry.path] = entry
    return list(entries.values())


def pack(entries: list[Entry]) -> PackedDisk:
    """The entries in the form in which the switchboard takes them."""
    appended: dict[str, str] = {}
    for entry in entries:
        if entry.append:
            appended[entry.path] = (entry.content or b"").decode()
    return PackedDisk(_archive([entry for entry in entries if not entry.append]), appended)


def _archive(entries: list[Entry]) -> bytes:
    buffer = io.BytesIO()
    now = int(time.time())
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for entry in entries:
            info = tarfile.TarInfo(entry.path)
            info.mode, info.uid, info.gid = entry.mode, entry.uid, entry.gid
            info.mtime = now
            if entry.link is not None:
                info.type, info.linkname = tarfile.SYMTYPE, entry.link
            elif entry.content is None:
                info.type = tarfile.DIRTYPE
            else:
                info.size = len(entry.content)
            tar.addfile(info, io.BytesIO(entry.content or b""))
    return buffer.getvalue()


def _generated(name: str, node: Node, view: NodeView, context: Context) -> Iterator[Entry]:
    yield _text("etc/hostname", f"{name}\n")
    yield _text("etc/hosts", _hosts(name, node))
    yield _text("etc/resolv.conf", _resolv_conf(node))
    yield _text("etc/network/interfaces", _interfaces(node, view))
    yield _text("etc/machine-id", draw_bytes(view.seed, f"machine-id/{name}", 16).hex() + "\n")
    yield _text("etc/ssh/ssh_host_ed25519_key", view.host_key.private, 0o600)
    yield _text("etc/ssh/ssh_host_ed25519_key.pub", f"{view.host_key.public} root@{name}\n")
    yield _text("usr/local/share/ca-certificates/lab-root.crt", context.authority.certificate)
    yield _text("etc/ssl/certs/ca-certificates.crt", context.authority.certificate)
    for unit in ["networking", *node.units]:
        yield from _enabled(unit)
    if node.users:
        yield from _users(node)


def _text(path: str, text: str, mode: int = 0o644, uid: int = 0) -> Entry:
    return Entry(path, text.encode(), mode, uid, uid)


def _hosts(name: str, node: Node) -> str:
    domain = f" {name}.{node.search[0]}" if node.search else ""
    return (
        "127.0.0.1\tlocalhost\n"
        f"127.0.1.1\t{domain.strip() + ' ' if domain else ''}{name}\n\n"
        "::1\tlocalhost ip6-localhost ip6-loopback\n"
        "ff02::1\tip6-allnodes\n"
        "ff02::2\tip6-allrouters\n"
    )


def _resolv_conf(node: Node) -> str:
    lines = [f"search {' '.join(node.search)}"] if node.search else []
    lines += [f"nameserver {server}" for server in node.nameservers]
    return "\n".join(lines) + "\n" if lines else ""


def _interfaces(node: Node, view: NodeView) -> str:
    lines = ["auto lo", "iface lo inet loopback"]
    for card, interface in view.interfaces.items():
        lines += ["", f"auto {card}", *_stanza(interface)]
        for network, hop in node.interfaces[card].routes.items():
            lines.append(f"    up ip route add {network} via {hop}")
        for address in interface.extra:
            lines += [f"iface {card} inet static", f"    address {address}/32"]
    return "\n".join(lines) + "\n"


def _stanza(interface: InterfaceView) -> list[str]:
    lines = [f"iface {interface.name} inet static", f"    address {interface.cidr}"]
    if interface.gateway:
        lines.append(f"    gateway {interface.gateway}")
    return lines


def _enabled(unit: str) -> Iterator[Entry]:
    name, _, kind = unit.partition(".")
    file = f"{name}.{kind or 'service'}"
    source = f"{name.split('@')[0]}@.{kind or 'service'}" if "@" in name else file
    default = "sockets.target" if kind == "socket" else "multi-user.target"
    target = WANTED_BY.get(name, default)
    yield Entry(f"{ENABLED}/{target}.wants/{file}", link=f"{UNIT_FOLDER}/{source}")
    alias = ALIASES.get(name)
    if alias:
        yield Entry(f"{ENABLED}/{alias}.service", link=f"{UNIT_FOLDER}/{file}")


def _users(node: Node) -> Iterator[Entry]:
    """Accounts with a locked password (passwd(5), shadow(5), group(5)), and their homes."""
    for path, form in _ACCOUNT_FILES.items():
        lines = [
            form.format(name=name, id=user.uid, full=name.capitalize())
            for name, user in node.users.items()
        ]
        yield Entry(path, ("\n".join(lines) + "\n").encode(), append=True)
    for name, user in node.users.items():
        home = f"home/{name}"
        yield Entry(home, mode=0o755, uid=user.uid, gid=user.uid)
        if user.authorized_keys:
            keys = "\n".join(user.authorized_keys) + "\n"
            yield Entry(f"{home}/.ssh", mode=0o700, uid=user.uid, gid=user.uid)
            yield _text(f"{home}/.ssh/authorized_keys", keys, 0o600, user.uid)


def _from_folder(node: Node, folder: Path, context: Context, complain: Complain) -> Iterator[Entry]:
    seen: set[str] = set()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        entry = piece(partial(_from_file, file, folder, node, context), complain)
        if entry is None:
            continue
        yield from _folders_with_modes(entry.path, node, seen)
        yield entry
    for path in node.modes:
        if path.rstrip("/") != path and path.strip("/") not in seen:
            yield _folder(path.strip("/"), node)


def _folders_with_modes(path: str, node: Node, seen: set[str]) -> Iterator[Entry]:
    for parent in reversed(PurePosixPath(path).parents):
        name = str(parent)
        if f"/{name}/" in node.modes and name not in seen:
            seen.add(name)
            yield _folder(name, node)


def _folder(name: str, node: Node) -> Entry:
    mode, uid, gid = permissions(node.modes[f"/{name}/"], node)
    return Entry(name, mode=mode, uid=uid, gid=gid)


def _from_file(file: Path, folder: Path, node: Node, context: Context) -> Entry:
    path = file.relative_to(folder).as_posix()
    content = file.read_bytes()
    if path.endswith(".j2"):
        path = path.removesuffix(".j2")
        content = _rendered(file, content, context)
    mode, uid, gid = 0o755 if os.access(file, os.X_OK) else 0o644, 0, 0
    if f"/{path}" in node.modes:
        mode, uid, gid = permissions(node.modes[f"/{path}"], node)
    return Entry(path, content, mode, uid, gid)


def _rendered(file: Path, content: bytes, context: Context) -> bytes:
    try:
        return context.text(content.decode()).encode()
    except jinja2.UndefinedError as exc:
        known = ", ".join(sorted(context.names))
        raise DefinitionError(
            f"{exc.message}. Known names: {known}", path=str(file), line=_line_of(exc)
        ) from exc
    except TROUBLES as exc:
        line = getattr(exc, "lineno", 0) or _line_of(exc)
        raise DefinitionError(f"the template is wrong: {exc}", path=str(file), line=line) from exc


def _line_of(exc: Exception) -> int:
    """The template's line; Jinja puts its own frames where those of the compiled code were."""
    frames = traceback.extract_tb(exc.__traceback__)
    lines = [frame.lineno or 0 for frame in frames if frame.filename == "<template>"]
    return lines[-1] if lines else 0


def permissions(text: str, node: Node) -> tuple[int, int, int]:
    """``"0640 user:group"`` as mode, uid and gid.

    Raises:
        DefinitionError: It cannot be read.
    """
    bits, _, owner = text.partition(" ")
    user, _, group = (owner or "0:0").partition(":")
    try:
        return int(bits, 8), _number(user, node), _number(group or user, node)
    except ValueError as exc:
        message = f"{text!r} is not of the form '0640 user:group'; user is 0, root or declared"
        raise DefinitionError(message) from exc


def _number(name: str, node: Node) -> int:
    if name in node.users:
        return node.users[name].uid
    return 0 if name == "root" else int(name)
