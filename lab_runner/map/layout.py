"""Where everything in the picture goes.

The network is laid out as a tree: a segment is a bar, the nodes on it hang
below, and a node with further segments has those below itself::

    bar  ━━┯━━━━━━━━━┯━━━━━━━━━┯━━
           │      ┌──┴──┐   ┌──┴──┐      leaves: nodes with nothing below,
           │      └─────┘   └─────┘      in as many rows as the width asks for
        ┌──┴──┐
        └┬──┬─┘                          routers below the leaves
         │  └──────┐                     lanes: from a router to its segments
      ━━━┷━━━   ━━━┷━━━

Character cells and pixels differ in their measures only (:class:`Measures`).
A network with loops is still drawn as a tree: a cable that would close a loop
is written into its node's box.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lab_runner.map.network import Cable, Network, Node
from lab_runner.map.tree import Tree, tree_of


@dataclass(frozen=True)
class Measures:
    """How large things are.

    Attributes:
        letter: Width of a character.
        line: Height of a line of text.
        frame: Space that a box's frame takes on the left and right together.
        padding: Height that a box needs above and below its lines.
        edge: How far a box's last row lies above its lower end: 1 where rows are counted.
        drop: From a bar down to the boxes that hang on it.
        gap: Between two boxes beside each other.
        trunk: From a block's left side to its first cable, and between two of them.
        label: Height of the line of words above a bar or a router.
        lane: Height of a lane.
    """

    letter: float
    line: float
    frame: float
    padding: float
    edge: float
    drop: float
    gap: float
    trunk: float
    label: float
    lane: float


@dataclass(frozen=True)
class Box:
    """A node: its frame, and the lines of text in it."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Bar:
    """A segment, from ``x`` to ``x + width``; ``again`` where a further row begins."""

    segment: str
    x: float
    y: float
    width: float
    again: bool = False


@dataclass(frozen=True)
class Wire:
    """A cable as corners from bar to box or from box to bar."""

    node: str
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Label:
    """Words beside a cable or above a bar."""

    text: str
    x: float
    y: float
    segment: bool = False


@dataclass(frozen=True)
class Picture:
    """Everything with its place."""

    boxes: list[Box] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    width: float = 0
    height: float = 0

    def put(self, other: Picture, x: float, y: float) -> Picture:
        """The same with another one in it, moved to ``x`` and ``y``."""
        return Picture(
            [*self.boxes, *(replace(b, x=b.x + x, y=b.y + y) for b in other.boxes)],
            [*self.bars, *(replace(b, x=b.x + x, y=b.y + y) for b in other.bars)],
            [*self.wires, *(_moved(wire, x, y) for wire in other.wires)],
            [*self.labels, *(replace(w, x=w.x + x, y=w.y + y) for w in other.labels)],
            max(self.width, other.width + x),
            max(self.height, other.height + y),
        )


def _moved(wire: Wire, x: float, y: float) -> Wire:
    return replace(wire, corners=tuple((a + x, b + y) for a, b in wire.corners))


def arrange(network: Network, measures: Measures, width: float) -> Picture:
    """Lay a network out so that it fits ``width``, if there is a way.

    First with whole addresses, then with their last part, then with the leaves
    of a segment in several rows. Where nothing fits, the first of the narrowest.
    """
    tree = tree_of(network)
    count = max(len(network.nodes), 1)
    narrowest: Picture | None = None
    for row in range(count, 0, -1):
        for long in (True, False):
            picture = _Drawing(tree, measures, row, long=long).whole()
            if picture.width <= width:
                return picture
            if narrowest is None or picture.width < narrowest.width:
                narrowest = picture
    return narrowest or Picture()


