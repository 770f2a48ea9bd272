"""What happened in an attempt, as a time line."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from lab_runner.attempts.store import Kind
from lab_runner.gradebook.records import dict_of, list_of, moment_of, number_of, payload, text_of
from lab_runner.submission.hand_in import HandIn, Recorded

#: Rows of one time line; of a longer one, commands in the middle are left out.
MOMENTS_LIMIT: Final = 300
#: Changes that are told of one check.
_DETAILS_LIMIT = 40
_SIGNS = {"added": "+", "changed": "~", "removed": "-"}
#: What is told of in one sentence, and its tone.
_SENTENCES = {
    Kind.START: ("Started", ""),
    Kind.SOLVE: ("Let the kit repair it (`lab solve`)", "bad"),
    Kind.DEBRIEF: ("Had the answer told (`lab debrief`)", "bad"),
    Kind.LOST: ("The lab's containers were gone", "bad"),
    Kind.STOP: ("Stopped the lab", ""),
}


@dataclass(frozen=True)
class Detail:
    """A line below a moment; ``tone`` is ``good``, ``bad`` or empty."""

    sign: str
    text: str
    tone: str = ""


@dataclass(frozen=True)
class Moment:
    """One row of a time line.

    Attributes:
        kind: What the row looks like: an event's kind, or ``gap``.
        text: What happened.
        at: When; None where the record holds no time.
        after: Seconds since the start.
        node: Where.
        status: A command's exit status.
        seconds: How long it took.
        tone: ``good``, ``bad`` or empty.
        details: What is told below it.
        terminal: The cast that it is seen in.
        offset: Where in the cast, in seconds.
    """

    kind: str
    text: str
    at: datetime.datetime | None = None
    after: float | None = None
    node: str = ""
    status: int | None = None
    seconds: float | None = None
    tone: str = ""
    details: tuple[Detail, ...] = ()
    terminal: str = ""
    offset: float | None = None


def time_line(work: HandIn) -> list[Moment]:
    """Everything that was recorded, oldest first."""
    teller = _Teller(_sessions(work))
    start = started(work)
    told = [_placed(moment, start) for event in work.events for moment in teller.tell(event)]
    return _shortened(told)


def started(work: HandIn) -> datetime.datetime | None:
    """When the attempt began, by the trainee's clock."""
    return next((moment_of(one.written) for one in work.events if one.kind is Kind.START), None)


