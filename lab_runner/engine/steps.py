"""Carries out one change to a running lab: a script, a file, a cable."""

from __future__ import annotations

import io
import tarfile
import time
from typing import TYPE_CHECKING

from lab_runner import errors
from lab_runner.engine.docker import mapped
from lab_runner.models.scenario import Step

if TYPE_CHECKING:
    from lab_runner.engine.running import RunningLab


def apply(lab: RunningLab, step: Step) -> None:
    """Carry out one step.

    Raises:
        ExecFailed: A script ended with an error; with what it printed.
        WiringFailed: A cable could not be changed.
    """
    if step.link is not None:
        _change_link(lab, step)
    elif step.write is not None:
        _write(lab, step)
    else:
        _run(lab, step)


def _run(lab: RunningLab, step: Step) -> None:
    assert step.node is not None
    assert step.run is not None
    done = lab.shells.run(step.node, step.run)
    if done.exit_status:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        raise errors.ExecFailed(
            f"A step on {step.node} ended with status {done.exit_status}: {said}\n{step.run}"
        )


def _write(lab: RunningLab, step: Step) -> None:
    assert step.node is not None
    assert step.write is not None
    content = (step.content or "").encode()
    info = tarfile.TarInfo(step.write.lstrip("/"))
    info.size, info.mode = len(content), int(step.mode, 8)
    info.uid, info.gid = _owner(lab, step)
    info.mtime = int(time.time())
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(info, io.BytesIO(content))
    with mapped():
        lab.client.api.put_archive(lab.container(step.node), "/", buffer.getvalue())


def _owner(lab: RunningLab, step: Step) -> tuple[int, int]:
    assert step.node is not None
    users = lab.plan.lab.nodes[step.node].users
    user, _, group = step.owner.partition(":")

    def number(name: str) -> int:
        if name in users:
            return users[name].uid
        return 0 if name in {"", "root"} else int(name)

    return number(user), number(group or user)


def _change_link(lab: RunningLab, step: Step) -> None:
    change = step.model_dump(include={"down", "mtu", "loss", "rate"}, exclude_none=True)
    reply = lab.line.request("link", cable=step.link, change=change)
    if "error" in reply:
        raise errors.WiringFailed(f"{step.link}: {reply['error']}")
