"""Which attempt is meant, and whether the record agrees with what runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from lab_runner.attempts.history import Record, end, records
from lab_runner.attempts.store import Kind, Store
from lab_runner.engine.finding import Deployed
from lab_runner.errors import NoAttempt, UsageError

#: Whoever takes a lab away writes that down so soon after it.
_STOPPING_S = 1.0
_LOOK_AGAIN_S = 0.1


@dataclass(frozen=True)
class Standing:
    """One attempt, by the engine and by the record.

    Attributes:
        deployed: What runs; None where nothing does.
        record: What is written; None where the store does not know it.
    """

    attempt: str
    deployed: Deployed | None
    record: Record | None

    @property
    def state(self) -> str:
        """``running``, ``impaired`` (a container is not up), ``lost`` or ``stopped``."""
        if self.deployed is not None:
            up = all(state == "running" for state in self.deployed.states.values())
            return "running" if up else "impaired"
        return self.record.ended if self.record and self.record.ended else "lost"


def pick(deployed: Iterable[Deployed], wanted: str | None) -> Deployed:
    """The attempt that is named (its first letters do), else the only one that runs.

    A proof is meant only where it is named.

    Raises:
        NoAttempt: None runs, or none of that name.
        UsageError: Several are possible; the message lists them.
    """
    running = [lab for lab in deployed if wanted or not lab.proof]
    if not running:
        raise NoAttempt(hint="`lab list` shows the scenarios, `lab start SCENARIO` starts one.")
    matching = [lab for lab in running if lab.attempt.startswith(wanted or "")]
    if not matching:
        raise NoAttempt(f"No attempt {wanted!r} is running.", hint=f"Running: {_names(running)}.")
    if len(matching) > 1:
        raise UsageError(
            f"{len(matching)} attempts could be meant: {_names(matching)}.",
            hint=f"Name one: --attempt {matching[0].attempt} "
            f"(or, for this shell, export LAB_ATTEMPT={matching[0].attempt}).",
        )
    return matching[0]


def reconcile(store: Store, find: Callable[[], Iterable[Deployed]]) -> list[Standing]:
    """Compare record and engine; an attempt whose containers vanished is marked lost.

    An attempt that was found lost is told of here once, and is history after that.
    The record is read first: what another process starts meanwhile is not missed.
    """
    known = records(store.events())
    running = {lab.attempt: lab for lab in find()}
    here = [Standing(name, lab, known.get(name)) for name, lab in running.items()]
    gone = [name for name, told in known.items() if not told.ended and name not in running]
    lost = [name for name in _never_stopped(store, gone) if end(store, name, Kind.LOST)]
    return [*here, *(Standing(name, None, known[name]) for name in lost)]


def _never_stopped(store: Store, gone: list[str]) -> list[str]:
    """Those of which nobody says soon that they stopped them: that comes after the removal."""
    deadline = time.monotonic() + _STOPPING_S
    while gone and time.monotonic() < deadline:
        time.sleep(_LOOK_AGAIN_S)
        now = records(store.events())
        gone = [name for name in gone if name in now and not now[name].ended]
    return gone


def finished(known: Mapping[str, Record]) -> list[Standing]:
    """Attempts that are over, oldest first."""
    return [Standing(name, None, told) for name, told in known.items() if told.ended]


def _names(labs: Iterable[Deployed]) -> str:
    return ", ".join(f"{lab.attempt} ({lab.name})" for lab in labs)
