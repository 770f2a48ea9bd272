"""What a learner may touch: the machines that the scenario's customer would let them log in to."""

from __future__ import annotations

from collections.abc import Iterable

from lab_runner.errors import AccessDenied, UnknownName
from lab_runner.models.source import unknown
from lab_runner.planning.plan import Plan


def open_nodes(plan: Plan) -> list[str]:
    """The nodes that a learner may enter."""
    return [name for name, node in plan.nodes.items() if node.access]


def open_places(plan: Plan) -> list[str]:
    """Where a learner may listen: the cards of those nodes, and the segments they are on."""
    cables = [cable for name in open_nodes(plan) for cable in plan.nodes[name].cables]
    segments = dict.fromkeys(cable.segment for cable in cables)
    return [*segments, *(f"{cable.node}:{cable.interface}" for cable in cables)]


def require_node(plan: Plan, node: str) -> None:
    """See that a learner may enter a node.

    Raises:
        UnknownName: The lab has none of that name.
        AccessDenied: It is somebody else's.
    """
    if node not in plan.nodes:
        raise UnknownName(unknown(f"node {node!r}", node, plan.nodes))
    if not plan.nodes[node].access:
        raise AccessDenied(
            f"{node} is somebody else's machine.", hint=_allowed("enter", open_nodes(plan))
        )


def require_place(plan: Plan, place: str) -> None:
    """See that a learner may listen on a segment or at a card (``node:interface``).

    Raises:
        UnknownName: The lab has no such place.
        AccessDenied: No machine that the learner may enter is there.
    """
    every = [*plan.segments, *_cards(plan)]
    if place not in every:
        raise UnknownName(unknown(f"segment or card {place!r}", place, every))
    allowed = open_places(plan)
    if place not in allowed:
        raise AccessDenied(
            f"None of the machines that are yours to enter is on {place}.",
            hint=_allowed("listen on", allowed),
        )


def _cards(plan: Plan) -> list[str]:
    return [f"{name}:{cable.interface}" for name, n in plan.nodes.items() for cable in n.cables]


def _allowed(verb: str, names: Iterable[str]) -> str:
    return f"You may {verb}: {', '.join(names) or 'nothing'}."
