"""What no type can check: names that must be known, and keys that must agree with each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lab_runner.errors import DefinitionError
from lab_runner.models.checks import DEADLINE_S, LAST_WORD, Check
from lab_runner.models.lab import Lab
from lab_runner.models.probes import PROBES, CaptureProbe, NatProbe, PingProbe
from lab_runner.models.scenario import UNCHANGED, Scenario, Step, WrongFix
from lab_runner.models.source import Document, Path_, findings, unknown
from lab_runner.planning.disks import permissions

Errors = Iterator[DefinitionError]


@dataclass(frozen=True)
class Names:
    """What there is to be named."""

    nodes: tuple[str, ...]
    cables: tuple[str, ...]
    segments: tuple[str, ...]
    checks: tuple[str, ...]
    #: Optional nodes that are not there.
    left_out: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """Where a capture may be."""
        return (*self.segments, *self.cables)

    def only_with(self, lab: Lab, named: Iterable[str]) -> Names:
        """Without those of the lab's optional nodes that are not named, and what goes with them."""
        part = lab.only_with(named)
        checks = {check.id for check in lab.health} - {check.id for check in part.health}
        nodes, segments = lab.nodes.keys() - part.nodes, lab.segments.keys() - part.segments
        return Names(
            tuple(name for name in self.nodes if name not in nodes),
            tuple(name for name in self.cables if name.partition(":")[0] not in nodes),
            tuple(name for name in self.segments if name not in segments),
            tuple(name for name in self.checks if name not in checks),
            tuple(sorted(nodes)),
        )

    @classmethod
    def of(cls, lab: Lab, checks: Iterable[Check]) -> Names:
        """The names of a lab, and of some checks on it."""
        cables = [f"{name}:{card}" for name, node in lab.nodes.items() for card in node.interfaces]
        ids = tuple(check.id for check in checks)
        return cls(tuple(lab.nodes), tuple(cables), tuple(lab.segments), ids)


def lab_errors(lab: Lab, names: Names, document: Document) -> Errors:
    """What is wrong within a lab's file."""
    for index, check in enumerate(lab.health):
        there = names.only_with(lab, check.needs)
        yield from _check_errors(check, there, document, ("health", index))
    yield from _twice(lab.health, (), document, "health")
    yield from _circles(lab.health, lab.health, document, "health")
    seen: dict[Any, str] = {}
    for name, node in lab.nodes.items():
        for card, spec in node.interfaces.items():
            place = (spec.segment, spec.host)
            if place in seen:
                message = f"host {spec.host} on {spec.segment} is {seen[place]} already"
                yield document.error(message, ("nodes", name, "interfaces", card))
            seen[place] = name
        for path, mode in node.modes.items():
            try:
                permissions(mode, node)
            except DefinitionError as exc:
                yield document.error(str(exc), ("nodes", name, "modes", path))


def scenario_errors(scenario: Scenario, lab: Lab, names: Names, document: Document) -> Errors:
    """What is wrong within a scenario's file, beside the lab that it breaks."""
    checks = scenario.checks
    optional = [name for name, node in lab.nodes.items() if node.optional]
    yield from _each_of("optional node", scenario.including, optional, document, "with")
    names = names.only_with(lab, scenario.including)
    yield from _twice(checks, [check.id for check in lab.health], document, "checks")
    for key in ("symptoms", "guards", "silenced"):
        for index, name in enumerate(getattr(scenario, key)):
            yield from _known("check", name, names, document, (key, index))
    own = [check.id for check in checks]
    yield from _each_of("own check", scenario.introduced, own, document, "introduced")
    for index, check in enumerate(checks):
        yield from _check_errors(check, names, document, ("checks", index))
    yield from _circles(checks, [*lab.health, *checks], document, "checks")
    more = (UNCHANGED,) if scenario.control else ()
    catching = replace(names, checks=(*names.checks, *more))
    for index, fix in enumerate(scenario.wrong_fixes):
        at: Path_ = ("wrong_fixes", index, "caught_by")
        for number, name in enumerate(fix.caught_by):
            yield from _known("check", name, catching, document, (*at, number))
        yield from _never_red(fix, scenario, document, at)
    for at, step in _steps(scenario):
        yield from _step_errors(step, names, document, at)
    yield from _diagnosis_errors(scenario, names, document)


def _each_of(
    what: str, wanted: Iterable[str], known: list[str], document: Document, key: str
) -> Errors:
    for index, name in enumerate(wanted):
        if name not in known:
            yield document.error(unknown(f"{what} {name!r}", name, known), (key, index))


def _twice(checks: Iterable[Check], before: Iterable[str], document: Document, key: str) -> Errors:
    seen = set(before)
    for index, check in enumerate(checks):
        if check.id in seen:
            yield document.error(f"check {check.id!r} is defined twice", (key, index, "id"))
        seen.add(check.id)


def _never_red(fix: WrongFix, scenario: Scenario, document: Document, at: Path_) -> Errors:
    """A silenced check is skipped while a symptom lasts: they are never red together."""
    red = next((name for name in fix.caught_by if name in scenario.symptoms), None)
    for number, name in enumerate(fix.caught_by):
        if red and name in scenario.silenced and name not in scenario.symptoms:
            message = (
                f"check {name!r} is silenced, so it is skipped while the symptom {red!r} is red: "
                "both cannot catch this"
            )
            yield document.error(message, (*at, number))


