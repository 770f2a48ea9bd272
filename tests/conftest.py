"""What all tiers share: the small lab that tests are made with, and the shipped catalogue."""

from __future__ import annotations

import datetime
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from lab_runner.catalogue import Catalogue

# A busy machine is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

DATA = Path(__file__).parent / "data"
#: Certificates and files that do not change from run to run.
NOW = datetime.datetime(2026, 1, 15, tzinfo=datetime.UTC)
#: Tests with labs that compare the host's network before and after.
LOOKS_AT_THE_HOST = {"test_isolation", "test_must_show"}


def pytest_configure() -> None:
    """A run that is told to end takes its labs away, as with Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two that may run side by side (``pytest -n 2 --dist loadgroup``).

    What looks at the host's own network is asked in turn with what changes it.
    """
    tiers = Path(__file__).parent
    for item in items:
        tier, *_ = item.path.relative_to(tiers).parts
        labs = tier in {"docker", "scenarios"} and item.path.stem not in LOOKS_AT_THE_HOST
        item.add_marker(pytest.mark.xdist_group("labs" if labs else "host"))


@pytest.fixture(scope="session")
def shipped() -> Catalogue:
    """The labs and scenarios of the kit."""
    return Catalogue()


@pytest.fixture(scope="session")
def small() -> Catalogue:
    """The labs and scenarios of the tests."""
    return Catalogue((DATA / "labs",), (DATA / "scenarios",))
