"""``lab progress``."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from lab_runner.cli.session import JsonOption, catalogue

if TYPE_CHECKING:
    from rich.text import Text

    from lab_runner.attempts.history import Record
    from lab_runner.attempts.progress import Area, Progress

#: So many days are drawn.
_DAYS = 28
_BLOCKS = "·▁▃▅▇"
_BAR = 10


def command(json: JsonOption = False) -> None:
    """What you solved, how fast, on how many days in a row, and where you are weak."""
    from lab_runner.attempts.history import records
    from lab_runner.attempts.progress import progress
    from lab_runner.attempts.store import Store
    from lab_runner.cli.plain import show_json

    with Store() as store:
        found = list(records(store.events()).values())
    today = datetime.datetime.now().astimezone().date()
    told = progress(found, _topics(found), today)
    if json:
        show_json(_facts(told))
    else:
        _show(told, today)


def _topics(found: list[Record]) -> dict[str, list[str]]:
    """The topics of each scenario that was tried; those of all parts together."""
    from lab_runner.planning.composite import PLUS

    known = {
        source.id: [source.area, *(source.document.data.get("topics") or ())]
        for source in catalogue().scenarios()
    }
    return {
        one.scenario: list(
            dict.fromkeys(t for part in one.scenario.split(PLUS) for t in known.get(part, ()))
        )
        for one in found
    }


def _facts(told: Progress) -> dict[str, Any]:
    return {
        "attempts": told.attempts,
        **_area_facts(told.whole),
        "streak_days": told.streak,
        "longest_streak_days": told.longest,
        "solved_by_day": {day.isoformat(): count for day, count in told.by_day.items()},
        "topics": {area.name: _area_facts(area) for area in told.areas},
    }


def _area_facts(area: Area) -> dict[str, Any]:
    return {
        "tried": area.tried,
        "solved": area.solved,
        "solved_without_hints": area.unaided,
        "hints": area.hints,
        "median_minutes": None if area.minutes is None else round(area.minutes, 1),
        "weak": area.is_weak,
    }


def _show(told: Progress, today: datetime.date) -> None:
    from lab_runner.cli.screen import out, table, text

    console, whole = out(), told.whole
    if not told.attempts:
        console.print("Nothing was tried yet.", text("`lab drill` starts a case.", "quiet"))
        return
    console.print(
        text(f"{whole.solved} of {whole.tried}", "name"),
        f"cases solved, {whole.unaided} of them without a hint",
        text(f"({told.attempts} attempts{_in_minutes(whole)})", "quiet"),
    )
    console.print(_days(told, today), text(_row(told)))
    console.print()
    if not told.areas:
        return
    shown = table("topic", "solved", "", "no hint", "hints", "time")
    for area in told.areas:
        shown.add_row(
            text(area.name, "failed" if area.is_weak else "name"),
            text(f"{area.solved} of {area.tried}"),
            _bar(area),
            text(area.unaided),
            text(area.hints or ""),
            text("" if area.minutes is None else f"{area.minutes:.0f} min"),
        )
    console.print(shown)
    weak = [area.name for area in told.areas if area.is_weak]
    if weak:
        console.print(
            "Weak so far:", text(", ".join(weak), "failed"), text(f"`lab drill --area {weak[0]}`")
        )


def _in_minutes(area: Area) -> str:
    return "" if area.minutes is None else f", {area.minutes:.0f} minutes for a case"


def _row(told: Progress) -> str:
    if not told.longest:
        return "the last four weeks: nothing solved yet"
    days = "1 day" if told.streak == 1 else f"{told.streak} days"
    return f"{days} in a row, {told.longest} at the most"


def _days(told: Progress, today: datetime.date) -> Text:
    """The last four weeks, a sign for each day, today last."""
    from lab_runner.cli.screen import text

    counts = [
        told.by_day.get(today - datetime.timedelta(days=back), 0)
        for back in range(_DAYS - 1, -1, -1)
    ]
    return text("".join(_BLOCKS[min(count, len(_BLOCKS) - 1)] for count in counts), "passed")


def _bar(area: Area) -> Text:
    """Solved without a hint, solved with one, and not."""
    from lab_runner.cli.screen import text

    unaided = round(_BAR * area.unaided / area.tried)
    solved = round(_BAR * area.solved / area.tried)
    bar = text("█" * unaided, "passed")
    bar.append("▒" * (solved - unaided), style="skipped")
    return bar.append("·" * (_BAR - solved), style="quiet")
