"""An engine of the tests' own, that may be starved, frozen and killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from docker import DockerClient

#: Enough for the images of the small lab and what its machines write.
ROOMY = "2g"
#: An engine that starts again first ends and restarts the containers that it finds.
ANSWERS_WITHIN_S = 40.0
ENDS_WITHIN_S = 40.0
LAST_LINES = 20

# The engine's view of the file systems is its own: what it mounts goes with it, and another
# containerd of this host, which it would use if it found its socket, is out of sight.
# systemd in a node needs the unified hierarchy (scripts/engine says more).
_VIEW = """
set -e
mkdir -p /run/containerd
mount -t tmpfs tmpfs /run/containerd
if [ -n "$2" ]; then mount -t tmpfs -o "size=$2" tmpfs "$1"; fi
# The devices of a network namespace show in a sysfs that was mounted in it.
if [ -n "$3" ]; then
    mount -t sysfs sysfs /sys
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
elif [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
    umount -R /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
echo ready
exec cat
"""
# As scripts/engine starts one: labs use no Docker network.
_NO_NETWORK = (
    *("--bridge=none", "--iptables=false", "--ip6tables=false"),
    *("--ip-forward=false", "--ip-masq=false"),
)
# Networks, but none that nobody asked for.
_NETWORKS = ("--bridge=none",)
# Port 9 is discard's (RFC 863), and nobody's on loopback: no registry can be reached.
_NO_REGISTRY = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "",
}


def lacking() -> str:
    """Why this machine cannot run an engine of the tests' own; empty if it can."""
    if os.geteuid() != 0:
        return "an engine of the tests' own needs root"
    for program in ("dockerd", "docker", "unshare", "nsenter", "setpriv"):
        if shutil.which(program) is None:
            return f"an engine of the tests' own needs {program}"
    return ""


class SecondEngine:
    """dockerd with folders, a socket and a mount namespace of its own, and an own containerd."""

    def __init__(
        self, size: str = ROOMY, *, disk: Path | None = None, bridges: bool = False
    ) -> None:
        """Make its folders and its disk.

        Args:
            size: How large a disk in memory is.
            disk: A folder that is its disk instead; it goes with the engine.
            bridges: It makes networks when it is asked to, in a network namespace of its own:
                nothing of them is on this host.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="breakfix-engine-"))
        self._data, self._run = disk or self._folder / "data", self._folder / "run"
        self._disk, self._bridges = disk, bridges
        self._data.mkdir(parents=True)
        self._log = self._folder / "log"
        self._daemon: subprocess.Popen[bytes] | None = None
        # It holds the mount namespace, which outlives a dockerd that is killed.
        self._view = subprocess.Popen(
            [
                *("unshare", "--mount", "--propagation=private", *(["--net"] * bridges)),
                *("sh", "-c", _VIEW, "sh", str(self._data)),
                *("" if disk else size, "bridges" if bridges else ""),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._view.stdout is not None
        assert self._view.stdout.readline() == b"ready\n"

    @property
    def host(self) -> str:
        """As ``DOCKER_HOST`` names it."""
        return f"unix://{self._folder}/docker.sock"

    @property
    def disk(self) -> Path:
        """Its data root, as this process sees it."""
        return Path(f"/proc/{self._view.pid}/root{self._data}")

    # --- on and off -----------------------------------------------------------------

    def start(self) -> None:
        """Start dockerd and wait until it answers."""
        with self._log.open("ab") as log:
            self._daemon = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig=TERM"),
                    *("nsenter", f"--mount=/proc/{self._view.pid}/ns/mnt"),
                    *([f"--net=/proc/{self._view.pid}/ns/net"] * self._bridges),
                    *("dockerd", f"--data-root={self._data}", f"--exec-root={self._run}"),
                    *(f"--pidfile={self._folder}/docker.pid", f"--host={self.host}"),
                    *(_NETWORKS if self._bridges else _NO_NETWORK),
                ],
                env={**os.environ, **_NO_REGISTRY},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        daemon = self._daemon
        _wait(
            lambda: daemon.poll() is not None or self.answers(), ANSWERS_WITHIN_S, self._last_words
        )
        assert daemon.poll() is None, self._last_words()

    def kill(self) -> None:
        """End dockerd, then its containerd, as a machine short of memory does."""
        assert self._daemon is not None
        containerd = int((self._run / "containerd/containerd.pid").read_text())
        self._daemon.kill()
        self._daemon.wait()
        os.kill(containerd, signal.SIGKILL)
        # Until it is reaped, the next dockerd would take it for a containerd that runs.
        gone = Path(f"/proc/{containerd}")
        _wait(lambda: not gone.exists(), ENDS_WITHIN_S, lambda: "containerd does not end")

    def stop(self) -> None:
        """End dockerd as a service manager does; its containers end with it."""
        assert self._daemon is not None
        self._daemon.terminate()
        self._daemon.wait(ENDS_WITHIN_S)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop dockerd where it stands, and let it go on afterwards."""
        assert self._daemon is not None
        self._daemon.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._daemon.send_signal(signal.SIGCONT)

    def discard(self) -> None:
        """End everything of it; whatever a failed test left in it is killed."""
        if self._daemon is not None and self._daemon.poll() is None:
            self._daemon.send_signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.stop()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._daemon is not None:
            self._daemon.wait(ENDS_WITHIN_S)
        _wait(lambda: not self.processes(), ENDS_WITHIN_S, lambda: f"left: {self.processes()}")
        self._view.communicate()
        for folder in filter(None, (self._folder, self._disk)):
            shutil.rmtree(folder)

    # --- what is in it --------------------------------------------------------------

    def client(self) -> DockerClient:
        """The SDK's client."""
        return DockerClient(base_url=self.host, timeout=30)

    def load(self, *images: str) -> None:
        """Copy images of the main engine."""
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saving:
            subprocess.run(
                ["docker", "--host", self.host, "load", "--quiet"],
                stdin=saving.stdout,
                stdout=subprocess.DEVNULL,
                check=True,
                timeout=300,
            )
        assert saving.returncode == 0

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Its disk without a byte of room."""
        filler = self.disk / "filler"
        try:
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while file.write(bytes(1 << 20)):
                    pass
            yield
        finally:
            filler.unlink()

    def processes(self) -> set[int]:
        """What runs in its mount namespace, and all that this started: its containers."""
        own = os.readlink(f"/proc/{self._view.pid}/ns/mnt")
        parents = {pid: parent for pid in _pids() if (parent := _parent(pid)) is not None}
        found = {pid for pid in parents if _namespace(pid) == own} - {self._view.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found

    def answers(self) -> bool:
        """Does it say so itself?"""
        # Not by the SDK, which leaves a socket open where nobody answers.
        with socket.socket(socket.AF_UNIX) as asking, contextlib.suppress(OSError):
            asking.settimeout(1.0)
            asking.connect(self.host.removeprefix("unix://"))
            asking.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in asking.recv(64)
        return False

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LAST_LINES:])


def _wait(condition: Callable[[], object], seconds: float, complaint: Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.05)


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _parent(pid: int) -> int | None:
    """A process's parent (proc(5), the fourth field of stat); None for one that has ended."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return None
    return None if state in "ZX" else int(parent)


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return ""
