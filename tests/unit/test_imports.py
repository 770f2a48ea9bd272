"""The layout: floors, doors to libraries, names, sizes."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import lab_runner

ROOT = Path(lab_runner.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if "data" not in path.relative_to(ROOT).parts)

#: Each room's floor; a file imports only from floors below its own, or from its own room.
FLOORS = {
    "__init__": 0,
    "errors": 1,
    "paths": 1,
    "models": 2,
    "patterns": 2,
    "writing": 2,
    "catalogue": 3,
    "switchboard": 3,
    "planning": 3,
    "map": 4,
    "engine": 4,
    "checker": 5,
    "pool": 5,
    "attempts": 6,
    "authoring": 6,
    "proving": 6,
    "submission": 7,
    "grading": 8,
    "gradebook": 9,
    "cli": 10,
}
#: Rooms on one floor that may know each other, with the reason.
NEIGHBOURS = {("planning", "catalogue"): "a plan starts from what the catalogue found"}
#: The libraries that only one room may open.
DOORS = {
    "docker": {"engine"},
    "requests": {"engine"},
    "scapy": {"switchboard"},
    "dns": {"switchboard"},
    "paramiko": {"switchboard", "engine"},
    "typer": {"cli"},
    "click": {"cli"},
    "rich": {"cli"},
    "dask": {"pool"},
    "distributed": {"pool"},
}
LONGEST_FILE = 300
#: Flat tables of declarations, one a protocol: cutting them would hide what belongs together.
TABLES = {"models/probes.py", "models/evidence.py"}


def room(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path, *, types_too: bool = True) -> Iterator[str]:
    """The modules that a file imports, also inside functions."""
    skipped: set[ast.AST] = set()
    if not types_too:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                skipped |= set(ast.walk(node))
    for node in ast.walk(tree(path)):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module is not None
            if node.module == "lab_runner":
                yield from (f"lab_runner.{alias.name}" for alias in node.names)
            else:
                yield node.module


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_point_down(path: Path) -> None:
    own = room(path)
    for module in imports(path):
        if not module.startswith("lab_runner"):
            continue
        parts = module.split(".")
        other = parts[1] if len(parts) > 1 and parts[1] in FLOORS else "__init__"
        fine = other == own or FLOORS[other] < FLOORS[own] or (own, other) in NEIGHBOURS
        assert fine, f"{name(path)} imports {module}"


def test_every_room_has_a_floor() -> None:
    assert {room(path) for path in FILES} == set(FLOORS)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_libraries_are_opened_in_their_room_only(path: Path) -> None:
    for module in imports(path, types_too=False):
        rooms = DOORS.get(module.split(".")[0])
        assert rooms is None or room(path) in rooms, f"{name(path)} imports {module}"


def test_sqlite_is_opened_in_one_file() -> None:
    assert [name(p) for p in FILES if "sqlite3" in set(imports(p))] == ["attempts/store.py"]


def test_the_switchboard_knows_models_and_errors_only() -> None:
    for path in FILES:
        if room(path) == "switchboard":
            ours = {m.split(".")[1] for m in imports(path) if m.startswith("lab_runner.")}
            assert ours <= {"models", "errors", "switchboard"}, name(path)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_file_is_a_drawer(path: Path) -> None:
    words = set(re.split(r"[_./]", name(path)))
    assert not words & {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ClassDef):
            assert not re.search(r"(Manager|Helper|Util)s?$", node.name)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_files_stay_short(path: Path) -> None:
    if name(path) not in TABLES:
        assert len(path.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    doc = ast.get_docstring(tree(path))
    assert doc
    assert doc.splitlines()[0].endswith((".", ":", "?"))


def lengths() -> list[tuple[int, str]]:
    """Lines of each function without its docstring."""
    found = []
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                documented = ast.get_docstring(node, clean=False) is not None
                doc = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
                lines = (node.end_lineno or 0) - node.lineno + 1 - doc
                found.append((lines, f"{name(path)}:{node.lineno} {node.name}"))
    return sorted(found)


def test_functions_stay_small() -> None:
    sizes = [size for size, _ in lengths()]
    assert statistics.median(sizes) <= 9
    assert sizes[len(sizes) * 9 // 10] <= 30
    assert lengths()[-1][0] <= 60, lengths()[-5:]


def test_nothing_prints() -> None:
    for path in FILES:
        calls = [n for n in ast.walk(tree(path)) if isinstance(n, ast.Call)]
        assert not [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"], path
