"""``lab prove``: its options; the matrices are shown by ``prove.py``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from lab_runner.cli import complete
from lab_runner.cli.scheduling import (
    JobsOption,
    Place,
    SchedulerOption,
    TlsCa,
    TlsCert,
    TlsKey,
)
from lab_runner.cli.session import JsonOption, catalogue
from lab_runner.errors import UsageError

Scenarios = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SCENARIO]…", help="All if none is named.", autocompletion=complete.scenarios
    ),
]
All = Annotated[bool, typer.Option("--all", help="All scenarios and exams, as if none is named.")]
Seeds = Annotated[int, typer.Option(min=1, help="So many variants of each.")]
FirstSeed = Annotated[int, typer.Option(min=0, help="The first of them.")]
Repetitions = Annotated[int, typer.Option(min=1, help="Each so often: is it steady?")]
ReportFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Keep everything that was seen, as JSON.")
]
JunitFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="JUnit XML for a build server: a case for each state."),
]
Packets = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Keep what crosses each segment: a folder for each state.",
        file_okay=False,
    ),
]
WatchIt = Annotated[
    bool, typer.Option("--watch", help="Keep the lab, and prove again whenever a file changes.")
]
Pairs = Annotated[
    bool,
    typer.Option(
        "--pairs", help="Every two scenarios at once: do both show, can both be repaired?"
    ),
]
Mutate = Annotated[
    bool,
    typer.Option(
        "--mutate", help="Try repairs that nobody wrote: are wrong ones red, and sound ones green?"
    ),
]


def command(
    scenarios: Scenarios = None,
    every: All = False,
    seeds: Seeds = 1,
    first_seed: FirstSeed = 1,
    repetitions: Repetitions = 1,
    jobs: JobsOption = None,
    scheduler: SchedulerOption = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    report: ReportFile = None,
    junit: JunitFile = None,
    pcap: Packets = None,
    watch: WatchIt = False,
    pairs: Pairs = False,
    mutate: Mutate = False,
    json: JsonOption = False,
) -> None:
    """Hold scenarios to the contract: healthy, broken, repaired, lasting, clean, steady.

    A matrix of states and checks shows which cell is wrong; of more than three proofs, the
    matrices of those that do not hold are shown, and --report keeps all.
    """
    from lab_runner.cli.prove import Wanted, require_writable
    from lab_runner.cli.prove import command as prove
    from lab_runner.cli.watching import command as watch_one

    if every and scenarios:
        raise UsageError("--all and named scenarios at once.", hint="Leave one of the two out.")
    place = Place(scheduler, jobs, tls_ca, tls_cert, tls_key)
    several = {"--seeds": seeds != 1, "--repetitions": repetitions != 1, "--pcap": bool(pcap)}
    kept = {"--report": bool(report), "--junit": bool(junit), "--json": json}
    if watch:
        _refuse(
            "--watch",
            {
                **several,
                "--jobs": jobs is not None,
                "--scheduler": bool(scheduler),
                **kept,
                "--pairs": pairs,
                "--mutate": mutate,
            },
        )
        raise typer.Exit(watch_one(catalogue, scenarios or [], first_seed))
    if pairs:
        _refuse("--pairs", {**several, "--scheduler": bool(scheduler), "--mutate": mutate})
    if mutate:
        _refuse("--mutate", several)
    if scheduler:
        _refuse("--scheduler", {"--pcap": bool(pcap)})
    require_writable(report, junit)
    every_seed = range(first_seed, first_seed + seeds)
    wanted = Wanted(catalogue(), scenarios or [], every_seed, repetitions, pcap, pairs, mutate)
    raise typer.Exit(prove(wanted, place, as_json=json, report=report, junit=junit))


def _refuse(mode: str, given: Mapping[str, bool]) -> None:
    """Options of no effect are refused, not ignored."""
    idle = [option for option, is_given in given.items() if is_given]
    if idle:
        raise UsageError(f"{mode} has no use for {' and '.join(idle)}.")