class _Drawing:
    """One attempt at a layout: so many leaves in a row, long or short addresses."""

    def __init__(self, tree: Tree, measures: Measures, row: int, *, long: bool) -> None:
        self._tree, self._m, self._row, self._long = tree, measures, row, long

    def whole(self) -> Picture:
        """All parts of the network, one below the other."""
        picture = Picture()
        for root in self._tree.roots:
            above = picture.height + self._m.label if picture.height else 0
            picture = picture.put(self._segment(root, None), 0, above)
        return picture

    def _segment(self, name: str, parent: Node | None) -> Picture:
        """A bar, its leaves, and its routers with all that is below them."""
        m, nodes = self._m, self._tree.home[name]
        routers = [node for node in nodes if node.name in self._tree.below]
        leaves = [node for node in nodes if node not in routers]
        picture = self._heading(name, parent)
        hang = m.trunk * (len(routers) + 1) if routers else 0
        for start in range(0, max(len(leaves), 1), self._row):
            y = picture.height
            row = self._leaves(name, leaves[start : start + self._row])
            picture = picture.put(row, hang, y)
            bar = Picture(bars=[Bar(name, 0, y, 0, again=start > 0)], height=y + m.edge)
            picture = picture.put(bar, 0, 0)
        if routers:
            picture = self._routers(picture, name, routers, beside=bool(leaves))
        width = max(picture.width, m.trunk * 3)
        bars = [replace(b, width=width) if b.segment == name else b for b in picture.bars]
        return replace(picture, bars=bars, width=width)

    def _heading(self, name: str, parent: Node | None) -> Picture:
        """The words above a bar; the cable from above and its address come before them."""
        m = self._m
        x = 0.0
        if parent is not None:
            x = m.trunk + m.letter * (len(self._address(parent, name)) + 5)
        words = f"{name}  {self._tree.network.segments[name]}"
        label = Label(words, x, 0, segment=True)
        return Picture(labels=[label], width=x + m.letter * len(words), height=m.label)

    def _leaves(self, segment: str, nodes: list[Node]) -> Picture:
        m, picture, x = self._m, Picture(), 0.0
        for node in nodes:
            box = self._box(node, segment)
            middle = box.width // 2
            wire = Wire(node.name, ((middle, 0), (middle, m.drop)))
            hung = Picture(boxes=[replace(box, y=m.drop)], wires=[wire])
            hung = replace(hung, width=box.width, height=m.drop + box.height)
            picture = picture.put(hung, x, 0)
            x += box.width + m.gap
        return picture

    def _routers(
        self, picture: Picture, segment: str, nodes: list[Node], *, beside: bool
    ) -> Picture:
        """Routers below a segment's last bar; past its leaves, if it has any, on lanes."""
        m = self._m
        last = max(bar.y for bar in picture.bars if bar.segment == segment)
        lanes = len(nodes) - 1 if beside else 0
        top = picture.height + lanes * m.lane + m.label
        x = 0.0
        for number, node in enumerate(nodes):
            block = self._router(node, segment)
            target = x + m.trunk
            source = m.trunk * (number + 1) if beside else target
            lane = self._lane(top - m.label, number)
            wire = Wire(node.name, _path(source, last, lane, target, top))
            label = Label(self._address(node, segment), target + 2 * m.letter, top - m.label)
            picture = replace(
                picture, wires=[*picture.wires, wire], labels=[*picture.labels, label]
            )
            picture = picture.put(block, x, top)
            x += block.width + m.gap
        return picture

    def _router(self, node: Node, segment: str) -> Picture:
        """A box, and its further segments below it."""
        m, below = self._m, self._tree.below[node.name]
        box = self._box(node, segment, router=True)
        box = replace(box, width=max(box.width, m.trunk * (len(below) + 1)))
        picture = Picture(boxes=[box], width=box.width, height=box.height)
        lanes = len(below) - 1
        top = box.height + lanes * m.lane
        x = 0.0
        for number, name in enumerate(below):
            block = self._segment(name, node)
            source, target = m.trunk * (number + 1), x + m.trunk
            lane = self._lane(top, number)
            end = top + m.label
            wire = Wire(node.name, _path(source, box.height - m.edge, lane, target, end))
            label = Label(self._address(node, name), target + 2 * m.letter, top)
            picture = replace(
                picture, wires=[*picture.wires, wire], labels=[*picture.labels, label]
            )
            picture = picture.put(block, x, top)
            x += block.width + m.gap
        return picture

    def _address(self, node: Node, segment: str) -> str:
        cable = _cable(node, segment)
        return cable.address if self._long else cable.short

    def _lane(self, end: float, number: int) -> float:
        """The height of a lane, counted upwards from ``end``; clear of the box above."""
        return end - self._m.lane * (number - (1 - self._m.edge) / 2)

    def _box(self, node: Node, segment: str, *, router: bool = False) -> Box:
        m = self._m
        lines = [node.name]
        if not router:
            lines.append(self._address(node, segment))
        also = self._tree.also.get(node.name, ())
        lines += [f"+{c.segment} {c.address if self._long else c.short}" for c in also]
        # The first line also holds the mark.
        letters = max(len(lines[0]) + 2, *(len(line) for line in lines))
        width = m.frame + m.letter * letters
        return Box(node, 0, 0, width, m.padding + m.line * len(lines), tuple(lines))


def _path(
    x: float, y: float, lane: float, to_x: float, to_y: float
) -> tuple[tuple[float, float], ...]:
    """Down, across on a lane, down; straight where nothing is to cross."""
    if x == to_x:
        return (x, y), (to_x, to_y)
    return (x, y), (x, lane), (to_x, lane), (to_x, to_y)


def _cable(node: Node, segment: str) -> Cable:
    return next(cable for cable in node.cables if cable.segment == segment)
