"""Namespaces, mounts and capabilities: the system calls that a node's preparation needs.

Each step that enters a node's mount namespace makes system calls only: there,
every library, program and import path is the learner's.
"""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000

CAP_DAC_READ_SEARCH = 2
CAP_NET_RAW = 13
_CAP_SETGID, _CAP_SETUID = 6, 7

#: ``nobody``: owns nothing that matters, here or on a node.
NOBODY = 65534

_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REMOUNT, _MS_BIND = 1, 2, 4, 8, 32, 4096
#: A mount that is there already, with these flags and no longer read-only.
_WRITABLE = _MS_BIND | _MS_REMOUNT | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
_MNT_DETACH, _UMOUNT_NOFOLLOW = 2, 8
_PR_SET_KEEPCAPS = 8
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522

_SETTINGS = b"/proc/sys/net"
_IPV6_OFF = tuple(
    b"/proc/sys/net/ipv6/conf/%s/disable_ipv6" % scope for scope in (b"all", b"default")
)
#: What the engine bind-mounts over a node's own files.
_ENGINE_FILES = (b"/etc/resolv.conf", b"/etc/hosts", b"/etc/hostname")
#: PID 1 of a node waits for this; /run is a tmpfs, so no earlier boot can have left it.
_POWER = b"/run/.power"
#: A node's own limits, which its cgroup namespace shows it. Root may write there, unless the host
#: has mounted cgroup2 with ``nsdelegate`` (cgroups(7)), as an engine's host need not.
_CGROUPS = b"/sys/fs/cgroup/cgroup.max.descendants"
_LIMITS = (
    _CGROUPS,
    b"/sys/fs/cgroup/pids.max",
    b"/sys/fs/cgroup/memory.max",
    b"/sys/fs/cgroup/memory.swap.max",
)
#: systemd makes about 40 on a node; each takes kernel memory that is the host's.
_CGROUPS_AT_MOST = b"1000"
#: Bounds on one probe, whatever a hostile peer sends it; on memory, for whatever looks at a node.
_PROBE_CPU_S = 20
_MEMORY = 2 << 30

_libc = ctypes.CDLL(None, use_errno=True)


class _CapHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapData(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def enter(fd: int, kind: int) -> None:
    """Join the namespace behind ``fd`` (setns(2))."""
    _call("setns", _libc.setns(fd, kind))


def within_network(fd: int, own: int, action: Callable[[], T]) -> T:
    """Do something in another network namespace and come back."""
    enter(fd, CLONE_NEWNET)
    try:
        return action()
    finally:
        enter(own, CLONE_NEWNET)


def without_network(action: Callable[[], T]) -> T:
    """Do something in a network namespace with nothing in it, and come back."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        _call("unshare", _libc.unshare(CLONE_NEWNET))
        return action()
    finally:
        enter(own, CLONE_NEWNET)
        os.close(own)


def prepare_and_power_on(pid: int) -> None:
    """Give a waiting node its own files and sysctls, then let it boot.

    Runs in a forked child, which ends with this call's outcome.

    Raises:
        OSError: A system call failed; its name is in ``strerror``.
    """
    fd = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
    enter(fd, CLONE_NEWNS)
    for path in _ENGINE_FILES:
        # Absent after the engine's own restart: no error. At a reboot it may be a learner's link to
        # /proc/sys, and followed it would take away what keeps the host's kernel from them.
        _libc.umount2(path, _MNT_DETACH | _UMOUNT_NOFOLLOW)
    _open_settings()
    _mount(None, b"/sys/fs/cgroup", _WRITABLE)
    _fix_limits()
    # A learner's pipe in its place would be waited for, and all other nodes with it.
    power = _libc.open(_POWER, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    _call("open /run/.power", power)


def switch_ipv6_off() -> None:
    """Switch IPv6 off in this process's network: for interfaces that are there, and to come.

    Docker Engine 20.10 does so for a container that has no network, 26.1 does not. With it the
    switchboard's ends of cables have addresses, and speak for themselves on every cable.

    Raises:
        OSError: A system call failed; its name is in ``strerror``.
    """
    wanted = [path for path in _IPV6_OFF if os.path.exists(path) and _read(path) != b"1\n"]
    if not wanted:
        return  # so it is, or the kernel has none
    _open_settings()
    try:
        for path in wanted:
            with open(path, "wb", buffering=0) as setting:
                setting.write(b"1\n")
    finally:
        _call("umount", _libc.umount2(_SETTINGS, _MNT_DETACH))


def _read(path: bytes) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _open_settings() -> None:
    """Docker mounts all of /proc/sys read-only; net.* belongs to this namespace alone."""
    _mount(_SETTINGS, _SETTINGS, _MS_BIND)
    _mount(None, _SETTINGS, _WRITABLE)


def _fix_limits() -> None:
    """Limit the node's cgroups, and let nobody in there write to any limit of the node's."""
    if _libc.access(_CGROUPS, os.F_OK) == 0:
        fd = _libc.open(_CGROUPS, os.O_WRONLY)
        _call(f"open {_CGROUPS.decode()}", fd)
        written = _libc.write(fd, _CGROUPS_AT_MOST, len(_CGROUPS_AT_MOST))
        _call(f"write {_CGROUPS.decode()}", written)
    for path in _LIMITS:
        if _libc.access(path, os.F_OK) == 0:  # there if the kernel has it, and the controller
            _mount(path, path, _MS_BIND)
            _mount(None, path, _WRITABLE | _MS_RDONLY)


def limit_memory() -> None:
    """Let this process and its children have no more memory than a look at a node may need."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def drop_privileges(keep: tuple[int, ...], user: int) -> None:
    """Become nobody with only the capabilities ``keep``, for ever (capabilities(7)).

    Called in a forked probe before it looks at anything that a learner controls.

    Args:
        keep: The capabilities that the probe needs.
        user: Whose the sockets are that it opens from now on: its filesystem user and group id,
            which a firewall goes by (nft(8), ``skuid``), and which gives no power over a process
            (setfsuid(2)).
    """
    resource.setrlimit(resource.RLIMIT_CPU, (_PROBE_CPU_S, _PROBE_CPU_S))
    limit_memory()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _call("prctl", _libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    _keep_only((*keep, _CAP_SETGID, _CAP_SETUID))
    _libc.setfsgid(user)
    _libc.setfsuid(user)
    _keep_only(keep)
    _call("prctl", _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def _keep_only(capabilities: tuple[int, ...]) -> None:
    mask = sum(1 << capability for capability in capabilities)
    data = (_CapData * 2)(_CapData(mask, mask, 0), _CapData(0, 0, 0))
    header = _CapHeader(_CAPABILITY_VERSION_3, 0)
    _call("capset", _libc.capset(ctypes.byref(header), data))


def _mount(source: bytes | None, target: bytes, flags: int) -> None:
    _call(f"mount {target.decode()}", _libc.mount(source, target, None, flags, None))


def _call(name: str, result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
