"""Which files are meant: by a name of the catalogue, a file or a folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lab_runner.catalogue import Catalogue
from lab_runner.errors import DefinitionError, UnknownName
from lab_runner.models.source import Complain, unknown

LAB, SCENARIO = "lab.yml", "scenario.yml"


@dataclass(frozen=True)
class Chosen:
    """Files of labs and of scenarios, by their ids."""

    labs: dict[str, Path] = field(default_factory=dict)
    scenarios: dict[str, Path] = field(default_factory=dict)


def choose(catalogue: Catalogue, words: Iterable[str], complain: Complain) -> Chosen:
    """The files that are meant; all that the catalogue has where no word is given.

    Raises:
        UnknownName: A word is neither a name nor a file nor a folder with something in it.
    """
    wanted = list(words)
    if not wanted:
        return Chosen(dict(catalogue.lab_files), dict(catalogue.scenario_files))
    chosen = Chosen()
    for word in wanted:
        known = [files[word] for files in _files(catalogue) if word in files]
        for file in known or _below(word, catalogue):
            _add(chosen, file, catalogue, complain)
    return chosen


def _files(catalogue: Catalogue) -> tuple[dict[str, Path], dict[str, Path]]:
    return catalogue.lab_files, catalogue.scenario_files


def _below(word: str, catalogue: Catalogue) -> list[Path]:
    path = Path(word)
    found: list[Path] = []
    if path.is_dir():
        found = sorted(file for name in (LAB, SCENARIO) for file in path.rglob(name))
    elif path.exists():
        # A file of a node stands for its lab.
        around = [top / name for top in path.absolute().parents for name in (LAB, SCENARIO)]
        found = [file for file in around if file.is_file()][:1]
    if found:
        return found
    if path.exists():
        raise UnknownName(f"There is no {LAB} and no {SCENARIO} in {word}.")
    names = [name for files in _files(catalogue) for name in files]
    raise UnknownName(
        unknown(f"lab, scenario, file or folder {word!r}", word, names),
        hint="Folders of your own are named before the verb: "
        "`lab --labs DIR --scenarios DIR validate`.",
    )


def _add(chosen: Chosen, file: Path, catalogue: Catalogue, complain: Complain) -> None:
    """Put a file among the chosen, under a name that is nobody else's."""
    lab = file.name == LAB
    files, known = (
        (chosen.labs, catalogue.lab_files) if lab else (chosen.scenarios, catalogue.scenario_files)
    )
    name = file.parent.name
    for other in (files.get(name), known.get(name)):
        if other is not None and other.resolve() != file.resolve():
            message = f"{name!r} is already defined in {other}"
            complain(DefinitionError(message, path=str(file), line=1, column=1))
    files.setdefault(name, file)
