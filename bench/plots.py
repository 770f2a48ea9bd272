"""The figures as pictures: SVG, the same for the same figures, for light and dark surroundings."""

from __future__ import annotations

import io
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.crowd import SIZES
from bench.figures import Figures
from bench.page import LABS, VERBS, spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Colours by use. They are drawn as written here, and then each is replaced by a variable, so that
#: a reader with a dark page sees the second one.
_INK, _QUIET, _GRID = "#1d2733", "#66717f", "#d3d9df"
_OURS, _OTHERS = "#2f7fb8", "#9aa7b4"
_DARK = {_INK: "#e4e9ef", _QUIET: "#97a3b1", _GRID: "#38434e", _OURS: "#56aee8", _OTHERS: "#66737f"}
_NAMES = {_INK: "ink", _QUIET: "quiet", _GRID: "grid", _OURS: "ours", _OTHERS: "others"}

_LOOK: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "breakfix",
    "font.family": "DejaVu Sans",
    "font.size": 10.0,
    "text.color": _INK,
    "axes.facecolor": "none",
    "axes.labelcolor": _QUIET,
    "axes.edgecolor": _GRID,
    "axes.titlesize": 11.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": _QUIET,
    "ytick.color": _QUIET,
    "grid.color": _GRID,
    "grid.linewidth": 0.8,
}
_WAYS = {
    "kit": "breakfix (with systemd)",
    "compose": "docker compose",
    "plain": "plain containers",
    "bare": "bare namespaces",
}
_WAITED_FOR = ("start_s", "check_red_s", "check_green_s", "reboot_one_s", "reboot_all_s", "reset_s")
_CROWDS = {
    "start_s": "lab start, each (s)",
    "cpu_s": "processor time of a start (s)",
    "check_s": "lab check, each (s)",
    "memory_mib": "memory of a lab (MiB)",
}


def drawn(figures: Figures) -> dict[str, str]:
    """All pictures by file name; those of what was not measured are left out."""
    pictures = {"ways.svg": _ways, "verbs.svg": _verbs, "crowd.svg": _crowd}
    made = {name: draw(figures) for name, draw in pictures.items()}
    return {name: svg for name, svg in made.items() if svg}


@contextmanager
def _canvas(width: float, height: float) -> Iterator[Figure]:
    with mpl.rc_context(_LOOK):
        yield Figure(figsize=(width, height), layout="constrained", facecolor="none")


def _svg(figure: Figure) -> str:
    buffer = io.BytesIO()
    with mpl.rc_context(_LOOK):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue().decode()
    for colour, name in _NAMES.items():
        text = text.replace(colour, f"var(--{name})")
    text = text.replace("'DejaVu Sans'", "ui-sans-serif, system-ui, 'DejaVu Sans', sans-serif")
    return text.replace("<defs>", f"<style>{_style()}</style>\n <defs>", 1)


def _style() -> str:
    light = " ".join(f"--{name}: {colour};" for colour, name in _NAMES.items())
    dark = " ".join(f"--{name}: {_DARK[colour]};" for colour, name in _NAMES.items())
    return f"svg {{ {light} }} @media (prefers-color-scheme: dark) {{ svg {{ {dark} }} }}"


def _bars(
    axes: Axes, rows: Mapping[str, Sequence[float]], colours: Sequence[str], room: float
) -> None:
    """Medians as bars, with a line from the least to the most and the numbers behind it.

    Args:
        axes: Where.
        rows: Measured values by title.
        colours: One for each.
        room: For the numbers, as a share of the longest bar.
    """
    places = range(len(rows))
    middles = [statistics.median(values) for values in rows.values()]
    axes.barh(places, middles, 0.62, color=colours)
    for place, values in enumerate(rows.values()):
        axes.plot([min(values), max(values)], [place, place], color=_INK, linewidth=1.5)
        axes.annotate(
            spread(values),
            (max(*values, statistics.median(values)), place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_yticks(places, list(rows), color=_INK)
    axes.invert_yaxis()
    axes.set_xlim(0, (1 + room) * max(max(values) for values in rows.values()))
    axes.grid(axis="x")
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)


def _ways(figures: Figures) -> str:
    rows = {
        title: figures.series[f"{way}.ready_s"]
        for way, title in _WAYS.items()
        if f"{way}.ready_s" in figures.series
    }
    if not rows:
        return ""
    with _canvas(8, 1.0 + 0.45 * len(rows)) as figure:
        axes = figure.subplots()
        _bars(axes, rows, [_OURS if title == _WAYS["kit"] else _OTHERS for title in rows], 0.3)
        axes.set_title("Five nodes, from the command to HTTP 200 by name (s)")
        return _svg(figure)


def _verbs(figures: Figures) -> str:
    found = {
        lab: {
            VERBS[what].replace("`", "").partition(":")[0]: figures.series[f"{lab}.{what}"]
            for what in (*_WAITED_FOR, "stop_s")
            if f"{lab}.{what}" in figures.series
        }
        for lab in LABS
    }
    found = {lab: rows for lab, rows in found.items() if rows}
    if not found:
        return ""
    titles = {"office": "office, five nodes (s)", "branch": "branch, twelve nodes (s)"}
    with _canvas(10, 3.2) as figure:
        for axes, (lab, rows) in zip(
            figure.subplots(1, len(found), squeeze=False)[0], found.items(), strict=True
        ):
            _bars(axes, rows, [_OURS] * len(rows), 0.6)
            axes.set_title(titles[lab])
        return _svg(figure)


def _crowd(figures: Figures) -> str:
    sizes = [size for size in SIZES if f"crowd{size}.start_s" in figures.series]
    if len(sizes) < 2:
        return ""
    shown = [what for what in _CROWDS if f"crowd{sizes[0]}.{what}" in figures.series]
    with _canvas(10, 5.2) as figure:
        for axes, what in zip(figure.subplots(2, 2).flat, shown, strict=False):
            _line(axes, sizes, [figures.series[f"crowd{size}.{what}"] for size in sizes])
            axes.set_title(_CROWDS[what])
        for axes in figure.axes[len(shown) :]:
            axes.set_visible(False)
        figure.supxlabel("labs at once", color=_QUIET, fontsize=10)
        return _svg(figure)


def _line(axes: Axes, sizes: Sequence[int], series: Sequence[Sequence[float]]) -> None:
    """Medians over the number of labs, within a band from the least to the most."""
    middles = [statistics.median(values) for values in series]
    lows, highs = [min(values) for values in series], [max(values) for values in series]
    axes.fill_between(sizes, lows, highs, color=_OURS, alpha=0.2, linewidth=0)
    axes.plot(sizes, middles, color=_OURS, marker="o", markersize=5)
    for number, (size, middle) in enumerate(zip(sizes, middles, strict=True)):
        if number == 0 or size - sizes[number - 1] > max(sizes) / 10:  # else they overlap
            axes.annotate(
                f"{middle:.3g}",
                (size, middle),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
            )
    axes.set_ylim(0, 1.15 * max(highs))
    axes.set_xlim(0, max(sizes) + 1)
    axes.set_xticks(sizes)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="y")
    axes.tick_params(length=0)
