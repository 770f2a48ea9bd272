"""Everything that can be known without starting anything, all of it at once."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lab_runner.authoring import manners
from lab_runner.authoring.choosing import choose
from lab_runner.authoring.findings import Finding, Notebook, Severity
from lab_runner.authoring.remains import remains
from lab_runner.catalogue import Catalogue, LabSource, ScenarioSource, lab_in, scenario_in
from lab_runner.errors import DefinitionError
from lab_runner.models.lab import Lab
from lab_runner.models.scenario import Exam, Scenario
from lab_runner.models.source import Document, findings, piece, unknown
from lab_runner.planning.composite import exam_errors, is_exam
from lab_runner.planning.consistency import Names, lab_errors, scenario_errors
from lab_runner.planning.context import Context, draw_parameters, lab_context
from lab_runner.planning.disks import disk

Source = TypeVar("Source", LabSource, ScenarioSource)
Model = TypeVar("Model", bound=BaseModel)
#: Any day will do: no finding depends on it.
_NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")


@dataclass(frozen=True)
class Variants:
    """How different a scenario's seeds are.

    Attributes:
        parameter_sets: Different draws of the scenario's own parameters.
        faults: Different faults that these put into one and the same network;
            another address is no other fault.
    """

    scenario: str
    seeds: int
    parameter_sets: int
    faults: int


@dataclass(frozen=True)
class Validation:
    """What was looked at, and what was found."""

    labs: tuple[str, ...]
    scenarios: tuple[str, ...]
    seeds: int
    findings: tuple[Finding, ...]
    variants: tuple[Variants, ...]

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(one.severity is Severity.ERROR for one in self.findings)

    @property
    def warnings(self) -> int:
        """How many are not."""
        return len(self.findings) - self.errors


@dataclass(frozen=True)
class _Filled:
    """A lab with one seed, as far as it is right."""

    context: Context
    lab: Lab
    data: Mapping[str, Any]


def validate(
    catalogue: Catalogue, words: Iterable[str] = (), *, seeds: int = 25, first_seed: int = 1
) -> Validation:
    """Look at labs and scenarios, and at the labs of those scenarios.

    Args:
        catalogue: Where labs and scenarios are known.
        words: Names, files or folders; everything that is known if there is none.
        seeds: With so many seeds everything is filled in.
        first_seed: The first of them.

    Raises:
        UnknownName: A word means nothing.
        DefinitionError: Two labs or two scenarios of the catalogue have one name.
    """
    return _Look(catalogue, range(first_seed, first_seed + seeds)).at(words)


class _Look:
    def __init__(self, catalogue: Catalogue, seeds: range) -> None:
        self._catalogue, self._seeds = catalogue, seeds
        self._notes = Notebook(seeds)

    def at(self, words: Iterable[str]) -> Validation:
        chosen = choose(self._catalogue, words, self._notes.note)
        scenarios = self._read(scenario_in, chosen.scenarios)
        files = {**self._catalogue.lab_files, **chosen.labs}
        used = {str(source.document.data.get("lab")) for source in scenarios.values()}
        labs = self._read(lab_in, {k: v for k, v in files.items() if k in {*chosen.labs, *used}})
        filled = {name: self._lab(source) for name, source in labs.items()}
        variants = [self._scenario(source, filled, list(files)) for source in scenarios.values()]
        self._refs(scenarios)
        return Validation(
            labs=tuple(sorted(labs)),
            scenarios=tuple(sorted(chosen.scenarios)),
            seeds=len(self._seeds),
            findings=tuple(self._notes.findings()),
            variants=tuple(one for one in variants if one),
        )

    def _read(self, read: Callable[[Path], Source], files: Mapping[str, Path]) -> dict[str, Source]:
        """The files that are YAML."""
        sources = {
            name: piece(partial(read, file), self._notes.note) for name, file in files.items()
        }
        return {name: source for name, source in sources.items() if source}

    def _lab(self, source: LabSource) -> dict[int, _Filled]:
        document = source.document
        self._static(Lab, document)
        self._notes.note_all(manners.lab_id_errors(source))
        self._notes.note_all(manners.folder_errors(source))
        self._notes.note_all(manners.clash_errors(source, self._catalogue.scenario_ids()))
        filled = {seed: self._lab_with(source, seed) for seed in self._seeds}
        return {seed: one for seed, one in filled.items() if one}

    def _lab_with(self, source: LabSource, seed: int) -> _Filled | None:
        document = source.document
        complain = partial(self._notes.note_shape, seed=seed)
        faults: list[DefinitionError] = []
        draw = partial(lab_context, document, source.id, seed, _NOW, faults.append)
        context = piece(draw, faults.append)
        for error in faults:
            complain(error)
        if context is None or faults:
            return None  # What a template would find there is not there.
        data = context.fill_file(document, complain)
        lab = remains(Lab, data, document, complain)
        self._notes.note_all(lab_errors(lab, _names(data, _ids(data, "health")), document), seed)
        for name in lab.nodes:
            folder = source.folder / "nodes" / name
            view = context.nodes[name]
            make = partial(disk, name, lab.nodes[name], view, folder, context, self._of_disk(seed))
            piece(make, self._of_disk(seed))
        return _Filled(context, lab, data)

    def _of_disk(self, seed: int) -> Any:
        """Told of files; a mode that cannot be read is told of in the lab's file already."""
        return lambda error: self._notes.note(error, seed) if error.path else None

    def _scenario(
        self, source: ScenarioSource, labs: Mapping[str, Mapping[int, _Filled]], known: list[str]
    ) -> Variants | None:
        document = source.document
        exam = is_exam(source)
        self._static(Exam if exam else Scenario, document)
        self._notes.note_all(manners.scenario_id_errors(source))
        self._notes.note_all(manners.role_errors(source))
        self._notes.note_all(manners.explanation_errors(source))
        if exam:
            self._notes.note_all(exam_errors(self._catalogue, source))
        lab = document.data.get("lab")
        if lab not in known:
            if lab is not None:
                self._notes.note(document.error(unknown(f"lab {lab!r}", str(lab), known), ("lab",)))
            return None
        filled = labs.get(str(lab), {})
        drawn: dict[str, str] = {}
        for seed, one in filled.items():
            own = piece(partial(draw_parameters, document, seed, source.id), self._notes.note)
            if own is None:
                return None
            look = self._exam_with if exam else self._scenario_with
            look(source, one, own, seed)
            first = next(iter(filled.values())).context.extended(own)
            drawn.setdefault(repr(own), _fault(first, document))
        told = Variants(source.id, len(filled), len(drawn), len(set(drawn.values())))
        return None if exam else told  # its parts' variants are its own

    def _scenario_with(
        self, source: ScenarioSource, lab: _Filled, own: Mapping[str, Any], seed: int
    ) -> None:
        document = source.document
        data, scenario = self._filled(Scenario, document, lab.context.extended(own), seed)
        names = _names(lab.data, (*_ids(lab.data, "health"), *_ids(data, "checks")))
        self._notes.note_all(scenario_errors(scenario, lab.lab, names, document), seed)
        self._notes.note_all(manners.hint_errors(scenario, source), seed)
        for error in manners.spoilers(scenario, source):
            self._notes.note(error, seed, Severity.WARNING)

    def _exam_with(
        self, source: ScenarioSource, lab: _Filled, own: Mapping[str, Any], seed: int
    ) -> None:
        _, exam = self._filled(Exam, source.document, lab.context.extended(own), seed)
        self._notes.note_all(manners.hint_errors(exam, source), seed)

    def _filled(
        self, model: type[Model], document: Document, context: Context, seed: int
    ) -> tuple[dict[str, Any], Model]:
        """A file with one seed: as it is written, and all of it that is right."""
        complain = partial(self._notes.note_shape, seed=seed)
        data = context.fill_file(document, complain)
        return data, remains(model, data, document, complain)

    def _refs(self, chosen: Mapping[str, ScenarioSource]) -> None:
        files = self._catalogue.scenario_files
        others = {name: file for name, file in files.items() if name not in chosen}
        known = {name: piece(partial(scenario_in, f), lambda _: None) for name, f in others.items()}
        every = [*chosen.values(), *(source for source in known.values() if source)]
        self._notes.note_all(manners.ref_errors(every, chosen))

    def _static(self, model: type[BaseModel], document: Document) -> None:
        """What is wrong whatever the templates come to."""
        try:
            model.model_validate(document.data)
        except ValidationError as exc:
            for error in findings(exc, model, document, unfilled=True):
                self._notes.note_shape(error)


def _ids(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The ids of checks, of those too that are wrong otherwise."""
    rows = data.get(key)
    dicts = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    found = [row.get("id") for row in dicts]
    return tuple(name for name in found if isinstance(name, str))


def _names(lab: Mapping[str, Any], checks: tuple[str, ...]) -> Names:
    """What a lab's file names, right or wrong otherwise."""
    nodes: Mapping[str, Any] = lab["nodes"]
    cables = [
        f"{name}:{card}" for name, node in nodes.items() for card in node.get("interfaces") or ()
    ]
    return Names(tuple(nodes), tuple(cables), tuple(lab.get("segments") or ()), checks)


def _fault(context: Context, document: Document) -> str:
    steps = context.fill(document.data.get("fault"), document, ("fault",), lambda _: None)
    return _ADDRESS.sub("", json.dumps(steps, default=str))
