"""What all tiers share: the small lab that tests are made with, and the shipped catalogue."""

from __future__ import annotations

import datetime
import signal
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from lab_runner.catalogue import Catalogue

# A busy machine is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

DATA = Path(__file__).parent / "data"
#: Certificates and files that do not change from run to run.
NOW = datetime.datetime(2026, 1, 15, tzinfo=datetime.UTC)
#: Tiers whose tests wait for their labs most of the time.
WITH_LABS = {"docker", "grading", "scenarios"}
CHAOS = Path(__file__).parent / "chaos"


def pytest_configure() -> None:
    """A run that is told to end takes its labs away, as with Ctrl-C.

    Started in the background it ignores Ctrl-C, and so would all programs that it starts.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What ``make chaos`` runs takes long, and is left out where nobody asked for it."""
    asked = any(CHAOS.name in argument for argument in config.invocation_params.args)
    return True if collection_path == CHAOS and not asked else None


class Tiers(LoadScopeScheduling):
    """The tests of each tier with labs in a process of their own, all others in another.

    Of those of ``make chaos`` each file has one.
    """

    def _split_scope(self, nodeid: str) -> str:
        _, tier, *_ = nodeid.split("/")
        if tier == CHAOS.name:
            return nodeid.partition("::")[0]
        return tier if tier in WITH_LABS else "no labs"


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Tiers:
    """How tests are spread where there are several processes (``-n 3``)."""
    return Tiers(config, log)


@pytest.fixture(scope="session")
def shipped() -> Catalogue:
    """The labs and scenarios of the kit."""
    return Catalogue()


@pytest.fixture(scope="session")
def small() -> Catalogue:
    """The labs and scenarios of the tests."""
    return Catalogue((DATA / "labs",), (DATA / "scenarios",))
