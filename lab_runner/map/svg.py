"""The picture as one SVG file: no scripts, no other files, for light and dark surroundings."""

from __future__ import annotations

from html import escape

from lab_runner.map.layout import Bar, Box, Label, Measures, Picture, Wire, arrange
from lab_runner.map.network import Health, Network
from lab_runner.models.lab import Kind

PIXELS = Measures(
    letter=7.4, line=18, frame=64, padding=22, edge=0, drop=26, gap=16, trunk=30, label=34, lane=16
)
#: As wide as a page; a larger network gets several rows.
WIDTH = 1180
_MARGIN = 28
_HEAD = 54

_STYLE = """
svg { --paper: #ffffff; --ink: #1d2733; --quiet: #66717f; --wire: #8b97a5; --bar: #2f7fb8;
  --box: #f6f8fa; --edge: #aab4bf; --green: #1a8a4a; --greenbox: #e8f6ed; --red: #cf2e3c;
  --redbox: #fdebec; }
@media (prefers-color-scheme: dark) {
  svg { --paper: #12171e; --ink: #e4e9ef; --quiet: #97a3b1; --wire: #66737f; --bar: #56aee8;
    --box: #1c242d; --edge: #4c5966; --green: #4cc57c; --greenbox: #16291f; --red: #ff7680;
    --redbox: #341c20; }
}
text { font-family: ui-sans-serif, system-ui, "Segoe UI", "DejaVu Sans", sans-serif;
  font-size: 13px; fill: var(--ink); }
.paper { fill: var(--paper); }
.heading { font-size: 18px; font-weight: 600; }
.legend { font-size: 12px; fill: var(--quiet); }
.name { font-weight: 600; }
.address { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: 12px; fill: var(--quiet); }
.segment { font-weight: 600; fill: var(--bar); }
.bar { stroke: var(--bar); stroke-width: 6; stroke-linecap: round; }
.wire { stroke: var(--wire); stroke-width: 2; fill: none; stroke-linejoin: round; }
.joint { fill: var(--bar); stroke: var(--paper); stroke-width: 1.5; }
.box { fill: var(--box); stroke: var(--edge); stroke-width: 1.5; }
.box.green { fill: var(--greenbox); stroke: var(--green); }
.box.red { fill: var(--redbox); stroke: var(--red); stroke-width: 2; }
.box.closed { stroke-dasharray: 5 4; }
.icon { stroke: var(--quiet); stroke-width: 1.6; fill: none; stroke-linecap: round;
  stroke-linejoin: round; }
.icon.green { stroke: var(--green); } .icon.red { stroke: var(--red); }
.mark { stroke: var(--paper); stroke-width: 2; fill: none; stroke-linecap: round;
  stroke-linejoin: round; }
.badge.green { fill: var(--green); } .badge.red { fill: var(--red); }
"""

#: Drawn in a square of 24 by 24.
_ICONS = {
    Kind.WORKSTATION: '<rect x="2" y="3" width="20" height="13" rx="2"/>'
    '<path d="M8 21h8M12 16v5"/>',
    Kind.ROUTER: '<circle cx="12" cy="12" r="10"/>'
    '<path d="M6 9.5h9m0 0-3-3m3 3-3 3M18 14.5H9m0 0 3-3m-3 3 3 3"/>',
    Kind.SERVER: '<rect x="3" y="2.5" width="18" height="8" rx="2"/>'
    '<rect x="3" y="13.5" width="18" height="8" rx="2"/>'
    '<path d="M7 6.5h.01M7 17.5h.01M12 6.5h5M12 17.5h5"/>',
    Kind.INTERNET: '<circle cx="12" cy="12" r="10"/>'
    '<path d="M2 12h20M12 2c3 3 4 6.5 4 10s-1 7-4 10c-3-3-4-6.5-4-10s1-7 4-10"/>',
}
_MARKS = {Health.GREEN: "M-4 0.5 L-1.2 3.2 L4 -3", Health.RED: "M-3 -3 L3 3 M3 -3 L-3 3"}


