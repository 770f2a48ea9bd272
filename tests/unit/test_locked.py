"""The dependencies: declared where they are imported, locked with hashes, licences listed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.unit.test_imports import FILES, imports, room

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKS = ("dev", "kit", "uv")
#: What a machine of ours has: the lock also covers others.
HERE = {"extra": ""}


@dataclass(frozen=True)
class Pin:
    """One package of a lock file."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def version(self) -> Version:
        """The one version that may be installed."""
        (only,) = self.requirement.specifier
        assert only.operator == "==", self.requirement
        return Version(only.version)


@cache
def text(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text()


@cache
def pins(lock: str) -> dict[str, Pin]:
    lines = [line for line in text(lock).splitlines() if not line.lstrip().startswith("#")]
    found: dict[str, Pin] = {}
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        what, *hashes = line.split("--hash=")
        requirement = Requirement(what.strip())
        pin = Pin(requirement, tuple(one.strip() for one in hashes))
        assert found.setdefault(canonicalize_name(requirement.name), pin) is pin, line
    return found


def declared(*extras: str) -> Iterator[Requirement]:
    """What pyproject.toml asks for, with what its extras ask for in turn."""
    for line in [*PROJECT["dependencies"], *(line for name in extras for line in EXTRAS[name])]:
        requirement = Requirement(line)
        if requirement.name == PROJECT["name"]:
            yield from declared(*requirement.extras)
        else:
            yield requirement


def names(requirements: Iterator[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


@pytest.mark.parametrize(("lock", "extras"), [("dev", ["dev"]), ("kit", ["dask", "build"])])
def test_the_lock_has_what_the_project_asks_for(lock: str, extras: list[str]) -> None:
    for requirement in declared(*extras):
        name = canonicalize_name(requirement.name)
        assert name in pins(lock), f"{name}: scripts/lock was not run"
        assert pins(lock)[name].version in requirement.specifier, f"{name}: scripts/lock"


def test_the_lock_has_nothing_that_nobody_asks_for() -> None:
    blocks = re.findall(r"^(\S+?)==[^\n]*\n((?:    [^\n]*\n?)+)", text("dev"), re.MULTILINE)
    asked = {name for name, block in blocks if f"{PROJECT['name']} (pyproject.toml)" in block}
    assert len(blocks) == len(pins("dev"))
    assert asked == names(declared("dev"))


def test_the_kit_is_tested_with_what_is_shipped() -> None:
    for name, pin in pins("kit").items():
        assert pins("dev")[name].version == pin.version
        assert pins("dev")[name].hashes == pin.hashes


@pytest.mark.parametrize("lock", LOCKS)
def test_every_file_of_a_package_has_its_hash(lock: str) -> None:
    for name, pin in pins(lock).items():
        assert pin.hashes, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in pin.hashes), name


@pytest.mark.parametrize("lock", LOCKS)
def test_no_index_is_named(lock: str) -> None:
    assert "://" not in text(lock)
    assert not re.search(
        r"^\s*(-i|--(extra-)?index|--find-links|--trusted)", text(lock), re.MULTILINE
    )


def test_what_is_installed_here_is_what_is_locked() -> None:
    wanted = {
        name: str(pin.version)
        for name, pin in pins("dev").items()
        if pin.requirement.marker is None or pin.requirement.marker.evaluate(HERE)
    }
    installed = {name: metadata.version(name) for name in wanted}
    assert installed == wanted, "scripts/setup --python"


def test_the_build_requires_what_is_locked_for_it() -> None:
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert set(requires) <= set(EXTRAS["build"])


def imported() -> set[str]:
    """The distributions that the package imports; the switchboard's come with its image."""
    known = metadata.packages_distributions()
    modules = {
        module.partition(".")[0]
        for path in FILES
        if room(path) != "switchboard"
        for module in imports(path)
    }
    others = modules - sys.stdlib_module_names - {"lab_runner"}
    return {canonicalize_name(known[module][0]) for module in others}


def test_everything_declared_is_imported_and_everything_imported_is_declared() -> None:
    assert imported() == names(declared("dask"))


def test_the_licences_are_those_of_what_is_locked() -> None:
    asked = [sys.executable, str(ROOT / "scripts/licences"), "--check"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
