"""Which labs there are: the engine's labels are the truth."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab_runner.engine import containers
from lab_runner.engine.docker import mapped

if TYPE_CHECKING:
    from docker import DockerClient


#: The state of a node of which the engine has no container.
MISSING = "missing"
#: The states of a container that has its disk, and that the engine does not run by itself.
OFF = frozenset({"created", "exited"})


@dataclass(frozen=True)
class Deployed:
    """A lab as the engine knows it.

    Attributes:
        states: The container's state (``running``, ``exited``…) by node, :data:`MISSING`
            where there is none; the switchboard is among them.
        drill: Is the scenario's name kept from the learner until the end?
        assignment: What of a course it is, as ``course/assignment``.
        proof: Is it held to the contract just now, and nobody's attempt?
        holder: The process that a proof belongs to, as far as that is known.
    """

    attempt: str
    scenario: str
    lab: str
    seed: int
    created: datetime.datetime
    states: dict[str, str]
    drill: bool = False
    assignment: str = ""
    proof: bool = False
    holder: str = ""

    @property
    def name(self) -> str:
        """What to call it while it runs."""
        if self.proof:
            return f"a proof of {self.scenario}"
        if self.assignment:
            return self.assignment.rpartition("/")[2]
        return "a drill" if self.drill else self.scenario or self.lab

    def is_unnamed(self, *, solved: bool) -> bool:
        """Is it kept from the learner which scenario it is?"""
        return bool(self.assignment) or (self.drill and not solved)


def find(client: DockerClient) -> list[Deployed]:
    """All labs of ours on the engine, newest first."""
    with mapped():
        rows = client.api.containers(all=True, filters={"label": containers.LABEL})
    attempts: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        attempts.setdefault(row["Labels"][containers.LABEL], []).append(row)
    found = [_deployed(attempt, rows) for attempt, rows in attempts.items()]
    return sorted(found, key=lambda lab: lab.created, reverse=True)


def _deployed(attempt: str, rows: list[dict[str, Any]]) -> Deployed:
    labels = rows[0]["Labels"]
    created = min(row["Created"] for row in rows)
    names = [name for name in labels.get(containers.LABEL_NODES, "").split(",") if name]
    states = dict.fromkeys([*names, containers.SWITCHBOARD], MISSING)
    states |= {row["Labels"].get(containers.LABEL_NODE, "?"): row["State"] for row in rows}
    return Deployed(
        attempt=attempt,
        scenario=labels.get(containers.LABEL_SCENARIO, ""),
        lab=labels.get(containers.LABEL_LAB, ""),
        seed=int(labels.get(containers.LABEL_SEED, "0")),
        created=datetime.datetime.fromtimestamp(created, datetime.UTC),
        states=states,
        drill=containers.LABEL_DRILL in labels,
        assignment=labels.get(containers.LABEL_ASSIGNMENT, ""),
        proof=containers.LABEL_PROOF in labels,
        holder=labels.get(containers.LABEL_HOLDER, ""),
    )


def container_ids(client: DockerClient, attempt: str) -> dict[str, str]:
    """An attempt's containers by node; the switchboard is among them."""
    with mapped():
        rows = client.api.containers(all=True, filters={"label": f"{containers.LABEL}={attempt}"})
    return {row["Labels"][containers.LABEL_NODE]: row["Id"] for row in rows}
