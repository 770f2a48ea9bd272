"""A plan: everything about one attempt that follows from lab, scenario and seed."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain

from lab_runner.catalogue import Catalogue, LabSource, ScenarioSource
from lab_runner.models.checks import Check
from lab_runner.models.lab import Kind, Lab
from lab_runner.models.results import Role
from lab_runner.models.scenario import Exam, Scenario
from lab_runner.models.source import unknown, validated
from lab_runner.planning import composite
from lab_runner.planning.consistency import Names, lab_errors, scenario_errors
from lab_runner.planning.context import Context, draw_parameters, lab_context
from lab_runner.planning.disks import Entry, disk
from lab_runner.planning.views import NodeView, SegmentView

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

    def __getstate__(self) -> dict[str, object]:
        """As another process gets it: with the files, which are made from folders of this one."""
        return {**vars(self), "files": self.files, "make_files": partial(list, self.files)}


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
    #: What of a course it is, as ``course/assignment``; the scenario's name is kept for good.
    assignment: str = ""
    #: Is it held to the contract, and nobody's attempt?
    proof: bool = False

    @property
    def composite(self) -> bool:
        """Is more than one thing broken?"""
        return len(self.parts) > 1

    @property
    def improvised(self) -> bool:
        """Was what is broken put together by whoever started it?"""
        return composite.PLUS in (self.scenario_id or "")

    @cached_property
    def beyond(self) -> frozenset[str]:
        """Checks that stay as they are whatever is repaired: what a control's trouble shows in."""
        controls = [part for part in self.parts.values() if part.control]
        return frozenset(chain.from_iterable((*c.symptoms, *c.silenced) for c in controls))

    @cached_property
    def worked_on(self) -> frozenset[str]:
        """Of a composite, the nodes that one sound repair or another changes."""
        parts = self.parts.values() if self.composite else ()
        repairs = chain.from_iterable(part.solutions for part in parts)
        return frozenset(step.place for repair in repairs for step in repair.steps)

    @property
    def checks_before(self) -> tuple[Check, ...]:
        """The checks that say something of the lab before the fault is in."""
        introduced = self.scenario.introduced if self.scenario else []
        return tuple(check for check in self.checks if check.id not in introduced)

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
    lab = validated(Lab, context.fill_file(lab_source.document), lab_source.document)
    for error in lab_errors(lab, Names.of(lab, lab.health), lab_source.document):
        raise error
    parts = composite.side_by_side(
        {source.id: _scenario(source, context, seed, lab) for source in sources}
    )
    scenario = composite.merged(parts)
    if exam is not None:
        scenario = composite.under_one_ticket(scenario, _exam(exam, context, seed))
    lab = lab.only_with(scenario.including)
    return Plan(
        lab_id=lab_id,
        lab=lab,
        seed=seed,
        segments={name: context.segments[name] for name in lab.segments},
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
        hint = "A folder of labs of your own is named before the verb: `lab --labs DIR VERB`."
        raise source.document.error(message, ("lab",), hint=hint)
    return catalogue.lab(str(name))


def _scenario(source: ScenarioSource, context: Context, seed: int, lab: Lab) -> Scenario:
    document = source.document
    context = context.extended(draw_parameters(document, seed, source.id))
    scenario = validated(Scenario, context.fill_file(document), document)
    names = Names.of(lab, (*lab.health, *scenario.checks))
    for error in scenario_errors(scenario, lab, names, document):
        raise error
    return scenario


def _exam(source: ScenarioSource, context: Context, seed: int) -> Exam:
    context = context.extended(draw_parameters(source.document, seed, source.id))
    return validated(Exam, context.fill_file(source.document), source.document)


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
