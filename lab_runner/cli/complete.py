"""Completions for the shell; whatever goes wrong, there are just none."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from lab_runner.errors import LabRunnerError

_PATIENCE_S = 2.0


def scenarios(incomplete: str) -> Iterator[tuple[str, str]]:
    """Ids of scenarios with their titles."""
    from lab_runner.cli.session import catalogue

    with contextlib.suppress(LabRunnerError):
        for source in catalogue().scenarios():
            if source.id.startswith(incomplete):
                yield source.id, str(source.document.data.get("title", ""))


def assignments(incomplete: str) -> Iterator[tuple[str, str]]:
    """What is typed for each assignment, with its title."""
    from lab_runner.cli.session import catalogue
    from lab_runner.submission.seats import seats, short_names

    with contextlib.suppress(LabRunnerError):
        every = seats()
        names = short_names(every, catalogue().scenario_files)
        for seat in every:
            for one in seat.invitation.assignments:
                name = names[seat.invitation.course, one.id]
                if name.startswith(incomplete):
                    yield name, one.title


def startable(incomplete: str) -> Iterator[tuple[str, str]]:
    """Assignments, and scenarios."""
    yield from assignments(incomplete)
    yield from scenarios(incomplete)


def attempts(incomplete: str) -> Iterator[tuple[str, str]]:
    """Running attempts with their scenarios."""
    from lab_runner.engine.docker import connect
    from lab_runner.engine.running import find

    with contextlib.suppress(LabRunnerError):
        for lab in find(connect(_PATIENCE_S)):
            if lab.attempt.startswith(incomplete):
                yield lab.attempt, lab.name


def nodes(incomplete: str) -> Iterator[str]:
    """Machines of the running labs."""
    from lab_runner.engine.docker import connect
    from lab_runner.engine.running import find

    with contextlib.suppress(LabRunnerError):
        names = {name for lab in find(connect(_PATIENCE_S)) for name in lab.states}
        yield from sorted(n for n in names if n.startswith(incomplete) and n[0] != "(")


def places(incomplete: str) -> Iterator[str]:
    """Segments and cards of the running labs on which a learner may listen."""
    from lab_runner.attempts.access import open_places
    from lab_runner.cli.session import catalogue
    from lab_runner.engine.docker import connect
    from lab_runner.engine.running import find
    from lab_runner.planning.plan import make_plan

    with contextlib.suppress(LabRunnerError):
        for lab in find(connect(_PATIENCE_S)):
            plan = make_plan(catalogue(), lab.scenario, lab.seed)
            yield from (place for place in open_places(plan) if place.startswith(incomplete))
