"""Is it one's own work? Files that two trainees share, and addresses of somebody else's network.

Two right repairs of one fault are alike: what the variant, the fault or a known repair has
in it says nothing. What is left are words that somebody chose, and files and folders that
were changed in the same instant. Both are a reason to ask, and no proof.
"""

from __future__ import annotations

import datetime
import enum
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from lab_runner.grading.marks import Flag, FlagKind
from lab_runner.grading.record import started
from lab_runner.models.disk_changes import Entry
from lab_runner.models.scenario import Step
from lab_runner.planning.plan import Plan
from lab_runner.submission.hand_in import HandIn

#: So many characters that both chose, blanks apart: a sentence, and not a setting's name.
_CHOSEN = 24
#: … which are so much of what the one who chose fewer chose.
_MOST = 0.6
#: What more trainees than two have is common knowledge.
_FEW = 2
#: Of a file that the image may have brought, more lines than these are hardly anybody's own.
_SHORT = 40
#: A file of this size is compared as a whole only.
_TEXT_LIMIT = 256 << 10
#: These remember what was typed, and honest people type the same.
_REMEMBERED = re.compile(r"(?:_history|\.viminfo|\.lesshst|\.wget-hsts)$")
_ADDRESS = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_CLOCKS = datetime.timedelta(minutes=5)

Place = tuple[str, str]


@dataclass(frozen=True)
class Variant:
    """What one trainee was given."""

    plan: Plan

    @cached_property
    def addresses(self) -> frozenset[str]:
        """Those of the network, as it was handed to them."""
        cards = (node.view.interfaces.values() for node in self.plan.nodes.values())
        return frozenset(card.address for card in chain.from_iterable(cards))

    @cached_property
    def told(self) -> frozenset[str]:
        """The lines of its files, of the fault, and of all known repairs, right and wrong."""
        files = [file.content or b"" for node in self.plan.nodes.values() for file in node.files]
        texts = [text.encode() for text in self._scenario()]
        return frozenset(line for text in (*files, *texts) for line in _lines(text))

    def _scenario(self) -> Iterator[str]:
        scenario = self.plan.scenario
        if scenario is None:
            return
        repairs = [scenario.fault, *(fix.steps for fix in scenario.solutions)]
        repairs += [fix.steps for fix in scenario.wrong_fixes]
        for step in chain.from_iterable(repairs):
            yield step.content or step.run or ""


@dataclass(frozen=True)
class Piece:
    """Somebody's work, with the lead's plan of their variant."""

    trainee: str
    work: HandIn
    plan: Plan

    @cached_property
    def variant(self) -> Variant:
        """What they were given."""
        return Variant(self.plan)

    @cached_property
    def changed(self) -> dict[Place, Entry]:
        """Files and folders that were made or changed, by machine and path."""
        return {
            (node, entry.path): entry
            for node, changes in self.work.changes.items()
            for entry in changes.entries
            if entry.kind in {"file", "folder"} and not _REMEMBERED.search(entry.path)
        }

    @cached_property
    def files(self) -> dict[Place, Entry]:
        """What was written, by machine and path."""
        return {at: entry for at, entry in self.changed.items() if entry.content}

    @cached_property
    def lines(self) -> dict[Place, frozenset[str]]:
        """What of it is in no file of the variant, no fault and no known repair."""
        known = self.variant.told
        found = {}
        for place, entry in self.files.items():
            lines = frozenset(_lines(entry.content))
            if place in self._own or len(lines) <= _SHORT:
                found[place] = lines - known
        return found

    @cached_property
    def named(self) -> dict[str, Place]:
        """Addresses in what they wrote, and where."""
        found: dict[str, Place] = {}
        for place, lines in self.lines.items():
            for address in _ADDRESS.findall("\n".join(lines)):
                found.setdefault(address, place)
        return found

    @cached_property
    def _own(self) -> frozenset[Place]:
        """The texts that the variant has, and the files that its fault writes."""
        steps: list[Step] = self.plan.scenario.fault if self.plan.scenario else []
        written = [(s.node or "", s.write.lstrip("/")) for s in steps if s.write]
        nodes = self.plan.nodes.items()
        files = [(name, file) for name, node in nodes for file in node.files]
        texts = [(name, file.path) for name, file in files if any(_lines(file.content or b""))]
        return frozenset([*written, *texts])


def copied(pieces: Iterable[Piece]) -> dict[str, list[Flag]]:
    """Of one assignment: by trainee, what looks like somebody else's work."""
    every = list(pieces)
    held = Counter(line for piece in every for line in set().union(*piece.lines.values()))
    flags: dict[str, list[Flag]] = {piece.trainee: [] for piece in every}
    for number, one in enumerate(every):
        for other in every[:number]:
            why = _shared(one, other, held)
            if why:
                flags[one.trainee].append(_flag(one, other, why))
                flags[other.trainee].append(_flag(other, one, why))
    return flags


