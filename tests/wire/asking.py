"""Ask as the switchboard does: a forked child, in a namespace, without privileges."""

from __future__ import annotations

import os
import pickle
import select
import signal
import socket
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from lab_runner.checker.judge import Verdict, evidence_from_json, judge
from lab_runner.errors import ProbeError
from lab_runner.models.evidence import to_json
from lab_runner.models.probes import PROBES, Probe
from lab_runner.switchboard import identities, namespaces, probes
from lab_runner.switchboard.vantage import NodeFiles, Vantage

T = TypeVar("T")
#: What a probe may take beyond its own limit: a fork, on a busy machine.
GRACE_S = 2.5
CAPS = {"file": (namespaces.CAP_NET_RAW, namespaces.CAP_DAC_READ_SEARCH)}


@dataclass
class Asked:
    """What came back, what it means, and how long it took."""

    seen: Any
    verdict: Verdict
    took_s: float


@dataclass
class Node:
    """A vantage: a disk in a folder, and the path of a network namespace."""

    disk: Path
    netns: str | None = None
    pid: int = field(default_factory=os.getpid)
    user: int = identities.FIRST_PERSON

    def write(self, path: str, text: str | bytes) -> Path:
        """Put a file on the disk, readable by everybody."""
        file = self.disk / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def resolver(self, *lines: str) -> None:
        """Write resolv.conf."""
        self.write("/etc/resolv.conf", "\n".join(lines) + "\n")

    def ask(
        self, probe: Probe, taps: dict[str, socket.socket] | None = None, within_s: float = 0
    ) -> Asked:
        """Ask, judge, and check the time limit and the way through JSON.

        Raises:
            ProbeError: The probe raised it.
        """
        word = next(word for word, kind in PROBES.items() if kind is type(probe))
        limit = (within_s or getattr(probe, "timeout_s", 1.0)) + GRACE_S
        started = time.monotonic()
        seen = _forked(lambda: self._seen(word, probe, taps or {}), limit)
        took = time.monotonic() - started
        assert took < limit
        assert evidence_from_json(to_json(word, seen)) == (word, seen)
        return Asked(seen, judge(probe, seen, vantage="desk"), took)

    def _seen(self, word: str, probe: Probe, taps: dict[str, socket.socket]) -> Any:
        module = probes.load(word)
        files = NodeFiles(os.open(self.disk, os.O_PATH | os.O_DIRECTORY))
        if self.netns:
            namespaces.enter(os.open(self.netns, os.O_RDONLY), namespaces.CLONE_NEWNET)
        if os.geteuid() == 0:
            keep = CAPS.get(word, (namespaces.CAP_NET_RAW,))
            namespaces.drop_privileges(keep, self.user)
        return module.ask(probe, Vantage("desk", self.pid, files, taps))


def _forked(action: Callable[[], Any], limit_s: float) -> Any:
    """Run in a child; what it returns or raises comes back through a pipe."""
    out, into = os.pipe()
    with warnings.catch_warnings():
        # The servers' threads hold no lock that a probe needs.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os._exit(_child(action, into))
    os.close(into)
    try:
        return _result(out, limit_s)
    finally:
        os.close(out)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _child(action: Callable[[], Any], into: int) -> int:
    try:
        result: Any = action()
    except BaseException as exc:  # noqa: BLE001 - all of it is the parent's to see
        result = exc
    with os.fdopen(into, "wb") as pipe:
        try:
            pipe.write(pickle.dumps(result))
        except Exception as exc:  # noqa: BLE001 - an exception that cannot be pickled
            pipe.write(pickle.dumps(AssertionError(f"{result!r}: {exc}")))
    return 0


def _result(out: int, limit_s: float) -> Any:
    end = time.monotonic() + limit_s
    data = b""
    while True:
        ready, _, _ = select.select([out], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            raise AssertionError(f"no evidence after {limit_s} s")
        piece = os.read(out, 1 << 16)
        if not piece:
            break
        data += piece
    result = pickle.loads(data)
    if isinstance(result, ProbeError):
        raise ProbeError(str(result))
    if isinstance(result, BaseException):
        raise result
    return result


def inside(netns: str | None, action: Callable[[], T]) -> T:
    """Do something in a network namespace, in a thread that ends with it."""
    if netns is None:
        return action()
    results: list[T] = []

    def run() -> None:
        namespaces.enter(os.open(str(netns), os.O_RDONLY), namespaces.CLONE_NEWNET)
        results.append(action())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return results[0]


def tap(netns: str, device: str) -> socket.socket:
    """A raw socket on a device, as the switchboard opens it."""

    def open_tap() -> socket.socket:
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        opened.bind((device, 3))
        return opened

    return inside(netns, open_tap)
