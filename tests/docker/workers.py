"""A Dask scheduler and workers of it, as processes; and jobs for them."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab_runner.checker.run import run_checks
from lab_runner.engine import running
from lab_runner.planning.plan import Plan
from tests.docker.conftest import quiet, wait_for

ROOT = Path(__file__).parents[2]
LAB = [sys.executable, "-c", "from lab_runner.cli.main import main; main()"]
PATIENCE_S = 120.0


@dataclass
class Cluster:
    """Processes of one test; none outlives it."""

    folder: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    address: str = ""

    def scheduler(self) -> None:
        """Start the scheduler."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        options = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
        self.start("scheduler", "-m", "distributed.cli.dask_scheduler", *options)
        wait_for(lambda: _listens(port), "the scheduler")

    def worker(self, slots: int) -> Worker:
        """Start a worker, and wait until it is ready."""
        name = f"worker-{len(self.started)}"
        words = ["worker", self.address, "--slots", str(slots)]
        made = Worker(self.start(name, *LAB[1:], *words), self.folder / name)
        wait_for(lambda: made.name or made.process.poll() is not None, "a worker", PATIENCE_S)
        assert made.name, made.said
        return made

    def start(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        """Start a process that writes into a file of that name."""
        with (self.folder / name).open("wb") as log:
            made = subprocess.Popen(
                [sys.executable, *words],
                cwd=ROOT,
                env={**os.environ, "NO_COLOR": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.started.append(made)
        return made

    def close(self) -> None:
        """End everything."""
        for process in reversed(self.started):
            process.terminate()
        for process in self.started:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


@dataclass
class Worker:
    """One worker's process."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text()

    @property
    def name(self) -> str:
        """Once it is ready."""
        found = re.search(r"(\S+) is ready", self.said)
        return found[1] if found else ""

    def kill(self) -> None:
        """As if its machine had lost power."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True)
class Wait:
    """Needs no lab: tells who does it, again and again, until a file is there."""

    name: str
    until: Path
    notes: Path

    def run(self, client: Any, tell: Callable[[object], None]) -> str:
        client.ping()
        mine = self.notes / f"{self.name}-{secrets.token_hex(3)}"
        mine.touch()
        try:
            while not self.until.exists():
                tell(self.name)
                time.sleep(0.05)
        finally:
            mine.unlink()
        return f"{self.name} is done"


@dataclass(frozen=True)
class Look:
    """A lab, with all checks of it."""

    name: str
    plan: Plan

    def run(self, client: Any, tell: Callable[[object], None]) -> int:
        attempt = f"t{secrets.token_hex(3)}"
        try:
            with running.deploy(client, self.plan, attempt, lambda *what: tell(what)) as lab:
                tell("up")
                return len(run_checks(lab).checks)
        finally:
            running.remove(client, attempt, quiet)
