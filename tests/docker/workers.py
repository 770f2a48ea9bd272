"""A Dask scheduler and workers of it, as processes; and jobs for them."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab_runner.checker.run import run_checks
from lab_runner.engine import running
from lab_runner.engine.docker import need_answer
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

    def scheduler(self, *options: str, protocol: str = "tcp", **environment: str) -> None:
        """Start the scheduler."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"{protocol}://127.0.0.1:{port}"
        words = [
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--no-dashboard",
            "--protocol",
            protocol,
            *options,
        ]
        self.start("scheduler", "-m", "distributed.cli.dask_scheduler", *words, **environment)
        wait_for(lambda: _listens(port), "the scheduler")

    def worker(self, slots: int, *options: str, **environment: str) -> Worker:
        """Start a worker, and wait until it is ready."""
        name = f"worker-{len(self.started)}"
        words = ["worker", self.address, "--slots", str(slots), *options]
        made = Worker(self.start(name, *LAB[1:], *words, **environment), self.folder / name)
        wait_for(lambda: made.name or made.process.poll() is not None, "a worker", PATIENCE_S)
        assert made.name, made.said
        return made

    def start(self, name: str, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a process that writes into a file of that name."""
        with (self.folder / name).open("wb") as log:
            made = subprocess.Popen(
                [sys.executable, *words],
                cwd=ROOT,
                env={**os.environ, "NO_COLOR": "1", **environment},
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
        need_answer(client)
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
    """A lab, with all checks of it once a file is there."""

    name: str
    plan: Plan
    until: Path

    def run(self, client: Any, tell: Callable[[object], None]) -> int:
        attempt = f"t{secrets.token_hex(3)}"
        try:
            with running.deploy(client, self.plan, attempt, lambda *what: tell(what)) as lab:
                tell("up")
                while not self.until.exists():
                    tell("waiting")
                    time.sleep(0.05)
                return len(run_checks(lab).checks)
        finally:
            running.remove(client, attempt, quiet)


@dataclass(frozen=True)
class Ruin:
    """Takes its worker with it, as one that needs too much memory does."""

    name: str

    def run(self, client: Any, tell: Callable[[object], None]) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Engine:
    """The way to the engine, on a port of its own, that can be cut."""

    def __init__(self, socket_path: str) -> None:
        self._path = socket_path
        self._open: list[socket.socket] = []
        self._door = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._door.getsockname()[1]}"
        threading.Thread(target=self._let_in, daemon=True).start()

    def cut(self) -> None:
        """No way any more."""
        for line in (self._door, *self._open):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def _let_in(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._door.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._path)
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=_passed_on, args=(one, other), daemon=True).start()


def _passed_on(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(1 << 16):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
