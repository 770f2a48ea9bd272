"""Several faults in one network: the parts of a composite, merged into one scenario."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, combinations

from lab_runner.catalogue import Catalogue, ScenarioSource
from lab_runner.errors import DefinitionError, UsageError
from lab_runner.models.checks import Check
from lab_runner.models.scenario import UNCHANGED, Exam, Scenario, Solution, WrongFix
from lab_runner.models.source import unknown

#: Between the names of a composite's parts, as in ``lab start a+b``.
PLUS = "+"
_FEWEST = 2


def is_scenario(catalogue: Catalogue, name: str) -> bool:
    """Is it a scenario's name, or several joined by ``+``?"""
    return all(part in catalogue.scenario_files for part in name.split(PLUS))


def sources(catalogue: Catalogue, name: str) -> tuple[ScenarioSource | None, list[ScenarioSource]]:
    """The exam's file, if ``name`` is an exam, and the files of the scenarios it consists of.

    Raises:
        UnknownName: There is no such scenario.
        UsageError: They cannot be combined: one twice, on different labs, or they clash.
        DefinitionError: The same of an exam's parts, with the line.
    """
    if PLUS in name:
        names = name.split(PLUS)
        parts = [catalogue.scenario(part) for part in names]
        for problem in _problems(catalogue, names, str(parts[0].document.data.get("lab"))):
            raise UsageError(problem)
        return None, parts
    source = catalogue.scenario(name)
    if not is_exam(source):
        return None, [source]
    names = _part_names(source)
    for error in exam_errors(catalogue, source):
        raise error
    return source, [catalogue.scenario(part) for part in names]


def is_exam(source: ScenarioSource) -> bool:
    """Does a file name scenarios rather than tell one?"""
    return "parts" in source.document.data


def _part_names(exam: ScenarioSource) -> list[str]:
    names = exam.document.data["parts"]
    if not isinstance(names, list) or len(names) < _FEWEST:
        raise exam.document.error("parts: at least two ids of scenarios", ("parts",))
    return [str(name) for name in names]


def exam_errors(catalogue: Catalogue, exam: ScenarioSource) -> Iterator[DefinitionError]:
    """What is wrong with an exam's parts, where they are a list."""
    document, at = exam.document, ("parts",)
    names = document.data["parts"]
    if not isinstance(names, list):
        return
    known = catalogue.scenario_ids()
    strange = [index for index, name in enumerate(names) if name not in known]
    for index in strange:
        message = unknown(f"scenario {names[index]!r}", str(names[index]), known)
        yield document.error(message, (*at, index))
    if not strange:
        for problem in _problems(catalogue, names, str(document.data.get("lab"))):
            yield document.error(problem, at)


def _problems(catalogue: Catalogue, names: list[str], lab: str) -> Iterator[str]:
    """Why scenarios that exist cannot break one lab together."""
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name} is named twice; one fault can be put in once."
    for name in dict.fromkeys(names):
        part = catalogue.scenario(name)
        home = str(part.document.data.get("lab"))
        if is_exam(part):
            yield f"{name} is a composite itself; name its parts."
        elif home != lab:
            yield f"Different labs cannot be combined: {name} is on {home}, not on {lab}."
    if lab in catalogue.lab_ids():
        source = catalogue.lab(lab)
        for one, other in combinations(dict.fromkeys(names), 2):
            because = source.clash(one, other)
            if because is not None:
                yield f"{one} and {other} cannot be combined: {because}"


def under_one_ticket(scenario: Scenario, exam: Exam) -> Scenario:
    """The merged scenario as an exam tells it."""
    own = exam.model_dump(exclude={"parts", "lab", "parameters"}, exclude_none=True)
    return scenario.model_copy(update=own)


def side_by_side(parts: Mapping[str, Scenario]) -> dict[str, Scenario]:
    """The parts as they are in one network: what one of them guards for itself, another may break.

    Such a check says nothing while the other's trouble lasts, and must be green once that is
    over. A control's trouble is never over.
    """

    def silenced(name: str, part: Scenario) -> list[str]:
        return _once([*part.silenced, *([] if part.control else _guarded(name, parts))])

    return {
        name: part.model_copy(update={"silenced": silenced(name, part)})
        for name, part in parts.items()
    }


