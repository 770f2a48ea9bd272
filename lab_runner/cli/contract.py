"""``lab prove``: its options; the matrices are shown by ``prove.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab_runner.cli import complete
from lab_runner.cli.session import JsonOption, catalogue


def command(
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SCENARIO]…", help="All if none is named.", autocompletion=complete.scenarios
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="So many variants of each.")] = 1,
    first_seed: Annotated[int, typer.Option(min=0, help="The first of them.")] = 1,
    repetitions: Annotated[int, typer.Option(min=1, help="Each so often: is it steady?")] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="So many labs at a time.")] = 1,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep everything that was seen, as JSON.")
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JUnit XML for a build server: a case for each state."),
    ] = None,
    pcap: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep what crosses each segment: a folder for each state.",
            file_okay=False,
        ),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Keep the lab, and prove again whenever a file changes."),
    ] = False,
    pairs: Annotated[
        bool,
        typer.Option(
            "--pairs", help="Every two scenarios at once: do both show, can both be repaired?"
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Hold scenarios to the contract: healthy, broken, repaired, lasting, clean, steady.

    A matrix of states and checks shows which cell is wrong.
    """
    from lab_runner.cli.prove import command as prove
    from lab_runner.cli.prove import require_writable
    from lab_runner.cli.watching import command as watch_one

    if watch:
        raise typer.Exit(watch_one(catalogue, scenarios or [], first_seed))
    require_writable(report, junit)
    raise typer.Exit(
        prove(
            catalogue(),
            scenarios or [],
            seeds=seeds,
            first_seed=first_seed,
            repetitions=repetitions,
            jobs=jobs,
            as_json=json,
            report=report,
            junit=junit,
            packets=pcap,
            in_pairs=pairs,
        )
    )
