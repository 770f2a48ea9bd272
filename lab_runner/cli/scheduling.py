"""Options of verbs that give work to other machines, and the pool that follows from them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab_runner.errors import UsageError

if TYPE_CHECKING:
    from lab_runner.pool.jobs import Pool
    from lab_runner.pool.lines import Tls


def _pem(option: str, what: str) -> Any:
    return typer.Option(
        option, metavar="FILE", exists=True, dir_okay=False, help=f"{what}, PEM, for tls://."
    )


SchedulerOption = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        envvar="BREAKFIX_SCHEDULER",
        help="Work on the workers of this Dask scheduler: tcp://HOST:8786.",
    ),
]
JobsOption = Annotated[
    int | None, typer.Option("--jobs", min=1, help="So many labs at a time; 1 if left out.")
]
TlsCa = Annotated[Path | None, _pem("--tls-ca", "Authority")]
TlsCert = Annotated[Path | None, _pem("--tls-cert", "Own certificate")]
TlsKey = Annotated[Path | None, _pem("--tls-key", "Its key")]


def tls(ca: Path | None, cert: Path | None, key: Path | None) -> Tls:
    """The files in one."""
    from lab_runner.pool.lines import Tls

    return Tls(ca, cert, key)


def opened(
    scheduler: str | None, jobs: int | None, encryption: Tls
) -> AbstractContextManager[Pool]:
    """The pool that is asked for.

    Raises:
        UsageError: Options of no effect.
    """
    from lab_runner.pool.opening import pool

    if scheduler is not None and jobs is not None:
        raise UsageError(
            "--scheduler has no use for --jobs.", hint="Its workers' slots say how many labs fit."
        )
    return pool(scheduler=scheduler, jobs=jobs or 1, tls=encryption)
