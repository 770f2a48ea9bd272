"""Takes away the labs of proofs whose process is gone."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from lab_runner.engine.docker import Progress
from lab_runner.engine.finding import Deployed, find
from lab_runner.engine.process import lives
from lab_runner.engine.removing import remove, remove_leftovers

if TYPE_CHECKING:
    from docker import DockerClient

#: No proof takes so long: what belongs to a process that cannot be seen from here goes then.
FORGOTTEN_AFTER = datetime.timedelta(hours=24)


def sweep(client: DockerClient, progress: Progress) -> list[Deployed]:
    """Take away the labs of proofs whose process is gone; which ones that were.

    Raises:
        NotRemoved: Something of one is still there.
    """
    now = datetime.datetime.now(datetime.UTC)
    left = [lab for lab in find(client) if lab.proof and abandoned(lab, now)]
    for lab in left:
        remove(client, lab.attempt, progress)
    remove_leftovers(client)
    return left


def abandoned(lab: Deployed, now: datetime.datetime) -> bool:
    """Is a proof nobody's any more?

    Of a process in another namespace, or on another machine that shares this engine, only
    time tells.
    """
    alive = lives(lab.holder)
    return now - lab.created > FORGOTTEN_AFTER if alive is None else not alive
