"""A plan: everything about one attempt that follows from lab, scenario and seed."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from lab_runner.catalogue import Catalogue, LabSource, ScenarioSource
from lab_runner.models.checks import Check
from lab_runner.models.lab import Kind, Lab
from lab_runner.models.probes import CaptureProbe, NatProbe
from lab_runner.models.results import Role
from lab_runner.models.scenario import UNCHANGED, Exam, Scenario, Step
from lab_runner.models.source import Document, Path_, unknown, validated
from lab_runner.planning import composite
from lab_runner.planning.context import Context, NodeView, SegmentView, draw_parameters, lab_context
from lab_runner.planning.disks import Entry, disk

#: The image in which a node of each kind runs.
IMAGE_TARGETS = {
    Kind.WORKSTATION: "workstation",
    Kind.ROUTER: "router",
    Kind.SERVER: "server",
    Kind.INTERNET: "server",
}


@dataclass(frozen=True)
class Cable:
    """A virtual cable from a node's interface to a segment."""

    node: str
    interface: str
    segment: str
    mac: str


@dataclass(frozen=True)
class NodePlan:
    """One node, ready to be created.

    Attributes:
        files: What lies on its disk, made when first asked for: a plan is made for
            every command, but few of them create a node.
    """

    name: str
    title: str
    kind: Kind
    access: bool
    image: str
    view: NodeView
    cables: tuple[Cable, ...]
    make_files: Callable[[], list[Entry]] = field(repr=False, compare=False)

    @cached_property
    def files(self) -> list[Entry]:  # noqa: D102 - above
        return self.make_files()


@dataclass(frozen=True)
class Plan:
    """One lab for one seed, broken in one way (or, without a scenario, healthy)."""

    lab_id: str
    lab: Lab
    seed: int
    segments: Mapping[str, SegmentView]
    nodes: Mapping[str, NodePlan]
    checks: tuple[Check, ...]
    scenario_id: str | None = None
    scenario: Scenario | None = None
    #: The scenarios by id that ``scenario`` is merged from; of an ordinary one, itself.
    parts: Mapping[str, Scenario] = field(default_factory=dict)
    #: Is the scenario's name kept from the learner until the end?
    drill: bool = False

    @property
    def composite(self) -> bool:
        """Is more than one thing broken?"""
        return len(self.parts) > 1

    def role(self, check_id: str) -> Role:
        """Symptoms are what the scenario names so; every other check is a guard."""
        symptoms = self.scenario.symptoms if self.scenario else []
        return Role.SYMPTOM if check_id in symptoms else Role.GUARD


def make_plan(
    catalogue: Catalogue,
    scenario_id: str,
    seed: int,
    *,
    now: datetime.datetime | None = None,
) -> Plan:
    """Plan an attempt at a scenario.

    Args:
        catalogue: Where labs and scenarios are found.
        scenario_id: Which scenario; several, joined by ``+``, break one lab together.
        seed: Decides the variant.
        now: Time of issue of the lab's certificates; the present if left out.

    Raises:
        UnknownName: No such scenario.
        UsageError: Several that cannot be combined.
        DefinitionError: A file is wrong; the message has its line.
    """
    exam, sources = composite.sources(catalogue, scenario_id)
    lab_source = _lab_of(catalogue, exam or sources[0])
    lab_id = lab_source.id
    issued = now or datetime.datetime.now(datetime.UTC)
    context = lab_context(lab_source.document, lab_id, seed, issued)
    lab = _lab(lab_source, context)
    _check_lab(lab, lab_source.document)
    parts: dict[str, Scenario] = {}
    for source in sources:
        parts[source.id] = part = _scenario(source, context, seed)
        _check_scenario(part, source.document, lab, (*lab.health, *part.checks))
    scenario = composite.merged(parts)
    if exam is not None:
        scenario = composite.under_one_ticket(scenario, _exam(exam, context, seed))
    return Plan(
        lab_id=lab_id,
        lab=lab,
        seed=seed,
        segments=context.segments,
        nodes=_nodes(lab, lab_source, context),
        checks=(*lab.health, *scenario.checks),
        scenario_id=scenario_id,
        scenario=scenario,
        parts=parts,
    )


def _lab_of(catalogue: Catalogue, source: ScenarioSource) -> LabSource:
    name = source.document.data.get("lab")
    if name not in catalogue.lab_ids():
        message = unknown(f"lab {name!r}", str(name), catalogue.lab_ids())
        raise source.document.error(message, ("lab",))
    return catalogue.lab(str(name))


def _lab(source: LabSource, context: Context) -> Lab:
    data = source.document.data
    raw = {key: value for key, value in data.items() if key != "parameters"}
    filled = {**context.fill(raw, source.document), "parameters": data.get("parameters") or {}}
    return validated(Lab, filled, source.document)