def _steps(scenario: Scenario) -> Iterable[tuple[Path_, Step]]:
    for index, step in enumerate(scenario.fault):
        yield ("fault", index), step
    for key in ("solutions", "wrong_fixes"):
        for index, repair in enumerate(getattr(scenario, key)):
            for number, step in enumerate(repair.steps):
                yield (key, index, "steps", number), step


def _step_errors(step: Step, names: Names, document: Document, at: Path_) -> Errors:
    if step.node is not None:
        yield from _known("node", step.node, names, document, (*at, "node"))
    if step.link is not None:
        yield from _known("cable", step.link, names, document, (*at, "link"))


def _diagnosis_errors(scenario: Scenario, names: Names, document: Document) -> Errors:
    truth = scenario.diagnosis
    yield from _known("node", truth.node, names, document, ("diagnosis", "node"))
    for index, name in enumerate(truth.node_also):
        yield from _known("node", name, names, document, ("diagnosis", "node_also", index))
    for index, words in enumerate(truth.cause_words):
        try:
            re.compile(words)
        except re.error as exc:
            message = f"{words!r} is no regular expression: {exc}"
            yield document.error(message, ("diagnosis", "cause_words", index))


def _check_errors(check: Check, names: Names, document: Document, at: Path_) -> Errors:
    yield from _known("node", check.vantage, names, document, (*at, "from"))
    for index, name in enumerate(check.requires):
        yield from _known("check", name, names, document, (*at, "requires", index))
    for index, name in enumerate(check.needs):
        yield from _known("node", name, names, document, (*at, "needs", index))
    if check.control is not None:
        yield from _known("check", check.control, names, document, (*at, "control"))
    probe = check.probe
    if isinstance(probe, PingProbe):
        yield from _too_slow(probe, document, (*at, "ping"))
    if isinstance(probe, NatProbe):
        yield from _known("node", probe.at, names, document, (*at, "nat", "at"))
    if isinstance(probe, CaptureProbe):
        yield from _known("place", probe.on, names, document, (*at, "capture", "on"))
        yield from _during_errors(check, probe, document, (*at, "capture", "during"))


def _too_slow(probe: PingProbe, document: Document, at: Path_) -> Errors:
    """A last question that would be broken off is an instrument's error, and no answer."""
    seconds = probe.count * probe.timeout_s * LAST_WORD
    if seconds > DEADLINE_S:
        message = (
            f"{probe.count} requests with {probe.timeout_s:g} s each, and {LAST_WORD:g} times that "
            f"where it is asked a last time, make {seconds:g} s; after {DEADLINE_S:g} s a question "
            "is broken off"
        )
        yield document.error(message, at)


def _during_errors(check: Check, probe: CaptureProbe, document: Document, at: Path_) -> Errors:
    """The question within a capture; the switchboard would find out only when it is asked."""
    if probe.during.get("from", check.vantage) != check.vantage:
        message = f"during is asked from the check's own vantage, {check.vantage}"
        yield document.error(message, (*at, "from"))
    # The engine runs commands, and the switchboard asks what is within a capture.
    known = [word for word in PROBES if word not in {"capture", "command"}]
    words = [word for word in probe.during if word != "from"]
    for word in words:
        if word not in known:
            yield document.error(unknown(f"probe {word!r}", word, known), (*at, word))
    if len(words) != 1:
        yield document.error(f"during has exactly one probe of: {', '.join(known)}", at)
    elif words[0] in known:
        model: type[Any] = PROBES[words[0]]
        try:
            TypeAdapter(model).validate_python(probe.during[words[0]])
        except ValidationError as exc:
            yield from findings(exc, model, document, (*at, words[0]))


def _circles(
    checks: Iterable[Check], every: Iterable[Check], document: Document, key: str
) -> Errors:
    """Checks that wait for themselves, each told at the word that leads back to it."""
    waits = {check.id: _awaited(check) for check in every}
    for index, check in enumerate(checks):
        for where, name in _awaited(check).items():
            way = _way(name, check.id, waits)
            if way:
                message = f"check {check.id!r} waits for itself: {' → '.join([check.id, *way])}"
                yield document.error(message, (key, index, *where))


def _awaited(check: Check) -> dict[Path_, str]:
    named: dict[Path_, str] = {
        ("requires", index): name for index, name in enumerate(check.requires)
    }
    return named | ({("control",): check.control} if check.control else {})


def _way(start: str, goal: str, waits: Mapping[str, Mapping[Path_, str]]) -> list[str]:
    """The names on the way from ``start`` to ``goal``, both included; empty if there is none."""
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop(0)
        if way[-1] == goal:
            return way
        fresh = [name for name in waits.get(way[-1], {}).values() if name not in seen]
        seen.update(fresh)
        ways += [[*way, name] for name in fresh]
    return []


def _known(what: str, name: str, names: Names, document: Document, at: Path_) -> Errors:
    known: tuple[str, ...] = getattr(names, f"{what}s")
    node = name.partition(":")[0]
    if name in known:
        return
    if node in names.left_out:
        key = "needs" if at[0] == "health" else "with"
        yield document.error(f"node {node!r} is optional: it is there if `{key}` names it", at)
    else:
        yield document.error(unknown(f"{what} {name!r}", name, known), at)
