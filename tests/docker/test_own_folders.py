"""A lab from somebody's own folders, used with and without naming them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import DATA

LAB = [sys.executable, "-c", "from lab_runner.cli.main import main; main()"]
OWN = ("--labs", str(DATA / "labs"), "--scenarios", str(DATA / "scenarios"))


class Shell:
    def __init__(self, home: Path) -> None:
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("LAB_", "BREAKFIX_"))}
        self.environment = {**plain, "BREAKFIX_HOME": str(home), "NO_COLOR": "1"}

    def lab(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*LAB, *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    done = shell.lab(*OWN, "start", "far-side-unreachable", "--json")
    assert done.returncode == 0, done.stderr
    attempt = json.loads(done.stdout)["attempt"]
    shell.environment["LAB_ATTEMPT"] = attempt
    try:
        yield shell
    finally:
        assert shell.lab("stop", attempt).returncode == 0


def test_folders_have_to_be_named_again(shell: Shell) -> None:
    for verb in ("check", "hint", "solve", "map"):
        done = shell.lab(verb)
        told = " ".join(done.stderr.split())
        assert done.returncode == 2, verb
        assert "lab 'pair' and scenario 'far-side-unreachable' of this attempt" in told
        assert f"lab {' '.join(OWN)} VERB" in told
    assert "--scenarios" in shell.lab("status").stdout
    assert shell.lab(*OWN, "check").returncode == 1
    assert shell.lab(*OWN, "solve").returncode == 0
    shell.environment |= {"BREAKFIX_LABS": OWN[1], "BREAKFIX_SCENARIOS": OWN[3]}
    assert shell.lab("check").returncode == 0
