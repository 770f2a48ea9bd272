"""What the engine and its host have and lack, found by trying it out."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import psutil

from lab_runner.engine import images, inotify
from lab_runner.engine.docker import mapped, remote
from lab_runner.engine.kind import kind
from lab_runner.engine.limits import unlimited
from lab_runner.engine.trials import TRIALS, ask, in_container
from lab_runner.errors import EngineError

if TYPE_CHECKING:
    from docker import DockerClient

#: A lab of a dozen machines takes about 250 MiB.
_MEMORY = 512 << 20
#: All images together, and what building them needs meanwhile.
_DISK = 2 << 30
#: The machines of the largest lab.
_LARGEST_LAB = 12


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


def examine(client: DockerClient) -> list[Finding]:
    """Look at everything; takes about two seconds."""
    with mapped():
        info, version = client.info(), client.version()
    answers: dict[str, str] = {}
    problem = ""
    try:
        answers = ask(client)
    except EngineError as exc:
        problem = "needs an image that is not there yet" if _no_image(client) else str(exc)
    return [
        _engine(info, version),
        *_tried(answers, problem),
        *([] if problem else [_inotify(client, answers.get("inotify", ""))]),
        _limits(info),
        _memory(info, answers.get("memory", "")),
        _disk(info, answers.get("disk", "")),
        _images(client),
    ]


def raise_inotify(client: DockerClient) -> None:
    """Raise the budget of inotify instances on the engine's kernel, until it reboots.

    Raises:
        EngineError: It could not be.
    """
    # Not privileged: that takes capabilities which a confined engine cannot give.
    file = f"/proc/sys/{inotify.KEY.replace('.', '/')}"
    said = in_container(client, f"mount -o remount,rw /proc/sys && echo {inotify.WANTED} > {file}")
    if said.strip():
        raise EngineError(f"{inotify.KEY} could not be raised: {said.strip()}")


def inotify_limit(client: DockerClient) -> int | None:
    """What the engine's kernel allows all containers together; None if it does not say."""
    said = in_container(client, f"cat /proc/sys/{inotify.KEY.replace('.', '/')}").strip()
    return int(said) if said.isdigit() else None


def _engine(info: dict[str, Any], version: dict[str, Any]) -> Finding:
    engine = kind(info, version)
    where = f", reached by {remote()}" if remote() else ""
    detail = f"{engine} on {info['OperatingSystem']}, kernel {info['KernelVersion']}{where}"
    state = State.WARNING if engine.caution else State.GOOD
    return Finding("engine", "engine", state, detail, engine.caution)


def _tried(answers: dict[str, str], problem: str) -> Iterator[Finding]:
    """What a container of the kind of a switchboard can do."""
    for trial in TRIALS:
        if problem:
            hint = "Run `lab images build`, then `lab doctor` again." if "image" in problem else ""
            yield Finding(trial.id, trial.title, State.UNKNOWN, problem, hint)
        elif refused := answers.get(trial.id, "no answer"):
            bad = State.BAD if trial.essential else State.WARNING
            yield Finding(trial.id, trial.title, bad, refused, trial.hint, trial.essential)
        else:
            yield Finding(trial.id, trial.title, State.GOOD, "", "", trial.essential)


def _no_image(client: DockerClient) -> bool:
    return bool(images.missing(client, [images.Target.SWITCHBOARD]))


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


def _memory(info: dict[str, Any], said: str) -> Finding:
    total = int(info.get("MemTotal", 0))
    free = int(said) << 10 if said.isdigit() else total
    detail = f"{free >> 20} MiB {'available' if said else 'in all'} of {total >> 20} MiB"
    if free >= _MEMORY:
        return Finding("memory", "memory", State.GOOD, detail)
    hint = "A lab of a dozen machines takes about 250 MiB: close something first."
    return Finding("memory", "memory", State.WARNING, detail, hint)


def _disk(info: dict[str, Any], said: str) -> Finding:
    root = str(info.get("DockerRootDir", ""))
    free = _free(info, root, said)
    if free is None:
        return Finding("disk", "disk", State.UNKNOWN, "the engine's disk is not on this machine")
    detail = f"{free >> 20} MiB free in {root}"
    if free >= _DISK:
        return Finding("disk", "disk", State.GOOD, detail)
    hint = "Make room: `lab images prune`, `docker system prune`."
    return Finding("disk", "disk", State.WARNING, detail, hint)


def _free(info: dict[str, Any], root: str, said: str) -> int | None:
    """Bytes that are free for containers and images; None if nobody here can tell."""
    if said:
        blocks, size = said.split()
        return int(blocks) * int(size)
    # Before there is an image, only an engine of this very machine can be looked at.
    here = (platform.node(), platform.release())
    if remote() or here != (info.get("Name"), info.get("KernelVersion")):
        return None
    try:
        return psutil.disk_usage(root).free
    except OSError:
        return None


def _images(client: DockerClient) -> Finding:
    missing = images.missing(client, images.Target)
    if not missing:
        return Finding("images", "images", State.GOOD, "all are there")
    detail = f"missing: {', '.join(missing)}"
    hint = "`lab images build` builds them now; `lab start` would when it needs them."
    return Finding("images", "images", State.WARNING, detail, hint)
