"""The network without a tool for it: plain containers or bare namespaces, cables by iproute2."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.figures import NotMeasured
from bench.network import Cabinet, Machine, image_tags, machines, namespace

if TYPE_CHECKING:
    from docker import DockerClient

_LABEL = "breakfix-bench.machine"
#: A machine's program waits for the first cable, as it would for its network's unit.
_WHEN_PLUGGED = """
until [ "$(cat /sys/class/net/eth0/carrier 2>/dev/null)" = 1 ]; do sleep 0.01; done; exec "$@"
"""


class Plain:
    """Containers without a network, created and started side by side; cables by ip(8)."""

    name = "plain"

    def __init__(self, client: DockerClient) -> None:
        """A way on an engine of this machine.

        Raises:
            NotMeasured: Cables cannot be plugged here.
        """
        _need_cables()
        self._client, self._made = client, dict[str, str]()

    def up(self) -> None:
        """Until the last cable is in."""
        cabinet = Cabinet()

        def one(machine: Machine) -> None:
            container, pid = self._start(machine)
            self._made[machine.name] = container
            cabinet.add(machine, pid)

        with concurrent.futures.ThreadPoolExecutor(len(machines())) as pool:
            list(pool.map(one, machines()))

    def _start(self, machine: Machine) -> tuple[str, int]:
        api = self._client.api
        config: dict[str, Any] = api.create_host_config(
            network_mode="none",
            cap_add=["NET_ADMIN"],
            binds=[f"{here}:{there}:ro" for here, there in machine.files.items()],
            sysctls=machine.sysctls,
        )
        made = api.create_container(
            machine.image,
            ["sh", "-c", _WHEN_PLUGGED, "sh", *machine.command],
            labels={_LABEL: machine.name},
            host_config=config,
            network_disabled=True,
        )
        api.start(made["Id"])
        return str(made["Id"]), int(api.inspect_container(made["Id"])["State"]["Pid"])

    def find(self, machine: str, until: float) -> Path:
        """As soon as it was given a name."""
        return _wait_for(namespace(machine), until)

    def containers(self) -> dict[str, str]:
        """One a machine."""
        return self._made

    def down(self) -> None:
        """All at once."""
        rows = self._client.api.containers(all=True, filters={"label": _LABEL})
        with concurrent.futures.ThreadPoolExecutor(len(machines())) as pool:
            ids = [row["Id"] for row in rows]
            list(pool.map(lambda i: self._client.api.remove_container(i, force=True, v=True), ids))
        self._made.clear()
        Cabinet.remove()


class Bare:
    """Network namespaces, and no engine: programs run in a copy of the server's image."""

    name = "bare"

    def __init__(self, client: DockerClient, folder: Path) -> None:
        """A way with the file system of an image, which is unpacked into a folder.

        Raises:
            NotMeasured: Cables cannot be plugged here.
        """
        _need_cables()
        self._root = _unpacked(client, folder)
        self._running: list[subprocess.Popen[bytes]] = []

    def up(self) -> None:
        """Until every program is started."""
        cabinet = Cabinet()
        for one in machines():
            cabinet.add(one)
            for key, value in one.sysctls.items():
                path = "/proc/sys/" + key.replace(".", "/")
                script = f"echo {value} > {path}"
                subprocess.run(cabinet.execute(one, "sh", "-c", script), check=True)
            self._run(cabinet.execute(one, "chroot", str(self._root), *one.command))

    def _run(self, command: list[str]) -> None:
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
        self._running.append(process)

    def find(self, machine: str, until: float) -> Path:
        """As soon as it has a name."""
        return _wait_for(namespace(machine), until)

    def containers(self) -> dict[str, str]:
        """None."""
        return {}

    def down(self) -> None:
        """Programs first."""
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait(10)
        self._running.clear()
        Cabinet.remove()


def _unpacked(client: DockerClient, folder: Path) -> Path:
    """The server's image as a folder, with the machines' own files in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = client.api.create_container(image_tags()["SERVER"])["Id"]
    try:
        with subprocess.Popen(["tar", "-x", "-C", str(folder)], stdin=subprocess.PIPE) as tar:
            assert tar.stdin is not None
            for chunk in client.api.export(made):
                tar.stdin.write(chunk)
            tar.stdin.close()
    finally:
        client.api.remove_container(made)
    for here, there in _all_files():
        where = folder / there.lstrip("/")
        if here.is_dir():
            shutil.rmtree(where, ignore_errors=True)  # a mount hides what was there
            shutil.copytree(here, where)
        else:
            where.unlink(missing_ok=True)
            shutil.copy(here, where)
    for name, numbers in {"null": (1, 3), "urandom": (1, 9)}.items():
        with contextlib.suppress(FileExistsError):
            os.mknod(folder / "dev" / name, 0o20666, os.makedev(*numbers))
    return folder


def _all_files() -> Iterable[tuple[Path, str]]:
    return (file for machine in machines() for file in machine.files.items())


def _need_cables() -> None:
    if os.geteuid() != 0:
        raise NotMeasured("needs root")
    if shutil.which("ip") is None:
        raise NotMeasured("needs ip(8): apt-get install iproute2")


def _wait_for(path: Path, until: float) -> Path:
    """A namespace's file, once the namespace is mounted on it."""
    while not (path.exists() and path.stat().st_dev != path.parent.stat().st_dev):
        if time.monotonic() > until:
            raise NotMeasured(f"{path.name} does not appear")
        time.sleep(0.002)
    return path
