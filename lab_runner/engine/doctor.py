"""What the engine and its host have and lack, found by trying it out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from lab_runner.engine import images, inotify
from lab_runner.engine.docker import mapped
from lab_runner.engine.limits import unlimited
from lab_runner.errors import EngineError

if TYPE_CHECKING:
    from docker import DockerClient

#: A lab of a dozen machines takes about 250 MiB.
_MEMORY = 512 << 20
#: All images together, and what building them needs meanwhile.
_DISK = 2 << 30
#: The machines of the largest lab.
_LARGEST_LAB = 12
_MARK = "%%"


class State(StrEnum):
    """How a finding is to be taken."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    #: Could not be tried.
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        essential: Without it no lab starts.
    """

    id: str
    title: str
    state: State
    detail: str = ""
    hint: str = ""
    essential: bool = False


@dataclass(frozen=True)
class _Trial:
    """A thing that a throw-away container tries; the script's failure is the finding."""

    id: str
    title: str
    script: str
    essential: bool
    hint: str


_MODULE = (
    "Load the module on the engine's host: `sudo modprobe {}` (a slim cloud kernel may lack it)."
)
_TRIALS = (
    _Trial(
        "cgroup",
        "cgroup v2 in containers",
        '[ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || { stat -fc %T /sys/fs/cgroup; false; }',
        essential=True,
        hint="Boot the engine's host with `systemd.unified_cgroup_hierarchy=1`, or start the "
        "engine in a cgroup v2 view (`scripts/engine` does).",
    ),
    _Trial(
        "veth",
        "virtual cables (veth)",
        "ip link add name cable0 type veth peer name cable1",
        essential=True,
        hint=_MODULE.format("veth"),
    ),
    _Trial(
        "bridge",
        "segments (bridge)",
        "ip link add name seg0 type bridge && ip link set seg0 up",
        essential=True,
        hint=_MODULE.format("bridge"),
    ),
    _Trial(
        "sysctl",
        "writable net sysctls (AppArmor, SELinux)",
        "mount --bind /proc/sys/net /proc/sys/net && mount -o remount,bind,rw /proc/sys/net"
        " && echo 1 > /proc/sys/net/ipv4/ip_forward",
        essential=True,
        hint="A security module of the engine's host denies it: `sudo dmesg | tail` says which.",
    ),
    _Trial(
        "nft-nat",
        "address translation (nft nat)",
        "nft 'table ip t { chain c { type nat hook postrouting priority 100; masquerade; }; }'",
        essential=False,
        hint=_MODULE.format("nft_masq nft_chain_nat"),
    ),
    _Trial(
        "nft-bridge",
        "loss on a cable (nft bridge, numgen)",
        "nft 'table bridge t { chain c { type filter hook forward priority 0;"
        " numgen random mod 100 < 5 drop; }; }'",
        essential=False,
        hint=_MODULE.format("nft_numgen nf_tables_bridge"),
    ),
    _Trial(
        "tbf",
        "slow cables (tc tbf)",
        "tc qdisc add dev lo root tbf rate 1mbit burst 4k latency 50ms",
        essential=False,
        hint=_MODULE.format("sch_tbf"),
    ),
)


def examine(client: DockerClient) -> list[Finding]:
    """Look at everything; takes about two seconds."""
    with mapped():
        info = client.info()
    return [
        _engine(info),
        *_tried(client),
        _limits(info),
        _memory(info),
        _disk(info),
        _images(client),
    ]


def raise_inotify(client: DockerClient) -> None:
    """Raise the budget of inotify instances on the engine's kernel, until it reboots.

    Raises:
        EngineError: It could not be.
    """
    # Not privileged: that takes capabilities which a confined engine cannot give.
    file = f"/proc/sys/{inotify.KEY.replace('.', '/')}"
    said = _in_container(client, f"mount -o remount,rw /proc/sys && echo {inotify.WANTED} > {file}")
    if said.strip():
        raise EngineError(f"{inotify.KEY} could not be raised: {said.strip()}")


def inotify_limit(client: DockerClient) -> int | None:
    """What the engine's kernel allows all containers together; None if it does not say."""
    said = _in_container(client, f"cat /proc/sys/{inotify.KEY.replace('.', '/')}").strip()
    return int(said) if said.isdigit() else None


def _engine(info: dict[str, Any]) -> Finding:
    detail = f"{info['ServerVersion']} on {info['OperatingSystem']}, kernel {info['KernelVersion']}"
    return Finding("engine", "Docker engine", State.GOOD, detail, essential=True)


def _tried(client: DockerClient) -> Iterator[Finding]:
    """What a container of the kind of a switchboard can do."""
    try:
        answers = _try_all(client)
    except EngineError as exc:
        reason = "needs an image that is not there yet" if _no_image(client) else str(exc)
        hint = "Run `lab images build`, then `lab doctor` again."
        for trial in _TRIALS:
            yield Finding(trial.id, trial.title, State.UNKNOWN, reason, hint)
        return
    for trial in _TRIALS:
        problem = answers.get(trial.id, "no answer")
        if problem:
            bad = State.BAD if trial.essential else State.WARNING
            yield Finding(trial.id, trial.title, bad, problem, trial.hint, trial.essential)
        else:
            yield Finding(trial.id, trial.title, State.GOOD, "", "", trial.essential)
    yield _inotify(client, answers.get("inotify", ""))