def _scenario(source: ScenarioSource, context: Context, seed: int) -> Scenario:
    document = source.document
    data = document.data
    context = context.extended(draw_parameters(document, seed, source.id))
    raw = {key: value for key, value in data.items() if key != "parameters"}
    filled = {**context.fill(raw, document), "parameters": data.get("parameters") or {}}
    return validated(Scenario, filled, document)


def _exam(source: ScenarioSource, context: Context, seed: int) -> Exam:
    document = source.document
    context = context.extended(draw_parameters(document, seed, source.id))
    return validated(Exam, context.fill(document.data, document), document)


def _nodes(lab: Lab, source: LabSource, context: Context) -> dict[str, NodePlan]:
    plans: dict[str, NodePlan] = {}
    for name, node in lab.nodes.items():
        view = context.nodes[name]
        cables = tuple(
            Cable(name, card.name, card.segment.name, card.mac) for card in view.interfaces.values()
        )
        plans[name] = NodePlan(
            name=name,
            title=node.title,
            kind=node.kind,
            access=node.access,
            image=IMAGE_TARGETS[node.kind],
            view=view,
            cables=cables,
            make_files=partial(disk, name, node, view, source.folder / "nodes" / name, context),
        )
    return plans


def _check_lab(lab: Lab, document: Document) -> None:
    """Names within the lab's file that no type can check."""
    for index, check in enumerate(lab.health):
        _check_check(check, lab, lab.health, document, ("health", index))
    seen: dict[Any, str] = {}
    for name, node in lab.nodes.items():
        for card, spec in node.interfaces.items():
            place = (spec.segment, spec.host)
            if place in seen:
                message = f"host {spec.host} on {spec.segment} is {seen[place]} already"
                raise document.error(message, ("nodes", name, "interfaces", card))
            seen[place] = name


def _check_scenario(
    scenario: Scenario, document: Document, lab: Lab, checks: Iterable[Check]
) -> None:
    checks = list(checks)
    known = [check.id for check in checks]
    twice = {name for name in known if known.count(name) > 1}
    if twice:
        raise document.error(f"check {min(twice)!r} is defined twice", ("checks",))
    for key in ("symptoms", "guards", "silenced"):
        for index, name in enumerate(getattr(scenario, key)):
            _known("check", name, known, document, (key, index))
    for index, check in enumerate(scenario.checks):
        _check_check(check, lab, checks, document, ("checks", index))
    for index, fix in enumerate(scenario.wrong_fixes):
        catching = [*known, UNCHANGED] if scenario.control else known
        for number, name in enumerate(fix.caught_by):
            _known("check", name, catching, document, ("wrong_fixes", index, "caught_by", number))
    for at, step in _steps(scenario):
        _check_step(step, lab, document, at)
    _known("node", scenario.diagnosis.node, lab.nodes, document, ("diagnosis", "node"))


def _steps(scenario: Scenario) -> Iterable[tuple[Path_, Step]]:
    for index, step in enumerate(scenario.fault):
        yield ("fault", index), step
    for key in ("solutions", "wrong_fixes"):
        for index, repair in enumerate(getattr(scenario, key)):
            for number, step in enumerate(repair.steps):
                yield (key, index, "steps", number), step


def _check_step(step: Step, lab: Lab, document: Document, at: Path_) -> None:
    if step.node is not None:
        _known("node", step.node, lab.nodes, document, (*at, "node"))
    if step.link is not None:
        _known("cable", step.link, _cable_names(lab), document, (*at, "link"))


def _check_check(
    check: Check, lab: Lab, checks: Iterable[Check], document: Document, at: Path_
) -> None:
    known = [other.id for other in checks]
    _known("node", check.vantage, lab.nodes, document, (*at, "from"))
    for index, name in enumerate(check.requires):
        _known("check", name, known, document, (*at, "requires", index))
    if check.control is not None:
        _known("check", check.control, known, document, (*at, "control"))
    probe = check.probe
    if isinstance(probe, NatProbe):
        _known("node", probe.at, lab.nodes, document, (*at, "nat", "at"))
    if isinstance(probe, CaptureProbe):
        places = [*lab.segments, *_cable_names(lab)]
        _known("place", probe.on, places, document, (*at, "capture", "on"))


def _cable_names(lab: Lab) -> list[str]:
    return [f"{name}:{card}" for name, node in lab.nodes.items() for card in node.interfaces]


def _known(what: str, name: str, known: Iterable[str], document: Document, at: Path_) -> None:
    names = list(known)
    if name not in names:
        raise document.error(unknown(f"{what} {name!r}", name, names), at)
