"""Finds labs and scenarios on disk and reads their files; nothing is filled in yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from lab_runner import paths
from lab_runner.errors import DefinitionError, UnknownName
from lab_runner.models.mutants import Explanation, Explanations
from lab_runner.models.parameters import Strict
from lab_runner.models.source import Document, parse, unknown, validated


@dataclass(frozen=True)
class LabSource:
    """A lab's folder and its parsed file."""

    id: str
    folder: Path
    document: Document

    @property
    def collection(self) -> Path | None:
        """The folder of somebody else's labs that it lies in; None if it is the kit's."""
        return _not_ours(self.folder.parent, "labs")

    def clash(self, one: str, other: str) -> str | None:
        """Why two scenarios cannot break this lab together; None where they can.

        Raises:
            DefinitionError: ``clashes.yml`` is wrong.
        """
        known = self.clashes()[1]
        return next((c.because for c in known if set(c.pair) == {one, other}), None)

    def clashes(self) -> tuple[Document | None, list[Clash]]:
        """Pairs that are no sound case together, and the file beside the lab's that has them.

        ``clashes.yml`` is a list of ``{pair: [a, b], because: …}``.

        Raises:
            DefinitionError: It is wrong.
        """
        path = self.folder / "clashes.yml"
        if not path.exists():
            return None, []
        document = parse(path)
        return document, validated(_Clashes, document.data, document).clashes


class Clash(Strict):
    """Two scenarios, and why they are not started together."""

    pair: tuple[str, str]
    because: str


class _Clashes(Strict):
    clashes: list[Clash]


@dataclass(frozen=True)
class ScenarioSource:
    """A scenario's folder and its parsed file.

    Attributes:
        id: The folder's name; it names the complaint.
        area: The folder above: ``dns``, ``nat``…
    """

    id: str
    area: str
    folder: Path
    document: Document

    @property
    def collection(self) -> Path | None:
        """The folder of somebody else's scenarios that it lies in; None if it is the kit's."""
        return _not_ours(self.folder.parent.parent, "scenarios")

    def explanations(self) -> list[Explanation]:
        """Why repairs that nobody wrote are judged as they are: ``mutants.yml`` beside its file.

        Raises:
            DefinitionError: It is wrong.
        """
        path = self.folder / "mutants.yml"
        if not path.exists():
            return []
        document = parse(path)
        return validated(Explanations, document.data, document).mutants

    def summary(self) -> dict[str, Any]:
        """What a list of scenarios shows."""
        data = self.document.data
        keys = ("title", "lab", "topics", "level", "minutes", "ref")
        told = {"id": self.id, "area": self.area, **{key: data.get(key) for key in keys}}
        return {**told, "folder": str(self.collection) if self.collection else None}


@dataclass(frozen=True)
class Catalogue:
    """All labs and scenarios below some folders."""

    lab_folders: tuple[Path, ...] = field(default_factory=lambda: (paths.data_root() / "labs",))
    scenario_folders: tuple[Path, ...] = field(
        default_factory=lambda: (paths.data_root() / "scenarios",)
    )

    @cached_property
    def lab_files(self) -> dict[str, Path]:
        """The file of each lab.

        Raises:
            DefinitionError: Two labs have the same name.
        """
        files = (file for top in self.lab_folders for file in sorted(top.glob("*/lab.yml")))
        return _by_folder(files)

    @cached_property
    def scenario_files(self) -> dict[str, Path]:
        """The file of each scenario.

        Raises:
            DefinitionError: Two scenarios have the same name.
        """
        tops = self.scenario_folders
        return _by_folder(file for top in tops for file in sorted(top.glob("*/*/scenario.yml")))

    def lab_ids(self) -> list[str]:
        """The ids of all labs, sorted."""
        return sorted(self.lab_files)

    def scenario_ids(self) -> list[str]:
        """The ids of all scenarios, sorted."""
        return sorted(self.scenario_files)

    def lab(self, name: str) -> LabSource:
        """Read one lab's file.

        Raises:
            UnknownName: There is none; the message names the nearest.
            DefinitionError: Its file is not YAML.
        """
        if name not in self.lab_files:
            raise UnknownName(unknown(f"lab {name!r}", name, self.lab_files))
        return lab_in(self.lab_files[name])

    def scenario(self, name: str) -> ScenarioSource:
        """Read one scenario's file.

        Raises:
            UnknownName: There is none; the message names the nearest.
            DefinitionError: Its file is not YAML.
        """
        if name not in self.scenario_files:
            raise UnknownName(
                unknown(f"scenario {name!r}", name, self.scenario_files),
                hint="`lab list` shows them with their titles.",
            )
        return scenario_in(self.scenario_files[name])

    def scenarios(self) -> list[ScenarioSource]:
        """All scenarios, by area, level and name."""
        found = [self.scenario(name) for name in self.scenario_files]
        return sorted(found, key=lambda s: (s.area, s.document.data.get("level", 0), s.id))


def lab_in(file: Path) -> LabSource:
    """Read a lab's file.

    Raises:
        DefinitionError: It is not YAML.
    """
    return LabSource(file.parent.name, file.parent, parse(file))


def scenario_in(file: Path) -> ScenarioSource:
    """Read a scenario's file.

    Raises:
        DefinitionError: It is not YAML.
    """
    return ScenarioSource(file.parent.name, file.parent.parent.name, file.parent, parse(file))


def _not_ours(top: Path, name: str) -> Path | None:
    top = top.resolve()
    return None if top == (paths.data_root() / name).resolve() else top


def _by_folder(files: Iterable[Path]) -> dict[str, Path]:
    """Files by the name of their folder; the first of equal names wins no more than its error."""
    found: dict[str, Path] = {}
    for file in files:
        name = file.parent.name
        if name in found:
            raise DefinitionError(
                f"{name!r} is already defined in {found[name]}",
                path=str(file),
                hint=f"A name is given once: rename one of the two folders {name}.",
            )
        found[name] = file
    return found
