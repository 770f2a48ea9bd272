"""A network as a tree: what hangs below what in the picture."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab_runner.map.network import Cable, Network, Node
from lab_runner.models.lab import Kind


@dataclass
class Tree:
    """Which segment hangs below which node, and which node below which segment.

    Attributes:
        roots: The segments at the top, one for each island.
        home: The nodes that hang on a segment.
        below: The segments that hang below a node.
        also: Cables of a node that would close a loop.
    """

    network: Network
    roots: list[str] = field(default_factory=list)
    home: dict[str, list[Node]] = field(default_factory=dict)
    below: dict[str, list[str]] = field(default_factory=dict)
    also: dict[str, list[Cable]] = field(default_factory=dict)


def tree_of(network: Network) -> Tree:
    """Hang everything below the Internet, or below the largest segment."""
    tree = Tree(network)
    left = dict.fromkeys(network.segments)
    while left:
        queue = [_root(network, list(left))]
        tree.roots.append(queue[0])
        del left[queue[0]]
        while queue:
            _grow(tree, queue.pop(0), queue, left)
    return tree


def _root(network: Network, segments: list[str]) -> str:
    """The Internet is at the top, or else the segment with the most nodes."""

    def rank(segment: str) -> tuple[int, int]:
        nodes = network.on(segment)
        return sum(node.kind is Kind.INTERNET for node in nodes), len(nodes)

    return max(segments, key=rank)


def _grow(tree: Tree, segment: str, queue: list[str], left: dict[str, None]) -> None:
    placed = {node.name for nodes in tree.home.values() for node in nodes}
    tree.home[segment] = [n for n in tree.network.on(segment) if n.name not in placed]
    for node in tree.home[segment]:
        for cable in node.cables:
            if cable.segment == segment:
                continue
            if cable.segment in left:
                del left[cable.segment]
                queue.append(cable.segment)
                tree.below.setdefault(node.name, []).append(cable.segment)
            else:
                tree.also.setdefault(node.name, []).append(cable)
