"""Options of verbs that give work to other machines, and the pool that follows from them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab_runner.errors import UsageError

if TYPE_CHECKING:
    from lab_runner.pool.jobs import Pool


def _pem(option: str, what: str) -> Any:
    return typer.Option(
        option, metavar="FILE", exists=True, dir_okay=False, help=f"{what}, PEM, for tls://."
    )


SchedulerOption = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        help="Work on the workers of this Dask scheduler: tcp://HOST:8786.",
    ),
]
JobsOption = Annotated[
    int | None, typer.Option("--jobs", min=1, help="So many labs at a time; 1 if left out.")
]
TlsCa = Annotated[Path | None, _pem("--tls-ca", "Authority")]
TlsCert = Annotated[Path | None, _pem("--tls-cert", "Own certificate")]
TlsKey = Annotated[Path | None, _pem("--tls-key", "Its key")]


@dataclass(frozen=True)
class Place:
    """Where work is done: in this process, or on a scheduler's workers.

    Attributes:
        jobs: Labs at a time in this process; None: not said.
        ca: With ``cert`` and ``key``: files for TLS.
    """

    scheduler: str | None = None
    jobs: int | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        if self.scheduler is not None and self.jobs is not None:
            raise UsageError(
                "--scheduler has no use for --jobs.",
                hint="Its workers' slots say how many labs fit.",
            )
        if self.scheduler is None and (self.ca or self.cert or self.key):
            raise UsageError("TLS is for a scheduler, and none is named.", hint="Add --scheduler.")
        if self.scheduler is not None:
            from lab_runner.pool.lines import require_dask

            require_dask(self.scheduler)

    def pool(self) -> AbstractContextManager[Pool]:
        """The pool, for a ``with``.

        Raises:
            UsageError: The scheduler's address is none, or Dask is not installed.
            EngineError: No engine answers; or no scheduler, or it has no worker with this kit.
        """
        from lab_runner.pool.lines import Tls
        from lab_runner.pool.opening import pool

        tls = Tls(self.ca, self.cert, self.key)
        return pool(scheduler=self.scheduler, jobs=self.jobs or 1, tls=tls)
