"""A replay as a job for a pool: it may be done on another machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab_runner.errors import (
    DiskFull,
    EngineError,
    EnginePermission,
    EngineUnavailable,
    FaultNotObserved,
    HostUnsuitable,
    ImageBuildFailed,
    ImageMissing,
    NotReplayable,
)
from lab_runner.grading.replay import Replay, replay
from lab_runner.models.disk_changes import DiskChanges
from lab_runner.models.results import Report
from lab_runner.planning.plan import Plan

if TYPE_CHECKING:
    from docker import DockerClient

#: What another try would not change.
_FOR_GOOD = (
    DiskFull,
    EnginePermission,
    EngineUnavailable,
    HostUnsuitable,
    ImageBuildFailed,
    ImageMissing,
)


#: So much is kept of what a machine says that does not come up: it may say a lot.
_TOLD = 1_000


@dataclass(frozen=True)
class Outcome:
    """What a replay came to.

    Attributes:
        report: Its checks; None where the changes cannot be carried out.
        problem: Why not: what the trainee's changes do.
        seconds: How long it took.
    """

    report: Report | None
    problem: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class ReplayJob:
    """One hand-in's changes on a lab of the lead's own.

    Attributes:
        name: What progress calls it.
        plan: The lead's own plan of the trainee's variant: nothing of it comes from a hand-in.
        changes: What was changed on the disks, by node.
    """

    name: str
    plan: Plan
    changes: Mapping[str, DiskChanges]

    def run(self, client: DockerClient, tell: Callable[[object], None]) -> Outcome:
        """Replay it; what may be this machine's doing is tried once more.

        Raises:
            EngineError: The engine failed, twice where that may help.
            FaultNotObserved: The fault did not show, twice.
        """

        def progress(item: str, state: str) -> None:
            tell((item, state))

        try:
            first = self._once(client, progress)
        except _FOR_GOOD:
            raise
        except (EngineError, FaultNotObserved) as exc:
            tell(("the replay", f"tried again: {type(exc).__name__}"))
            return self._once(client, progress)
        if first.report is not None and not first.report.errors:
            return first
        tell(("the replay", "tried again"))
        return self._once(client, progress)

    def _once(self, client: DockerClient, progress: Callable[[str, str], None]) -> Outcome:
        try:
            done: Replay = replay(client, self.plan, self.changes, progress)
        except NotReplayable as exc:
            return Outcome(None, str(exc)[:_TOLD])
        return Outcome(done.report, seconds=round(done.seconds, 2))