def _no_image(client: DockerClient) -> bool:
    return bool(images.missing(client, [images.Target.SWITCHBOARD]))


def _try_all(client: DockerClient) -> dict[str, str]:
    """What each trial complained about; empty where it worked."""
    lines = [
        f"out=$( ( {t.script} ) 2>&1 ) && echo '{_MARK}{t.id} ' || echo \"{_MARK}{t.id} "
        f'${{out:-refused}}" | head -n 1'
        for t in _TRIALS
    ]
    lines.append(f'echo "{_MARK}inotify $(cat /proc/sys/{inotify.KEY.replace(".", "/")})"')
    said = _in_container(client, "\n".join(lines))
    marked = (line[len(_MARK) :] for line in said.splitlines() if line.startswith(_MARK))
    return {name: rest.strip() for name, _, rest in (line.partition(" ") for line in marked)}


def _in_container(client: DockerClient, script: str) -> str:
    """Run a script in a throw-away container without a network; what it printed."""
    target = images.Target.SWITCHBOARD
    tag = images.tags([target])[target]
    with mapped():
        host = client.api.create_host_config(
            network_mode="none",
            cap_add=["NET_ADMIN", "SYS_ADMIN"],
            security_opt=["apparmor=unconfined", "label=disable"],
        )
        made = client.api.create_container(
            tag, ["sh", "-c", script], host_config=host, labels={"breakfix.doctor": "1"}
        )
        with _removed(client, str(made["Id"])) as container:
            client.api.start(container)
            client.api.wait(container, timeout=30)
            return bytes(client.api.logs(container)).decode("utf-8", "replace")


@contextlib.contextmanager
def _removed(client: DockerClient, container: str) -> Iterator[str]:
    try:
        yield container
    finally:
        client.api.remove_container(container, force=True, v=True)


def _inotify(client: DockerClient, limit: str) -> Finding:
    title = "inotify instances"
    if not limit.isdigit():
        return Finding("inotify", title, State.UNKNOWN, limit)
    running = inotify.machines(client)
    needed = inotify.A_NODE * (running + _LARGEST_LAB)
    detail = f"{limit} for all containers together, {inotify.A_NODE} a machine"
    if int(limit) >= needed:
        return Finding("inotify", title, State.GOOD, detail)
    return Finding(
        "inotify",
        title,
        State.WARNING,
        f"{detail}; with {running} machines running, one more large lab needs {needed}",
        inotify.HINT,
    )


def _limits(info: dict[str, Any]) -> Finding:
    title = "limits of a machine"
    missing = unlimited(info)
    if not missing:
        return Finding("limits", title, State.GOOD, "processes, memory, size of a file")
    detail = f"the engine cannot limit {' or '.join(missing)}: what runs away takes all there is"
    hint = (
        "Labs work without. Boot the engine's host with cgroup v2 alone: "
        "`systemd.unified_cgroup_hierarchy=1` (`docker info` says which limits it lacks)."
    )
    return Finding("limits", title, State.WARNING, detail, hint)


def _memory(info: dict[str, Any]) -> Finding:
    total = int(info.get("MemTotal", 0))
    here = psutil.virtual_memory()
    # Of another machine the engine tells its size only.
    local = abs(here.total - total) < total * 0.02
    free = here.available if local else total
    detail = f"{free >> 20} MiB {'available' if local else 'in all'} of {total >> 20} MiB"
    if free >= _MEMORY:
        return Finding("memory", "memory", State.GOOD, detail)
    hint = "A lab of a dozen machines takes about 250 MiB: close something first."
    return Finding("memory", "memory", State.WARNING, detail, hint)


def _disk(info: dict[str, Any]) -> Finding:
    root = Path(str(info.get("DockerRootDir", "")))
    try:
        free = psutil.disk_usage(str(root)).free
    except OSError:
        return Finding("disk", "disk", State.UNKNOWN, "the engine's disk is not on this machine")
    detail = f"{free >> 20} MiB free in {root}"
    if free >= _DISK:
        return Finding("disk", "disk", State.GOOD, detail)
    hint = "Make room: `lab images prune`, `docker system prune`."
    return Finding("disk", "disk", State.WARNING, detail, hint)


def _images(client: DockerClient) -> Finding:
    missing = images.missing(client, images.Target)
    if not missing:
        return Finding("images", "images", State.GOOD, "all are there")
    detail = f"missing: {', '.join(missing)}"
    hint = "`lab images build` builds them now; `lab start` would when it needs them."
    return Finding("images", "images", State.WARNING, detail, hint)
