"""A verdict, and the phrases that rationales are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lab_runner.models.evidence import Target

_QUOTED = 80
#: What was observed is told in so many characters: a server may have a lot to say.
_OBSERVED = 1000


@dataclass(frozen=True)
class Verdict:
    """Passed or not, and in words what was observed against what was expected."""

    passed: bool
    rationale: str


def verdict(observed: str, unmet: Iterable[str | None]) -> Verdict:
    """Passed if no expectation is unmet; a None is one that was met."""
    if len(observed) > _OBSERVED:
        observed = f"{observed[:_OBSERVED]}…"
    expected = [text for text in unmet if text]
    if not expected:
        return Verdict(True, observed)
    return Verdict(False, f"{observed}; expected {' and '.join(expected)}")


def unless(met: bool, expected: str) -> str | None:
    """The expectation, unless it is met."""
    return None if met else expected


def quoted(text: str | None) -> str:
    """The beginning of a text, in quotes and on one line."""
    if not text:
        return "nothing"
    flat = " ".join(text.split())
    return f'"{flat[:_QUOTED]}…"' if len(flat) > _QUOTED else f'"{flat}"'


def listed(things: Iterable[object], empty: str = "none") -> str:
    """``a, b and c``, or a word for nothing."""
    words = [str(thing) for thing in things]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else empty


def either(things: Iterable[object]) -> str:
    """``a, b or c``."""
    words = [str(thing) for thing in things]
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else "anything"


def place(target: Target, port: int | None = None) -> str:
    """``web (10.0.0.80) port 80``, ``10.0.0.80 port 80``."""
    named = target.name
    if target.address and target.address != target.name:
        named = f"{target.name} ({target.address})"
    return named if port is None else f"{named} port {port}"


def happened(outcome: str, detail: str | None) -> str:
    """What the network did, in words: ``no answer in time``, ``refused (ICMP 3/13 …)``."""
    said = _WORDS.get(outcome, outcome)
    return f"{said} ({detail})" if detail and detail.lower() != outcome else said


_WORDS = {
    "timeout": "no answer in time",
    "unresolved": "the name was not found",
    "closed": "closed by the other side",
    "reset": "reset by the other side",
    "broken": "broken off",
    "tls": "the certificate does not verify",
    "malformed": "an answer that cannot be understood",
    "too-long": "too long for the way",
    "too-much": "much was said, but not what was waited for",
    "no-interface": "the node has no such interface",
}


def milliseconds(value: float) -> str:
    """``3 ms``; below one, a digit more."""
    return f"{value:.0f} ms" if value >= 1 else f"{value:.1f} ms"
