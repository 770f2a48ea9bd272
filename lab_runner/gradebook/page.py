"""The report: one HTML file that needs nothing else, works offline and prints.

Everything that is shown passes :func:`cleaning.seen` and Jinja's escaping; the page's policy
lets only the two scripts run that are in it, and lets nothing be fetched from anywhere.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lab_runner.gradebook.book import Gradebook
from lab_runner.gradebook.cleaning import seen
from lab_runner.gradebook.difficulty import ENOUGH, Difficulty
from lab_runner.gradebook.views import Views
from lab_runner.grading.marks import Standing
from lab_runner.writing import whole

_ASSETS = Path(__file__).parent / "assets"
#: The longest text anywhere in the page, in characters.
_LONGEST: Final = 8_000
#: Columns of the roster that the class's table shows beside the name.
_COLUMNS_SHOWN = 2
_FEW_GOOD, _NOTHING = 0.3, 0.1


def write(book: Gradebook, path: Path) -> None:
    """Write the report, whole or not at all.

    Raises:
        NoRoom: The disk is full.
        UsageError: It cannot be written for another reason.
    """
    with whole(path) as file:
        file.writelines(piece.encode() for piece in as_html(book))


def as_html(book: Gradebook) -> Iterator[str]:
    """The page, piece by piece: no more than one hand-in is open at a time."""
    style, player, script = _style(), _asset("player/asciinema-player.min.js"), _asset("report.js")
    template = _environment().get_template("report.html.j2")
    yield from template.generate(
        book=book,
        counts=_counts(book),
        shown_columns=_shown_columns(book),
        numbers={row.person.id: number for number, row in enumerate(book.rows, 1)},
        full_names={row.person.id: row.person.name for row in book.rows},
        policy=Markup(_policy([style], [player, script])),  # noqa: S704 - of digests only
        style=style,
        player=player,
        script=script,
        view_of=Views(book.work).of,
        told_apart=told_apart,
    )


def told_apart(one: Difficulty) -> str:
    """What an assignment says of who is able, in a sentence."""
    if one.correlation is None:
        if one.graded < ENOUGH:
            return f"With fewer than {ENOUGH} replays nothing is said of strong and weak."
        return "Everybody or nobody solved it: it tells nobody apart."
    if one.correlation >= _FEW_GOOD:
        return "Whoever is good elsewhere solved it, and others did not: it tells them apart."
    if one.correlation >= _NOTHING:
        return "It tells strong from weak a little."
    if one.correlation > -_NOTHING:
        return "Who solved it has little to do with who is good elsewhere."
    return "Those who are good elsewhere solved it less often: look at what it asks."


def _asset(name: str) -> Markup:
    text = (_ASSETS / name).read_text("utf-8").strip()
    return Markup(text)  # noqa: S704 - a file of the kit


def _style() -> Markup:
    return _asset("player/asciinema-player.css") + Markup("\n") + _asset("report.css")


def _policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    """Content Security Policy, level 3: nothing from anywhere, and only what is in the page.

    The player sets sizes and colours on its elements, and its terminal is WebAssembly.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src-elem {' '.join(map(_digest, styles))}",
            "style-src-attr 'unsafe-inline'",
            f"script-src 'wasm-unsafe-eval' {' '.join(map(_digest, scripts))}",
            "script-src-attr 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _shown_columns(book: Gradebook) -> list[str]:
    others = [name for name in book.columns if name.casefold() not in {"id", "name"}]
    return others[:_COLUMNS_SHOWN]


def _counts(book: Gradebook) -> dict[str, int]:
    entries = [entry for row in book.rows for entry in row.entries]
    return {
        "expected": len(entries),
        "handed_in": sum(entry.mark is not None for entry in entries),
        "flags": sum(row.flags for row in book.rows),
        "passed": sum(row.passed is True for row in book.rows),
        "not_graded": book.counted(Standing.NOT_GRADED),
        "refused": len(book.refused),
    }


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters |= {
        "cut": seen,
        "number": _number,
        "signed": _signed,
        "percent": _percent,
        "minutes": _minutes,
        "seconds": _seconds,
        "clock": _clock,
        "day": _day,
        "heat": _heat,
        "tenths": _tenths,
        "share_of": _share_of,
    }
    return made


def _shown(value: Any) -> Any:
    """Whatever is written into the page, before it is escaped."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return seen(str(value), _LONGEST)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}".removesuffix(".0")  # noqa: RUF001


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"  # noqa: RUF001


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"  # noqa: RUF001


def _minutes(value: float | None) -> str:
    if value is None:
        return "–"  # noqa: RUF001
    hours, minutes = divmod(round(value), 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if 0 <= value < 60 else _minutes(value / 60)


def _clock(value: float | None) -> str:
    if value is None:
        return ""
    sign = "-" if value < 0 else ""
    minutes, seconds = divmod(int(abs(value)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours > 99:
        return f"{sign}{hours // 24} d"
    return f"{sign}{hours}:{minutes:02}:{seconds:02}" if hours else f"{sign}{minutes}:{seconds:02}"


def _day(value: datetime.datetime | None) -> str:
    try:
        return value.astimezone().strftime("%d %b %Y, %H:%M").lstrip("0") if value else ""
    except (OverflowError, ValueError):  # a forged time at the end of all times
        return "at no time"


def _heat(points: float | None) -> str:
    return "" if points is None else f"h{math.floor(min(max(points, 0.0), 100.0) / 10)}"


def _tenths(points: Sequence[float]) -> list[int]:
    """How many lie in each tenth of 0 to 100; 100 in the last."""
    bins = [0] * 10
    for value in points:
        bins[min(9, max(0, int(value // 10)))] += 1
    return bins


def _share_of(part: float, whole: float) -> float:
    return round(100 * min(max(part / whole, 0.0), 1.0), 1) if whole else 0.0
