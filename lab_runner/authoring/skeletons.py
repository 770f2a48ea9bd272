"""A lab or a scenario to begin with: valid at once, and it holds the contract."""

from __future__ import annotations

import datetime
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab_runner import paths
from lab_runner.catalogue import Catalogue, LabSource
from lab_runner.errors import UsageError
from lab_runner.models.checks import IDENTIFIER
from lab_runner.models.lab import Kind, Lab, Node
from lab_runner.models.source import validated
from lab_runner.planning.context import Context, lab_context
from lab_runner.writing import not_written

_SEED = 1
_FIRST = (Kind.WORKSTATION, Kind.SERVER, Kind.ROUTER, Kind.INTERNET)


def new_lab(catalogue: Catalogue, name: str, to: Path) -> Path:
    """Write a lab of four machines.

    Returns:
        Its folder.

    Raises:
        UsageError: The name is none, or there is such a lab or folder already.
    """
    _free("lab", name, name in catalogue.lab_files, to / name)
    return _written("lab", to / name, {"id": name})


def new_scenario(catalogue: Catalogue, where: str, lab: str, to: Path) -> Path:
    """Write a scenario in which a machine of the lab does not answer pings.

    Args:
        catalogue: What there is.
        where: ``area/id``.
        lab: On which lab.
        to: The folder of scenarios.

    Returns:
        Its folder.

    Raises:
        UsageError: The name is none, there is such a scenario or folder already, or the lab has
            no two machines that could ping each other.
        UnknownName: There is no such lab.
        DefinitionError: The lab's file is wrong.
    """
    area, slash, name = where.partition("/")
    if not slash:
        raise UsageError(
            f"{where!r} has no area.", hint="It is named AREA/ID: dns/no-site-opens-by-name."
        )
    _kebab("area", area)
    _free("scenario", name, name in catalogue.scenario_files, to / area / name)
    words = _fault(catalogue.lab(lab))
    return _written("scenario", to / area / name, words | {"lab": lab})


def _free(what: str, name: str, known: bool, folder: Path) -> None:
    _kebab(what, name)
    if known:
        raise UsageError(f"There is a {what} {name!r} already.", hint="Choose another name.")
    if folder.exists():
        raise UsageError(f"{folder} exists, and nothing is ever overwritten.")


def _kebab(what: str, name: str) -> None:
    if not re.match(IDENTIFIER, name):
        raise UsageError(
            f"{name!r} cannot be the name of {'an' if what == 'area' else 'a'} {what}.",
            hint="Small letters and digits, words joined by hyphens: no-site-opens-by-name.",
        )


def _written(kind: str, folder: Path, words: Mapping[str, str]) -> Path:
    """Copy a skeleton; ``<<word>>`` in it is the word."""
    source = paths.package_root() / "authoring" / "skeletons" / kind
    try:
        for file in sorted(path for path in source.rglob("*") if path.is_file()):
            place = folder / file.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(_filled(file.read_text("utf-8"), words), "utf-8")
    except OSError as exc:
        shutil.rmtree(folder, ignore_errors=True)  # it was not there before
        raise not_written(folder, exc) from exc
    return folder


def _filled(text: str, words: Mapping[str, str]) -> str:
    return re.sub(r"<<(\w+)>>", lambda found: words[found[1]], text)


@dataclass(frozen=True)
class _Pair:
    """A machine that will be silent, its card, and the machine on the same segment that asks."""

    target: str
    card: str
    vantage: str

    @property
    def address(self) -> str:
        """The target's address, as a template names it."""
        target = _member("nodes", self.target)
        return f"{_member(f'{target}.interfaces', self.card)}.address"


def _member(of: str, name: str) -> str:
    return f"{of}.{name}" if name.isidentifier() else f"{of}['{name}']"


def _fault(source: LabSource) -> dict[str, str]:
    """The words of a fault that breaks nothing else in this lab."""
    now = datetime.datetime.now(datetime.UTC)
    context = lab_context(source.document, source.id, _SEED, now)
    lab = validated(Lab, context.fill_file(source.document), source.document).only_with(())
    pairs = list(_pairs(lab))
    if not pairs:
        raise UsageError(
            f"Lab {source.id!r} has no machine to log in to that shares a segment with another.",
            hint="A scenario needs one: see `access` and `interfaces` in its lab.yml.",
        )
    pair = min(pairs, key=lambda one: len(_pinging(lab, context, one.target)))
    red = _pinging(lab, context, pair.target)
    return {
        "target": pair.target,
        "vantage": pair.vantage,
        "address": pair.address,
        "symptoms": ", ".join([f"{pair.vantage}-hears-{pair.target}", *red]),
        "silenced": ", ".join(_dependent(lab, red)),
    }


def _pairs(lab: Lab) -> Iterator[_Pair]:
    """All of them, ordinary machines first: those are the least likely to filter pings."""
    names = sorted(lab.nodes, key=lambda name: _FIRST.index(lab.nodes[name].kind))
    for target in (name for name in names if lab.nodes[name].access):
        for card, interface in lab.nodes[target].interfaces.items():
            for vantage in names:
                if vantage != target and interface.segment in _segments(lab.nodes[vantage]):
                    yield _Pair(target, card, vantage)


def _segments(node: Node) -> set[str]:
    return {interface.segment for interface in node.interfaces.values()}


def _pinging(lab: Lab, context: Context, node: str) -> list[str]:
    """Health checks that count on an answer of the node's to an ICMP echo request."""
    cards = context.nodes[node].interfaces.values()
    own = {node, *(address for card in cards for address in (card.address, *card.extra))}
    asked = ((check.id, check.ping or check.path) for check in lab.health)
    return [name for name, probe in asked if probe is not None and probe.to in own]


def _dependent(lab: Lab, red: list[str]) -> list[str]:
    """Health checks that say nothing while those are red."""
    lost = set(red)
    for _ in lab.health:
        lost |= {c.id for c in lab.health if lost & {*c.requires, *filter(None, [c.control])}}
    return [check.id for check in lab.health if check.id in lost - set(red)]
