"""``lab worker``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lab_runner.cli.scheduling import TlsCa, TlsCert, TlsKey

if TYPE_CHECKING:
    from docker import DockerClient

Scheduler = Annotated[
    str,
    typer.Argument(metavar="SCHEDULER", help="Its address: tcp://HOST:8786 or tls://HOST:8786."),
]
Slots = Annotated[
    int | None,
    typer.Option(min=1, help="So many labs at a time; what memory and cores allow if left out."),
]
Host = Annotated[
    str, typer.Option(metavar="ADDRESS", help="Of this machine, as the scheduler reaches it.")
]


def command(
    scheduler: Scheduler,
    slots: Slots = None,
    host: Host = "",
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Lend this machine to a Dask scheduler, for `lab grade` and `lab prove` of others.

    Looks first whether labs can run here, builds missing images, and takes away what a worker
    that died has left. Ctrl-C ends it: what it was at is done elsewhere. Whoever may use the
    scheduler may run any program on this machine: for trusted networks only.
    """
    from lab_runner.engine import capacity
    from lab_runner.engine.docker import connect
    from lab_runner.pool.lines import Tls, require_dask

    require_dask(scheduler)
    client = connect()
    _prepare(client)
    places = capacity.slots(client, slots)
    client.close()
    from lab_runner.pool.worker import Offer, serve

    serve(
        Offer(scheduler, places, host, Tls(tls_ca, tls_cert, tls_key)),
        lambda name: _say(
            f"{name} is ready: {places} {'lab' if places == 1 else 'labs'} at a time."
        ),
    )
    _say("The worker has ended; no lab is left.")


def _prepare(client: DockerClient) -> None:
    """See that labs can run.

    Raises:
        HostUnsuitable: They cannot; with what is missing.
    """
    from lab_runner.cli.progress import shown
    from lab_runner.engine import images
    from lab_runner.engine.doctor import State, examine
    from lab_runner.engine.holding import sweep
    from lab_runner.errors import HostUnsuitable

    with shown("images") as progress:
        images.ensure(client, images.Target, progress)
    bad = [one for one in examine(client) if one.essential and one.state is State.BAD]
    if bad:
        raise HostUnsuitable(f"{bad[0].title}: {bad[0].detail}", hint=bad[0].hint)
    for lab in sweep(client, lambda *_: None):
        _say(f"Taken away: {lab.name}, seed {lab.seed}, which a worker that died has left.")


def _say(words: str) -> None:
    """A line; whoever keeps them wants them at once."""
    from lab_runner.cli.screen import err, text

    err().print(text(words))
