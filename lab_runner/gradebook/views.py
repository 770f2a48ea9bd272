"""What the report shows of one hand-in; opened when its turn comes, and let go of after it."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup

from lab_runner.gradebook.cleaning import played
from lab_runner.gradebook.entries import Entry
from lab_runner.gradebook.evidence import Block, blocks, decisive
from lab_runner.gradebook.moments import Moment, time_line
from lab_runner.grading.marks import Mark
from lab_runner.models import disk_changes
from lab_runner.models.results import CheckResult, Status
from lab_runner.submission.hand_in import HandIn

#: Of packed terminals in one report, and in one hand-in, in bytes.
REPORT_LIMIT: Final = 48 << 20
HAND_IN_LIMIT: Final = 2 << 20
#: Files of one hand-in that are named, and a file's text that is shown, in characters.
_FILES_LIMIT, _CONTENT_LIMIT = 60, 6_000
_TERMINALS_LIMIT = 40
_NONE = Markup("")


@dataclass(frozen=True)
class Terminal:
    """A recorded terminal; ``packed`` is empty where it cannot be played, and ``problem`` why."""

    id: str
    name: str
    packed: Markup = _NONE
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    places: str = "[]"
    problem: str = ""


@dataclass(frozen=True)
class File:
    """A file, folder or link on a node's disk that differs from what was handed over."""

    node: str
    path: str
    what: str
    content: str


@dataclass(frozen=True)
class View:
    """Everything that is shown of one entry beside its mark.

    Attributes:
        red: The replay's checks that are not green.
        green: The others.
        decisive: The check that decided.
        blocks: What it saw.
        moments: The time line.
        terminals: What was recorded.
        marks: The ids of terminals that can be played, by the name of the cast.
        files: What was changed on disks.
    """

    red: Sequence[CheckResult] = ()
    green: Sequence[CheckResult] = ()
    decisive: CheckResult | None = None
    blocks: Sequence[Block] = ()
    moments: Sequence[Moment] = ()
    terminals: Sequence[Terminal] = ()
    marks: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[File] = ()


class Views:
    """Opens hand-ins one at a time, and counts what terminals take of the report."""

    def __init__(self, work: Callable[[Mark], HandIn | None]) -> None:
        self._work = work
        self._left = REPORT_LIMIT

    def of(self, entry: Entry, place: str) -> View:
        """What is shown of an entry.

        Args:
            entry: Whose.
            place: Its id in the page.
        """
        if entry.mark is None:
            return View()
        report = entry.mark.report
        rows = report.checks if report else []
        decided = decisive(report)
        work = self._work(entry.mark)
        moments = time_line(work) if work else []
        terminals = list(self._terminals(work, moments, place)) if work else []
        return View(
            red=[row for row in rows if row.status is not Status.PASSED],
            green=[row for row in rows if row.status is Status.PASSED],
            decisive=decided,
            blocks=blocks(decided.evidence) if decided else (),
            moments=moments,
            terminals=terminals,
            marks={one.name: one.id for one in terminals if one.packed},
            files=list(_files(work)) if work else (),
        )

    def _terminals(self, work: HandIn, moments: Sequence[Moment], place: str) -> Iterator[Terminal]:
        left = HAND_IN_LIMIT
        for number, (name, text) in enumerate(work.terminals.items(), 1):
            if number > _TERMINALS_LIMIT:
                return
            made = _terminal(f"{place}-{number}", name, text, moments)
            size = len(made.packed)
            if size > min(left, self._left):
                said = "left out of this report for its size; the hand-in has it"
                yield Terminal(made.id, name, problem=said)
                continue
            left -= size
            self._left -= size
            yield made


def _terminal(place: str, name: str, text: str, moments: Sequence[Moment]) -> Terminal:
    cast = played(text, _marks(name, moments))
    if cast is None:
        return Terminal(place, name, problem="this is no recording that can be read")
    packed = base64.b64encode(gzip.compress(cast.text.encode(), mtime=0)).decode()
    return Terminal(
        id=place,
        name=name,
        packed=Markup(packed),  # noqa: S704 - base64 has no letter that means anything in HTML
        width=cast.width,
        height=cast.height,
        seconds=cast.seconds,
        places=json.dumps(cast.places),
    )


def _marks(name: str, moments: Sequence[Moment]) -> list[tuple[float, str]]:
    """Where commands begin in a cast."""
    return [
        (one.offset, one.text)
        for one in moments
        if one.kind == "command" and one.terminal == name and one.offset is not None
    ]


def _files(work: HandIn) -> Iterator[File]:
    left = _FILES_LIMIT
    for node, changes in sorted(work.changes.items()):
        for entry in changes.entries[:left]:
            yield File(node, _readable(entry.path), _what(entry), _content(entry))
        left = max(0, left - len(changes.entries))


def _what(entry: disk_changes.Entry) -> str:
    kind = f"link to {_readable(entry.target)}" if entry.kind == "link" else entry.kind
    return f"{kind}, {entry.mode:04o}, {entry.uid}:{entry.gid}"


def _content(entry: disk_changes.Entry) -> str:
    if b"\x00" in entry.content:
        return f"({len(entry.content)} bytes that are no text)"
    return entry.content[: 4 * _CONTENT_LIMIT].decode("utf-8", "replace")


def _readable(path: str) -> str:
    return path.encode(errors="surrogateescape").decode("utf-8", "replace")
