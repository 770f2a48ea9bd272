"""The picture in character cells."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import IntEnum

from lab_runner.map.layout import Box, Label, Measures, arrange
from lab_runner.map.network import Health, Network

CELLS = Measures(
    letter=1, line=1, frame=4, padding=2, edge=1, drop=1, gap=1, trunk=2, label=1, lane=1
)

MARKS = {Health.GREEN: "✓", Health.RED: "✗", Health.UNKNOWN: "·"}

#: For terminals that know ASCII only.
ASCII = str.maketrans(
    {
        **dict.fromkeys("┌┐└┘├┤┬┴┼┯┷┿┍┑┕┙", "+"),
        **dict.fromkeys("─╌", "-"),
        **dict.fromkeys("│┊", "|"),
    }
    | {"━": "=", "✓": "+", "✗": "x", "·": "."}
)


class Pen(IntEnum):
    """How heavy a line is."""

    NONE = 0
    LIGHT = 1
    HEAVY = 2


#: North, east, south, west.
_GLYPHS = {
    (0, 1, 0, 1): "─", (1, 0, 1, 0): "│", (0, 1, 1, 0): "┌", (0, 0, 1, 1): "┐",
    (1, 1, 0, 0): "└", (1, 0, 0, 1): "┘", (1, 1, 1, 0): "├", (1, 0, 1, 1): "┤",
    (0, 1, 1, 1): "┬", (1, 1, 0, 1): "┴", (1, 1, 1, 1): "┼",
    (0, 2, 0, 2): "━", (0, 2, 0, 0): "━", (0, 0, 0, 2): "━",
    (0, 2, 1, 2): "┯", (1, 2, 0, 2): "┷", (1, 2, 1, 2): "┿",
    (0, 2, 1, 0): "┍", (0, 0, 1, 2): "┑", (1, 2, 0, 0): "┕", (1, 0, 0, 2): "┙",
}  # fmt: skip
_DASHED = {"─": "╌", "│": "┊"}


@dataclass
class _Cell:
    north: int = 0
    east: int = 0
    south: int = 0
    west: int = 0
    style: str = ""
    dashed: bool = False
    letter: str = ""

    @property
    def glyph(self) -> str:
        if self.letter:
            return self.letter
        glyph = _GLYPHS.get((self.north, self.east, self.south, self.west), " ")
        return _DASHED.get(glyph, glyph) if self.dashed else glyph


#: A piece of a line in one style: ``green``, ``red``, ``unknown``, ``bar``, ``wire``,
#: ``segment``, ``address``, or the name of a node that may be entered, ``name``.
Span = tuple[str, str]


def draw(network: Network, width: int) -> list[list[Span]]:
    """The picture as lines of styled text."""
    picture = arrange(network, CELLS, width)
    canvas = _Canvas(int(picture.width) + 1, int(picture.height) + 1)
    for bar in picture.bars:
        canvas.line((bar.x, bar.y), (bar.x + bar.width - 1, bar.y), Pen.HEAVY, "bar")
    for box in picture.boxes:
        canvas.box(box, marked=network.checked)
    for wire in picture.wires:
        for start, end in zip(wire.corners, wire.corners[1:], strict=False):
            canvas.line(start, end, Pen.LIGHT, "wire")
    for label in picture.labels:
        canvas.label(label)
    return canvas.spans()


def as_text(network: Network, width: int) -> str:
    """The picture without styles."""
    lines = ("".join(text for text, _ in line) for line in draw(network, width))
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


class _Canvas:
    """Cells in rows; lines that meet become one character."""

    def __init__(self, width: int, height: int) -> None:
        self._rows = [[_Cell() for _ in range(width)] for _ in range(height)]

    def line(
        self, start: tuple[float, float], end: tuple[float, float], pen: Pen, style: str
    ) -> None:
        """A horizontal or a vertical line, left to right or downwards in any order."""
        (x, y), (to_x, to_y) = sorted((start, end))
        for column in range(int(x), int(to_x) + 1):
            for row in range(int(y), int(to_y) + 1):
                arms = (row > y, column < to_x, row < to_y, column > x)
                cell = self._reach(column, row, arms, pen)
                if not cell.style or style == "bar":
                    cell.style = style

    def box(self, box: Box, *, marked: bool) -> None:
        """A frame with its lines of text; broken where the node cannot be entered."""
        style = box.node.health.value
        left, right = box.x, box.x + box.width - 1
        top, bottom = box.y, box.y + box.height - 1
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        for start, end in itertools.pairwise(corners):
            self.line(start, end, Pen.LIGHT, style)
        if not box.node.access:
            self._dash(box)
        name = "name" if box.node.access else ""
        if marked:
            self._write(MARKS[box.node.health], int(left) + 2, int(top) + 1, style)
        self._write(box.lines[0], int(left) + (4 if marked else 2), int(top) + 1, name)
        for number, line in enumerate(box.lines[1:], 2):
            self._write(line, int(left) + 2, int(top) + number, "address")

    def label(self, label: Label) -> None:
        """Words; of a segment's, the name stands out."""
        name, blank, rest = label.text.partition("  ")
        style = "segment" if label.segment else "address"
        self._write(name, int(label.x), int(label.y), style)
        self._write(blank + rest, int(label.x) + len(name), int(label.y), "address")

    def spans(self) -> list[list[Span]]:
        """Rows as pieces of one style each; empty ones at the end are left out."""
        rows = [_pieces(row) for row in self._rows]
        while rows and not "".join(text for text, _ in rows[-1]).strip():
            rows.pop()
        return rows

    def _reach(self, x: int, y: int, arms: tuple[bool, bool, bool, bool], pen: Pen) -> _Cell:
        """Let a cell's line reach out to the north, east, south, west."""
        cell = self._rows[y][x]
        cell.north, cell.east, cell.south, cell.west = (
            max(old, pen if there else Pen.NONE)
            for old, there in zip((cell.north, cell.east, cell.south, cell.west), arms, strict=True)
        )
        return cell

    def _dash(self, box: Box) -> None:
        for y in range(int(box.y), int(box.y + box.height)):
            for x in range(int(box.x), int(box.x + box.width)):
                self._rows[y][x].dashed = True

    def _write(self, words: str, x: int, y: int, style: str) -> None:
        for offset, letter in enumerate(words):
            if letter != " " and x + offset < len(self._rows[y]):
                cell = self._rows[y][x + offset]
                cell.letter, cell.style = letter, style


def _pieces(row: list[_Cell]) -> list[Span]:
    pieces: list[Span] = []
    for cell in row:
        if pieces and pieces[-1][1] == cell.style:
            pieces[-1] = (pieces[-1][0] + cell.glyph, cell.style)
        else:
            pieces.append((cell.glyph, cell.style))
    return pieces
