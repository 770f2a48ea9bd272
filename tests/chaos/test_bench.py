"""``make bench`` in short, and ended in the middle: it measures all ways, and leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from bench import network, page
from bench.__main__ import DOCS
from bench.setting import FOLDER
from bench.verbs import OFFICE
from lab_runner.engine.finding import find
from tests.chaos.conftest import Provoked
from tests.docker.second_engine import lacking

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]

_PATIENCE_S = 900.0
_QUICK = (sys.executable, "-m", "bench", "--quick")
_ROOT = Path(__file__).parents[2]


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """Where the page is written instead."""
    (tmp_path / "performance.md").write_text((DOCS / "performance.md").read_text())
    return tmp_path


@pytest.fixture(autouse=True)
def nothing_left(engine: DockerClient) -> Iterator[None]:
    """No lab of it on the engine, no network on this host, no second engine."""
    yield
    assert not [lab for lab in find(engine) if lab.scenario == OFFICE.scenario]
    assert not [one.name for one in network.machines() if network.namespace(one.name).exists()]
    assert not network.namespace("switch").exists()
    assert not (FOLDER / "engine").exists()
    commands = Path("/proc").glob("[0-9]*/cmdline")
    assert not [file for file in commands if str(FOLDER / "engine").encode() in _read(file)]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def test_a_short_run_measures_everything(docs: Path) -> None:
    done = subprocess.run(
        [*_QUICK, "--docs", str(docs)],
        cwd=_ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads((docs / "performance" / "figures.json").read_text())
    series, absent = figures["series"], figures["absent"]
    for way in page.WAYS:
        # What cannot be measured here is told, and only where that is so.
        assert way in absent if os.geteuid() else f"{way}.ready_s" in series, (way, absent)
    assert not lacking() or "compose" in absent
    for what in ("start_s", "check_red_s", "check_green_s", "probes_ms", "reset_s", "stop_s"):
        assert all(value > 0 for value in series[f"office.{what}"]), what
    assert len(series["crowd2.start_s"]) == 2
    assert series["office.proven_per_min"]
    assert series["office.graded_per_min"]
    text = (docs / "performance.md").read_text()
    assert "1 run of each" in text
    assert text.count("| yes |") + text.count("| **no** |") + text.count("| ? |") >= 10


@pytest.mark.parametrize("moment", ["the way kit", "the way bare", "the lab office"])
def test_a_run_that_is_ended_leaves_nothing(docs: Path, moment: str, provoked: Provoked) -> None:
    if os.geteuid():
        assert lacking()
        moment = "the lab office"
    command = [*_QUICK, "--only", "ways", "verbs", "--docs", str(docs)]
    with subprocess.Popen(command, cwd=_ROOT, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        deadline = time.monotonic() + _PATIENCE_S
        for line in running.stderr:
            assert time.monotonic() < deadline, line
            if moment in line:
                break
        time.sleep(0.5)  # somewhere in it
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=_PATIENCE_S)
    assert running.returncode == 130, said
    assert "interrupted" in said
    assert not (docs / "performance").exists()
    provoked("SIGTERM to make bench")
