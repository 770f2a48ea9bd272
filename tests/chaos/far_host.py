"""A host behind SSH: an sshd on loopback with keys, users and settings of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

#: A busy machine takes its time to start a program.
UP_WITHIN_S = 30.0
# sshd wants a user of that name, and root not to be locked: this process alone sees them so.
_VIEW = """
set -e
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/shadow" /etc/shadow
mkdir -p /run/sshd
exec "$2" -D -e -f "$1/config"
"""
_CONFIG = """
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
{further}
"""


def lacking() -> str:
    """Why this machine cannot run an SSH server of the tests' own; empty if it can."""
    if os.geteuid() != 0:
        return "an SSH server of the tests' own needs root"
    for program in ("sshd", "ssh-keygen", "docker", "unshare"):
        if shutil.which(program) is None:
            return f"an SSH server of the tests' own needs {program}"
    return ""


class FarHost:
    """sshd, and the folder of a user who may log in there."""

    def __init__(self, folder: Path, *settings: str) -> None:
        """Make keys and configuration; ``settings`` are further lines of sshd_config(5)."""
        self._folder, self.home = folder, folder / "home"
        (self.home / ".ssh").mkdir(parents=True)
        self.key, self.known = self.home / ".ssh/id_ed25519", self.home / ".ssh/known_hosts"
        for key in (folder / "host", self.key):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
            subprocess.run(command, check=True, timeout=30)
        shutil.copy(f"{self.key}.pub", folder / "authorized")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        text = _CONFIG.format(port=self.port, folder=folder, further="\n".join(settings))
        (folder / "config").write_text(text)
        users = Path("/etc/passwd").read_text().rstrip()
        if "\nsshd:" not in users:
            users += "\nsshd:x:74:65534::/run/sshd:/usr/sbin/nologin"
        (folder / "passwd").write_text(users + "\n")
        (folder / "shadow").write_text("root:*:19000:0:99999:7:::\n")
        self.known.write_text(self.entry(folder / "host.pub"))
        self._daemon: subprocess.Popen[bytes] | None = None

    def entry(self, key: Path) -> str:
        """A line of known_hosts (sshd(8)) that says this host has that key."""
        kind, blob, *_ = key.read_text().split()
        return f"[127.0.0.1]:{self.port} {kind} {blob}\n"

    @property
    def address(self) -> str:
        """As ``DOCKER_HOST`` names it."""
        return f"ssh://root@127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What leads a command of the kit there, with the user's keys."""
        return {"HOME": str(self.home), "DOCKER_HOST": self.address}

    def start(self) -> None:
        """Start sshd, and wait until it answers."""
        server = str(shutil.which("sshd"))
        with (self._folder / "log").open("ab") as log:
            self._daemon = subprocess.Popen(
                [
                    *("unshare", "--mount", "--propagation=private"),
                    *("sh", "-c", _VIEW, "sh", str(self._folder), server),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + UP_WITHIN_S
        while not self._answers():
            assert time.monotonic() < deadline, self.log
            assert self._daemon.poll() is None, self.log
            time.sleep(0.05)

    @property
    def log(self) -> str:
        """What sshd said."""
        return (self._folder / "log").read_text(errors="replace")

    def kill(self) -> None:
        """End sshd and all its sessions at once."""
        assert self._daemon is not None
        for pid in self._sessions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._daemon.kill()
        self._daemon.wait()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)) as s:
            return s.recv(4) == b"SSH-"
        return False

    def _sessions(self) -> list[int]:
        """The processes that the daemon started (proc(5), the fourth field of stat)."""
        assert self._daemon is not None
        parents: dict[int, int] = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                with contextlib.suppress(OSError):
                    stat = Path(f"/proc/{entry}/stat").read_text()
                    parents[int(entry)] = int(stat.rpartition(")")[2].split()[1])
        found = {self._daemon.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return sorted(found - {self._daemon.pid})
