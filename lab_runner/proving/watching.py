"""Proves one scenario again at each change of its files, on a lab that is kept warm."""

from __future__ import annotations

import contextlib
import datetime
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from lab_runner.catalogue import Catalogue
from lab_runner.engine import running
from lab_runner.planning import composite
from lab_runner.planning.plan import Plan, make_plan
from lab_runner.proving.matrix import Proof, Row
from lab_runner.proving.stage import Stage, played, quiet, staged
from lab_runner.proving.states import Passage, passages

if TYPE_CHECKING:
    from docker import DockerClient

_EVERY_S = 0.3
Files = dict[Path, tuple[int, int]]


class Watch:
    """One scenario, one seed, one lab; what held is not proven again until it changes.

    Attributes:
        attempt: Labels the lab's containers.
    """

    def __init__(
        self, read: Callable[[], Catalogue], client: DockerClient, scenario: str, seed: int
    ) -> None:
        self._read, self._client = read, client
        self._scenario, self._seed = scenario, seed
        self.attempt = secrets.token_hex(3)
        self._began = datetime.datetime.now(datetime.UTC)
        self._stage: Stage | None = None
        self._held: dict[str, tuple[Row, ...]] = {}
        self._lab_folder = Path()
        self._folders: list[Path] = []
        self._seen: Files = {}
        self._built_of: Files = {}

    def close(self) -> None:
        """Take the lab away."""
        if self._stage is not None:
            self._stage.lab.close()
        self._stage = None
        running.remove(self._client, self.attempt, quiet)

    def wait(self) -> list[Path]:
        """Wait until a file of the scenario, its parts or its lab changes; which ones did."""
        while not (changed := self._changed()):
            time.sleep(_EVERY_S)
        return changed

    def prove(self, on_row: Callable[[Row], None]) -> Proof:
        """See all states that did not hold when they were last seen, or that are new.

        Ends early where a file changes meanwhile; the proof then has what was seen.

        Raises:
            DefinitionError: A file is wrong; the lab stays as it is.
        """
        self._seen = _files(self._folders)
        catalogue = self._read()
        self._find_folders(catalogue)
        plan = make_plan(catalogue, self._scenario, self._seed, now=self._began)
        plan = replace(plan, proof=True)
        stage = self._ready(plan)
        rows: list[Row] = []
        for passage in passages(plan):
            if self._changed():
                break
            rows += self._held.get(passage.depends) or self._seen_now(passage, stage, on_row)
        return Proof(scenario=self._scenario, seed=self._seed, rows=tuple(rows))

    def _seen_now(
        self, passage: Passage, stage: Stage, on_row: Callable[[Row], None]
    ) -> tuple[Row, ...]:
        rows = played(passage.play(stage), on_row)
        if not any(row.wrong for row in rows):
            self._held[passage.depends] = tuple(rows)
        return tuple(rows)

    def _ready(self, plan: Plan) -> Stage:
        """The lab with this plan: the one that runs, unless what it was built of has changed."""
        files = _files([self._lab_folder])
        if files != self._built_of:
            self.close()
            self._held.clear()
        before, self._stage = self._stage, None
        self._stage = staged(self._client, plan, self.attempt, before)
        self._built_of = files
        return self._stage

    def _changed(self) -> list[Path]:
        then, now = self._seen, _files(self._folders)
        return sorted(file for file in now.keys() | then.keys() if now.get(file) != then.get(file))

    def _find_folders(self, catalogue: Catalogue) -> None:
        exam, parts = composite.sources(catalogue, self._scenario)
        scenarios = [source.folder for source in (exam, *parts) if source]
        self._lab_folder = catalogue.lab(str(parts[0].document.data.get("lab"))).folder
        self._folders = [*scenarios, self._lab_folder]
        self._seen = _files(self._folders)


def _files(folders: Iterable[Path]) -> Files:
    """When each file below some folders was changed, and how long it is."""
    found: Files = {}
    for file in chain.from_iterable(folder.rglob("*") for folder in folders):
        with contextlib.suppress(OSError):  # it went meanwhile
            told = file.stat()
            if file.is_file():
                found[file] = (told.st_mtime_ns, told.st_size)
    return found
