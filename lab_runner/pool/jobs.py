"""What a pool is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from lab_runner.errors import LabRunnerError

if TYPE_CHECKING:
    from docker import DockerClient

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

#: Takes what a job tells on its way, whatever that is; it has to survive ``pickle``.
Tell = Callable[[object], None]
#: Told of that: the job's place in the sequence, from 0, and what it tells.
OnTold = Callable[[int, object], None]


class Job(Protocol[R_co]):
    """One lab's worth of work. It may be carried out on another machine, so it can be pickled."""

    @property
    def name(self) -> str:
        """What progress and errors call it."""

    def run(self, client: DockerClient, tell: Tell) -> R_co:
        """Do it, and leave no lab behind, however it ends.

        Args:
            client: An engine with room for one more lab.
            tell: Takes what is worth telling meanwhile. It raises :class:`Stopped` once
                nobody waits for the result any more: let that pass.

        Raises:
            LabRunnerError: It could not be done.
        """


@dataclass(frozen=True)
class Done(Generic[R_co]):
    """What became of a job.

    Attributes:
        index: Its place in the sequence, from 0.
        name: What the job calls itself.
        result: What it gave; None if it could not be done.
        problem: Why not; None if it was.
        where: The worker that did it; empty if it was this process.
        seconds: How long it took, without the time in the queue.
    """

    index: int
    name: str
    result: R_co | None
    problem: LabRunnerError | None
    where: str = ""
    seconds: float = 0.0


class Pool(Protocol):
    """Carries out jobs."""

    def run(
        self, jobs: Sequence[Job[R]], *, on_told: OnTold = lambda *_: None
    ) -> Iterator[Done[R]]:
        """Carry out jobs, several at a time.

        Whoever ends the iteration early (Ctrl-C too) waits until the labs of those that
        were at work are gone, and no others begin.

        Args:
            jobs: What is to be done.
            on_told: Takes what jobs tell, from one thread at a time, not the caller's.

        Yields:
            Exactly one for each job, as they are done.
        """