def strangers(piece: Piece, others: Callable[[], Mapping[str, Variant]]) -> Iterator[Flag]:
    """What is of another trainee's variant and not of theirs: addresses, lines of a repair.

    Args:
        piece: The work.
        others: What each trainee was given; asked only where it matters.
    """
    strange = {**_strange_lines(piece), **_strange_addresses(piece)}
    if not strange:
        return
    fits = {
        trainee: sorted(strange.keys() & (other.addresses | other.told))
        for trainee, other in others().items()
        if trainee != piece.trainee
    }
    most = max(map(len, fits.values()), default=0)
    whose = [trainee for trainee, found in fits.items() if most and len(found) == most]
    if len(whose) == 1:
        found = fits[whose[0]][0]
        node, path = strange[found]
        text = f"{found[: _CHOSEN * 2]} in {node}:/{path} is of {whose[0]}'s variant, not of theirs"
        yield Flag(kind=FlagKind.COPIED, text=text, whose=whose[0])


def _strange_addresses(piece: Piece) -> Mapping[str, Place]:
    own = piece.variant.addresses
    return {address: at for address, at in piece.named.items() if address not in own}


def _strange_lines(piece: Piece) -> Mapping[str, Place]:
    """Those that are long enough to be nobody's by chance."""
    return {
        line: place
        for place, lines in piece.lines.items()
        for line in lines
        if len(line) >= _CHOSEN and any(map(str.isdigit, line))
    }


def _shared(one: Piece, other: Piece, held: Mapping[str, int]) -> str:
    """What two have in common that is not in the nature of things; empty if nothing."""
    for place in sorted(one.changed.keys() & other.changed.keys()):
        if _same_instant(one, other, place):
            return f"the same {place[0]}:/{place[1]}, changed in the same instant"
    mine, theirs = (_chosen(piece, held) for piece in (one, other))
    both = [line for line in mine if line in theirs]
    weight = _weight(both)
    if weight >= _CHOSEN and weight >= _MOST * min(_weight(mine), _weight(theirs)):
        node, path = mine[both[0]]
        number = f"{len(both)} lines" if len(both) > 1 else "one line"
        return f"{number} of their own choice the same, in {node}:/{path}"
    return ""


def _chosen(piece: Piece, held: Mapping[str, int]) -> dict[str, Place]:
    return {
        line: place
        for place, lines in piece.lines.items()
        for line in sorted(lines)
        if held[line] <= _FEW
    }


def _same_instant(one: Piece, other: Piece, place: Place) -> bool:
    """Has it one time to the nanosecond, which no two people's work has by chance?

    What came in an archive has whole seconds. And the time of a file stands still for some
    milliseconds (time(7), "jiffies"): what machines do by themselves in two networks on one host,
    while they are built or by a timer, may well have the same.
    """
    mine, theirs = one.changed[place], other.changed[place]
    same = (mine.kind, mine.content, mine.mtime) == (theirs.kind, theirs.content, theirs.mtime)
    if not same or mine.mtime.is_integer():
        return False
    moment, others = (_moment(piece, mine.mtime) for piece in (one, other))
    return moment is not others or (moment is _Moment.WORKING and bool(mine.content))


class _Moment(enum.Enum):
    BUILDING, WORKING, ELSEWHEN = range(3)


def _moment(piece: Piece, when: float) -> _Moment:
    """Was the network being built at that time, or worked on?"""
    began = started(piece.work) or piece.work.submitted
    first, last = began - _CLOCKS, piece.work.submitted + _CLOCKS
    if began.timestamp() <= when <= last.timestamp():
        return _Moment.WORKING
    return _Moment.BUILDING if first.timestamp() <= when < began.timestamp() else _Moment.ELSEWHEN


def _flag(one: Piece, other: Piece, why: str) -> Flag:
    later = one.work.submitted > other.work.submitted
    when = "earlier" if later else "later"
    text = f"like {other.trainee}'s, who handed in {when}: {why}"
    return Flag(kind=FlagKind.COPIED, text=text, whose=other.trainee)


def _lines(content: bytes) -> Iterator[str]:
    """The lines of a text without blanks: nobody's work is told by where they put spaces."""
    if len(content) > _TEXT_LIMIT or b"\0" in content:
        return
    for line in content.decode(errors="replace").splitlines():
        bare = "".join(line.split())
        if bare:
            yield bare


def _weight(lines: Iterable[str]) -> int:
    return sum(map(len, lines))