class _Teller:
    """Tells of events in turn: what a check turned is seen from the one before it."""

    def __init__(self, sessions: Mapping[str, datetime.datetime]) -> None:
        self._sessions = sessions
        self._statuses: dict[str, str] = {}
        self._changed: set[tuple[str, str, str]] = set()

    def tell(self, event: Recorded) -> Iterator[Moment]:
        told = payload(event)
        at = moment_of(event.written)
        if event.kind in _SENTENCES:
            text, tone = _SENTENCES[event.kind]
            made: Moment | None = Moment(event.kind.value, text, tone=tone)
        else:
            made = getattr(self, f"_{event.kind.value}")(told)
        if made is not None:
            yield made if made.at else replace(made, at=at)

    def _check(self, told: dict[str, Any]) -> Moment:
        found = [row for row in list_of(told.get("checks")) if isinstance(row, dict)]
        now = {text_of(row.get("id")): text_of(row.get("status")) for row in found}
        titles = {text_of(row.get("id")): text_of(row.get("title")) for row in found}
        red = sum(status != "passed" for status in now.values())
        text = f"Check: {red} of {len(now)} red" if red else f"Check: all {len(now)} green"
        details = tuple(self._turned(now, titles))[:_DETAILS_LIMIT]
        self._statuses = now
        return Moment("check", text, tone="bad" if red else "good", details=details)

    def _turned(self, now: dict[str, str], titles: dict[str, str]) -> Iterator[Detail]:
        for name, status in now.items():
            before = self._statuses.get(name, "passed")
            if status == "passed" != before:
                yield Detail("✓", titles[name] or name, "good")
            elif status != "passed" == before:
                yield Detail("✗", titles[name] or name, "bad")

    def _state(self, told: dict[str, Any]) -> Moment | None:
        now = {*_files(told.get("files")), *_network(told.get("network"))}
        news = sorted(now - self._changed)
        gone = sorted(self._changed - now)
        self._changed = now
        if not (news or gone):
            return None
        rows = [Detail(sign, f"{node}: {what}") for node, sign, what in news]
        rows += [Detail("↺", f"{node}: {what} is as it was again") for node, _, what in gone]
        nodes = ", ".join(sorted({node for node, *_ in (*news, *gone)}))
        left = len(rows) - _DETAILS_LIMIT
        more = [Detail("…", f"and {left} more")] if left > 0 else []
        return Moment("state", f"Changed on {nodes}", details=(*rows[:_DETAILS_LIMIT], *more))

    def _command(self, told: dict[str, Any]) -> Moment:
        status = told.get("status")
        known = status if isinstance(status, int) and not isinstance(status, bool) else None
        began = moment_of(told.get("began"))
        terminal = text_of(told.get("terminal"))
        session = self._sessions.get(terminal)
        offset = (began - session).total_seconds() if began and session else None
        return Moment(
            "command",
            text_of(told.get("line")),
            at=began,
            node=text_of(told.get("node")),
            status=known,
            seconds=number_of(told.get("seconds")),
            terminal=terminal,
            offset=max(0.0, offset) if offset is not None else None,
        )

    def _terminal(self, told: dict[str, Any]) -> Moment:
        seconds = number_of(told.get("seconds"))
        node = text_of(told.get("node"))
        return Moment(
            "terminal",
            "Left the terminal",
            node=node,
            seconds=seconds,
            terminal=text_of(told.get("terminal")),
            offset=0.0,
        )

    def _hint(self, told: dict[str, Any]) -> Moment:
        return Moment("hint", f"Hint {text_of(told.get('number')) or '?'}")

    def _diagnosis(self, told: dict[str, Any]) -> Moment:
        answer = told.get("answer")
        right = told.get("right")
        answer, right = (one if isinstance(one, dict) else {} for one in (answer, right))
        rows = [_answered(word, answer.get(word), right.get(word)) for word in answer]
        points = number_of(told.get("points"))
        text = "Diagnosis" if points is None else f"Diagnosis: {points:g} of 100"
        return Moment("diagnosis", text, details=tuple(rows[:6]))

    def _reset(self, _: dict[str, Any]) -> Moment:
        self._statuses, self._changed = {}, set()
        return Moment("reset", "Reset: the lab as it was handed out")

    def _reboot(self, told: dict[str, Any]) -> Moment:
        names = ", ".join(text_of(name) for name in list_of(told.get("nodes"))[:20])
        return Moment("reboot", f"Rebooted {names or 'nodes'}")

    def _record(self, told: dict[str, Any]) -> Moment:
        on = told.get("on") is True
        text = "Recording switched on" if on else "Recording switched off"
        return Moment("record", text, tone="" if on else "bad")

    def _submit(self, told: dict[str, Any]) -> Moment:
        passed = told.get("passed")
        claim = {True: ", all green by their own check", False: ", with red checks"}
        return Moment("submit", f"Handed in{claim[passed] if isinstance(passed, bool) else ''}")


def _sessions(work: HandIn) -> dict[str, datetime.datetime]:
    """When each terminal was opened."""
    told = (payload(event) for event in work.events if event.kind is Kind.TERMINAL)
    times = {text_of(one.get("terminal")): moment_of(one.get("began")) for one in told}
    return {name: at for name, at in times.items() if at is not None}


def _files(told: object) -> Iterator[tuple[str, str, str]]:
    for node, rows in dict_of(told).items():
        for row in list_of(rows):
            what, path = row if isinstance(row, list) and len(row) == 2 else ("", "")
            yield text_of(node), _SIGNS.get(text_of(what), "~"), f"/{text_of(path).lstrip('/')}"


def _network(told: object) -> Iterator[tuple[str, str, str]]:
    for node, kinds in dict_of(told).items():
        for kind, parts in dict_of(kinds).items():
            for what, lines in dict_of(parts).items():
                for line in list_of(lines):
                    yield text_of(node), _SIGNS.get(text_of(what), "~"), f"{kind}: {text_of(line)}"


def _answered(word: str, said: object, right: object) -> Detail:
    share = number_of(right)
    tone = "" if share is None else "good" if share >= 1 else "bad" if share <= 0 else ""
    sign = {"good": "✓", "bad": "✗"}.get(tone, "~")
    return Detail(sign, f"{word}: {text_of(said)}", tone)


def _placed(moment: Moment, start: datetime.datetime | None) -> Moment:
    if moment.at is None or start is None:
        return moment
    return replace(moment, after=(moment.at - start).total_seconds())


def _shortened(rows: list[Moment]) -> list[Moment]:
    """In order of time; of many rows the middle is left out: beginning and end tell most."""
    rows = _in_order(rows)
    left = len(rows) - MOMENTS_LIMIT
    if left <= 0:
        return rows
    first = MOMENTS_LIMIT // 2
    gap = Moment("gap", f"{left} further rows are left out here; the hand-in has them")
    return [*rows[:first], gap, *rows[first + left :]]


def _in_order(rows: list[Moment]) -> list[Moment]:
    """A command is written down when it is over, and belongs where it began."""
    keys: list[float] = []
    for row in rows:
        before = keys[-1] if keys else 0.0
        keys.append(before if row.after is None else row.after)
    return [rows[index] for index in sorted(range(len(rows)), key=keys.__getitem__)]