def as_svg(network: Network, width: float = WIDTH) -> str:
    """The whole file."""
    picture = arrange(network, PIXELS, width - 2 * _MARGIN)
    full = (
        max(picture.width, _MARGIN * 12) + 2 * _MARGIN,
        picture.height + _HEAD + 2 * _MARGIN + PIXELS.line,
    )
    size = f'width="{full[0]:g}" height="{full[1]:g}"'
    view = f'viewBox="0 0 {full[0]:g} {full[1]:g}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {view} {size} role="img">',
        f"<title>Network {escape(network.title)}</title><style>{_STYLE}</style>",
        f'<rect class="paper" {size} rx="12"/>',
        _text(_MARGIN, _MARGIN + 14, network.title, "heading"),
        f'<g transform="translate({_MARGIN} {_HEAD + _MARGIN / 2:g})">',
        *_drawing(picture),
        "</g>",
        _legend(full[1] - _MARGIN, network),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _drawing(picture: Picture) -> list[str]:
    """Wires lie below bars, and bars below boxes."""
    ends = {wire.corners[i] for wire in picture.wires for i in (0, -1)}
    heights = {bar.y for bar in picture.bars}
    return [
        *map(_wire, picture.wires),
        *map(_bar, picture.bars),
        *(_joint(x, y) for x, y in sorted(ends) if y in heights),
        *map(_label, picture.labels),
        *map(_box, picture.boxes),
    ]


def _wire(wire: Wire) -> str:
    path = " L".join(f"{x:g} {y:g}" for x, y in wire.corners)
    return f'<path class="wire" d="M{path}"/>'


def _bar(bar: Bar) -> str:
    ends = f'x1="{bar.x:g}" y1="{bar.y:g}" x2="{bar.x + bar.width:g}" y2="{bar.y:g}"'
    return f'<line class="bar" {ends}/>'


def _joint(x: float, y: float) -> str:
    return f'<circle class="joint" cx="{x:g}" cy="{y:g}" r="5"/>'


def _label(label: Label) -> str:
    name, _, rest = label.text.partition("  ")
    y = label.y + PIXELS.label / 2
    if not label.segment:
        return _text(label.x, y, label.text, "address")
    return (
        f'<text x="{label.x:g}" y="{y:g}"><tspan class="segment">{escape(name)}</tspan>'
        f'<tspan class="address" dx="10">{escape(rest)}</tspan></text>'
    )


def _box(box: Box) -> str:
    node = box.node
    closed = "" if node.access else " closed"
    about = node.title or node.name
    lines = [
        _text(48, 26 if len(box.lines) > 1 else box.height / 2 + 5, box.lines[0], "name"),
        *(_text(48, 26 + PIXELS.line * i, t, "address") for i, t in enumerate(box.lines[1:], 1)),
    ]
    return (
        f'<g transform="translate({box.x:g} {box.y:g})"><title>{escape(about)}</title>'
        f'<rect class="box {node.health}{closed}" width="{box.width:g}" '
        f'height="{box.height:g}" rx="9"/>'
        f'<g class="icon {node.health}" transform="translate(14 {box.height / 2 - 11:g}) '
        f'scale(0.92)">{_ICONS[node.kind]}</g>'
        f"{''.join(lines)}{_badge(node.health, box.width)}</g>"
    )


def _badge(health: Health, x: float) -> str:
    """A mark beside the colour, for those who do not see colours."""
    if health not in _MARKS:
        return ""
    return (
        f'<g transform="translate({x - 3:g} 3)"><circle class="badge {health}" r="8.5"/>'
        f'<path class="mark" d="{_MARKS[health]}"/></g>'
    )


def _legend(y: float, network: Network) -> str:
    words = "Dashed: somebody else's machine"
    if network.checked:
        words = f"Red: a check asked from here fails · Green: all is in order · {words}"
    return _text(_MARGIN, y, words, "legend")


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(words)}</text>'
