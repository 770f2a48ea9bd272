"""What a user waits for: every verb on a lab, one after the other, as they would be typed."""

from __future__ import annotations

import os
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import host, inside
from bench.commands import LAB, Attempt, Failed, started, timed
from bench.ending import undisturbed
from bench.figures import Figures
from bench.network import LABS, SCENARIOS
from lab_runner.catalogue import Catalogue
from lab_runner.engine.containers import SWITCHBOARD
from lab_runner.engine.finding import container_ids
from lab_runner.planning.plan import make_plan

if TYPE_CHECKING:
    from docker import DockerClient

#: How often the checks are asked inside the switchboard of one lab.
_TIMES = 5


@dataclass(frozen=True)
class Case:
    """A lab that is measured, by a scenario that makes one of its checks red.

    Attributes:
        lab: The lab's id; the figures begin with it.
        scenario: The scenario's.
        node: The machine that is rebooted alone.
        inside: Are its checks asked inside the switchboard as well?
    """

    lab: str
    scenario: str
    node: str
    inside: bool


OFFICE = Case("office", "price-list-is-not-found", "router", inside=True)
BRANCH = Case("branch", "controller-cannot-hand-in-its-counts", "gw", inside=False)


def catalogue() -> Catalogue:
    """The kit's labs and scenarios, and the bench's."""
    own = Catalogue()
    return Catalogue((*own.lab_folders, LABS), (*own.scenario_folders, SCENARIOS))


def measure(case: Case, client: DockerClient, seed: int, figures: Figures) -> None:
    """A whole life of a lab.

    Raises:
        Failed: A command did not do what it should.
    """
    figures.add("help_s", timed(LAB, "--help").seconds)
    attempt = started(case.scenario, seed)
    figures.add(f"{case.lab}.start_s", attempt.seconds)
    try:
        _memory(case, client, attempt, figures)
        _checks(case, client, attempt, seed, figures)
        for what, words in {
            "reboot_one": ("reboot", case.node),
            "reboot_all": ("reboot", "--all"),
            "reset": ("reset",),
        }.items():
            figures.add(f"{case.lab}.{what}_s", attempt.run(*words).seconds)
    finally:
        with undisturbed():
            stopped = attempt.run("stop")
    figures.add(f"{case.lab}.stop_s", stopped.seconds)


def _checks(
    case: Case, client: DockerClient, attempt: Attempt, seed: int, figures: Figures
) -> None:
    seconds, report = attempt.check()
    red = [row["id"] for row in report["checks"] if row["status"] != "passed"]
    if len(red) != 1:
        raise Failed(f"{case.scenario}: one check should be red, and not {red}")
    figures.add(f"{case.lab}.check_red_s", seconds)
    attempt.run("solve")
    attempt.green()  # what was restarted by the repair has settled after this
    seconds, report = attempt.green()
    figures.add(f"{case.lab}.check_green_s", seconds)
    if case.inside:
        plan = make_plan(catalogue(), case.scenario, seed)
        took = inside.asked(client, attempt.id, plan.checks, _TIMES)
        figures.add(f"{case.lab}.probes_ms", *took)


def _memory(case: Case, client: DockerClient, attempt: Attempt, figures: Figures) -> None:
    if os.geteuid() != 0:
        figures.absent[f"{case.lab}.memory_mib"] = "needs root"
        return
    weight = weighed(client, attempt.id)
    figures.add(f"{case.lab}.memory_mib", sum(weight.values()))
    figures.add(f"{case.lab}.switchboard_mib", weight.pop(SWITCHBOARD))
    figures.add(f"{case.lab}.node_mib", statistics.mean(weight.values()))


def weighed(client: DockerClient, attempt: str) -> dict[str, float]:
    """Memory of each machine of a lab in MiB, the switchboard's included."""
    spaces = {}
    for name, container in container_ids(client, attempt).items():
        pid = client.api.inspect_container(container)["State"]["Pid"]
        spaces[name] = host.namespace(Path(f"/proc/{pid}/ns/net"))
    weights = host.pss_mib(spaces.values())
    return {name: weights[space] for name, space in spaces.items()}
