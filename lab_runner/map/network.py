"""What a picture shows: segments, nodes on them, and how each node stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from lab_runner.models.checks import Check
from lab_runner.models.lab import Kind
from lab_runner.models.probes import NatProbe
from lab_runner.models.results import Report, Status
from lab_runner.planning.plan import Plan


class Health(StrEnum):
    """How a node stands, by the checks that were asked from or at it."""

    GREEN = "green"
    RED = "red"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Cable:
    """A node's place on a segment."""

    segment: str
    card: str
    address: str
    prefix: int

    @property
    def short(self) -> str:
        """The part of the address that the segment's subnet does not tell: ``.21``."""
        fixed = min(self.prefix // 8, 3)
        return "." + ".".join(self.address.split(".")[fixed:])


@dataclass(frozen=True)
class Node:
    """A box in the picture."""

    name: str
    title: str
    kind: Kind
    access: bool
    cables: tuple[Cable, ...]
    health: Health = Health.UNKNOWN


@dataclass(frozen=True)
class Network:
    """Everything in the picture; ``segments`` holds each one's subnet."""

    title: str
    segments: dict[str, str]
    nodes: dict[str, Node]
    #: Is there a report that the colours are from?
    checked: bool = True

    def on(self, segment: str) -> list[Node]:
        """The nodes on a segment, in the order of the lab's file."""
        return [n for n in self.nodes.values() if any(c.segment == segment for c in n.cables)]


def network_of(plan: Plan, report: Report | None = None) -> Network:
    """The picture's content: a plan, coloured by a report."""
    healths = _healths(plan.checks, report)
    nodes = {
        name: Node(
            name=name,
            title=node.title,
            kind=node.kind,
            access=node.access,
            cables=tuple(
                Cable(card.segment.name, card.name, card.address, card.segment.prefix)
                for card in node.view.interfaces.values()
            ),
            health=healths.get(name, Health.UNKNOWN),
        )
        for name, node in plan.nodes.items()
    }
    segments = {name: str(view.subnet) for name, view in plan.segments.items()}
    return Network(plan.lab_id, segments, nodes, checked=report is not None)


def _healths(checks: Iterable[Check], report: Report | None) -> dict[str, Health]:
    """Red where a red check was asked from or at; green where all of them were green."""
    statuses = {row.id: row.status for row in report.checks} if report else {}
    seen: dict[str, set[Status]] = {}
    for check in checks:
        if check.id in statuses:
            for node in _places(check):
                seen.setdefault(node, set()).add(statuses[check.id])
    return {node: _health(found) for node, found in seen.items()}


def _places(check: Check) -> set[str]:
    at = {check.probe.at} if isinstance(check.probe, NatProbe) else set()
    return {check.vantage, *at}


def _health(found: set[Status]) -> Health:
    if Status.FAILED in found:
        return Health.RED
    return Health.GREEN if found == {Status.PASSED} else Health.UNKNOWN