def _guarded(name: str, parts: Mapping[str, Scenario]) -> list[str]:
    """Guards that the other parts bring."""
    others = [other for other_name, other in parts.items() if other_name != name]
    guards = [c.id for other in others for c in other.checks if c.id not in other.symptoms]
    return [guard for guard in guards if guard not in parts[name].symptoms]


def merged(parts: Mapping[str, Scenario]) -> Scenario:
    """One scenario with the faults of all parts.

    A check that is a symptom of any part is a symptom. To repair one part only is a
    wrong fix, caught by what the others' tickets are about; the parts' own wrong
    fixes are proven where they stand.

    Raises:
        UsageError: The parts cannot be told apart: two checks of one name differ.
    """
    first, *more = parts.values()
    if not more:
        return first
    each = [first, *more]
    ours = [part for part in each if not part.control]
    if not ours:
        raise UsageError(f"{PLUS.join(parts)}: nothing in them can be repaired; take one alone.")
    symptoms = _once(chain.from_iterable(part.symptoms for part in each))
    silenced = _once(chain.from_iterable(part.silenced for part in each))
    return first.model_copy(
        update={
            "title": " · ".join(part.title for part in each),
            "ref": PLUS.join(part.ref for part in each),
            "topics": _once(chain.from_iterable(part.topics for part in each)),
            "level": min(5, max(part.level for part in each) + 1),
            "minutes": sum(part.minutes for part in each),
            "ticket": _under_titles((part.title, part.ticket) for part in each),
            "including": _once(chain.from_iterable(part.including for part in each)),
            "fault": [step for part in each for step in part.fault],
            "checks": _checks(parts),
            "symptoms": symptoms,
            "guards": _once(g for part in each for g in part.guards if g not in symptoms),
            "introduced": _once(chain.from_iterable(part.introduced for part in each)),
            "silenced": [name for name in silenced if name not in symptoms],
            "hints": [_under_titles((p.title, p.hints[n]) for p in each) for n in range(3)],
            "control": False,
            "solutions": [_all_in_order(order) for order in _orders(ours)],
            "wrong_fixes": [*_halves(ours), *_all_but(each)],
            "debrief": _under_titles((part.title, part.debrief) for part in each),
        }
    )


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _checks(parts: Mapping[str, Scenario]) -> list[Check]:
    found: dict[str, tuple[str, Check]] = {}
    for name, part in parts.items():
        for check in part.checks:
            other, same = found.setdefault(check.id, (name, check))
            if same != check:
                raise UsageError(
                    f"{other} and {name} cannot be combined: each has a check {check.id!r} of "
                    "its own, and they are not the same."
                )
    return [check for _, check in found.values()]


def _under_titles(texts: Iterable[tuple[str, str]]) -> str:
    return "\n\n".join(f"**{title}**\n\n{text.strip()}" for title, text in texts) + "\n"


def _orders(ours: list[Scenario]) -> list[list[Scenario]]:
    return [ours, ours[::-1]] if len(ours) > 1 else [ours]


def _all_in_order(parts: Iterable[Scenario]) -> Solution:
    repairs = [part.solutions[0] for part in parts]
    return Solution(
        title=", then ".join(repair.title for repair in repairs),
        steps=[step for repair in repairs for step in repair.steps],
    )


def _halves(ours: list[Scenario]) -> Iterator[WrongFix]:
    """One part is repaired, and the others are not."""
    for part in ours if len(ours) > 1 else []:
        repair = part.solutions[0]
        others = chain.from_iterable(other.symptoms for other in ours if other is not part)
        title = f"Only this: {repair.title}"
        yield WrongFix(title=title, steps=repair.steps, caught_by=_once(others))


def _all_but(each: list[Scenario]) -> Iterator[WrongFix]:
    """All is repaired, and then what is somebody else's is "repaired" as well.

    That a repair changes nothing is not asked where something had to be changed.
    """
    repaired = [step for part in each if not part.control for step in part.solutions[0].steps]
    for fix in chain.from_iterable(part.wrong_fixes for part in each if part.control):
        caught_by = [name for name in fix.caught_by if name != UNCHANGED]
        if caught_by:
            steps = [*repaired, *fix.steps]
            yield fix.model_copy(update={"steps": steps, "caught_by": caught_by})
