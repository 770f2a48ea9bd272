"""A lab that runs: create it, change it, reboot it, take it away."""

from __future__ import annotations

import base64
import concurrent.futures
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from lab_runner import errors
from lab_runner.engine import booting, containers, programs, steps, terminal
from lab_runner.engine.capture import Capture, device
from lab_runner.engine.creating import create_lab, create_nodes, packed
from lab_runner.engine.docker import WORKERS, Progress
from lab_runner.engine.finding import Deployed, container_ids, find
from lab_runner.engine.inotify import need_room
from lab_runner.engine.line import Line
from lab_runner.engine.programs import ExecResult
from lab_runner.engine.removing import remove, remove_containers, take_back
from lab_runner.engine.shells import Shells
from lab_runner.models.scenario import Step
from lab_runner.planning.disks import PackedDisk, pack
from lab_runner.planning.plan import Plan

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = [
    "Deployed",
    "ExecResult",
    "Progress",
    "RunningLab",
    "attach",
    "deploy",
    "find",
    "remove",
    "take_back",
]

BOOT_DEADLINE_S = 60.0


def deploy(
    client: DockerClient,
    plan: Plan,
    attempt: str,
    progress: Progress,
    *,
    deadline_s: float = BOOT_DEADLINE_S,
) -> RunningLab:
    """Create a healthy lab and wait until all its nodes are up.

    Whatever ends this early takes away what was made.

    Args:
        client: The engine.
        plan: What to create.
        attempt: Labels the containers.
        progress: Told of each node's state.
        deadline_s: How long nodes may take to boot.

    Raises:
        EngineError: An image is missing, the engine refused, a node does not boot.
        DefinitionError: A template on a node's disk is wrong.
    """
    lab = RunningLab(client, plan, attempt, {})
    try:
        with concurrent.futures.ThreadPoolExecutor(1) as beside:
            disks = beside.submit(packed, plan)  # while the engine makes the first containers

            def hand_out(switchboard: str) -> None:
                lab.add({containers.SWITCHBOARD: switchboard})
                lab.hand_out(disks.result())
                need_room(client, lab.line.result("hello")["inotify_instances"])

            lab.add(create_lab(client, plan, attempt, progress, hand_out))
        lab.wait_until_up(dict.fromkeys(plan.nodes, 1), progress, deadline_s)
    except BaseException:
        lab.close()
        take_back(client, attempt, lambda *_: None)
        raise
    return lab


def attach(client: DockerClient, plan: Plan, attempt: str) -> RunningLab:
    """A lab that runs already.

    Raises:
        NoAttempt: Nothing of that attempt is on the engine.
    """
    made = container_ids(client, attempt)
    if not made:
        raise errors.NoAttempt(f"Nothing of attempt {attempt} runs.", hint="`lab status`")
    return RunningLab(client, plan, attempt, made)


class RunningLab:
    """One lab's containers, and the line to its switchboard."""

    def __init__(
        self, client: DockerClient, plan: Plan, attempt: str, made: dict[str, str]
    ) -> None:
        self.client, self.plan, self.attempt = client, plan, attempt
        self._containers = dict(made)
        self._line: Line | None = None
        self._opening = threading.Lock()
        self.shells = Shells(client, self.container)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the lab goes on."""
        self.shells.close()
        if self._line is not None:
            self._line.close()
            self._line = None

    def add(self, made: dict[str, str]) -> None:
        """Take in containers that were made, by node."""
        self._containers |= made

    def hand_out(self, disks: Mapping[str, PackedDisk]) -> None:
        """Give the switchboard what is laid on each new node before its first boot."""
        for name, disk in disks.items():
            archive = base64.b64encode(disk.archive).decode()
            self.line.result("disk", node=name, archive=archive, appended=disk.appended)

    @property
    def line(self) -> Line:
        """The line to the switchboard, opened when first needed."""
        line = self._line
        if line is not None and not line.lost:
            return line
        # The switchboard was restarted: it has a new end for us. Several threads may find out
        # at once; none waits for another that waits for the switchboard.
        opened = Line(self.client, self.container(containers.SWITCHBOARD))
        with self._opening:
            if self._line is not None and not self._line.lost:
                opened.close()
            else:
                self.close()
                self._line = opened
            return self._line

    def container(self, node: str) -> str:
        """The id of a node's container.

        Raises:
            EngineError: It is gone.
        """
        if node not in self._containers:
            raise containers.gone(node)
        return self._containers[node]

    def states(self) -> dict[str, dict[str, Any]]:
        """What the switchboard knows of each node: pid, boots, booted, problem."""
        answer: dict[str, dict[str, Any]] = self.line.result("hello")["nodes"]
        return answer

    def wait_until_up(
        self, boots: dict[str, int], progress: Progress, deadline_s: float = BOOT_DEADLINE_S
    ) -> None:
        """Wait until each node has booted at least so often; see :func:`booting.wait`.

        Raises:
            NodeNotReady: One has not in time; with its last words.
        """
        booting.wait(self, self.line, boots, progress, deadline_s)

    def apply(self, changes: Iterable[Step]) -> None:
        """Carry out steps in order.

        Raises:
            ExecFailed: A script ended with an error; with what it printed.
            WiringFailed: A cable could not be changed.
        """
        for step in changes:
            steps.apply(self, step)

    def execute(
        self,
        node: str,
        argv: Sequence[str],
        *,
        timeout_s: float = 60.0,
        keep: int = programs.KEPT,
    ) -> ExecResult:
        """Run a program on a node, as root.

        Args:
            node: The node.
            argv: The program and its arguments.
            timeout_s: It may take so long.
            keep: So many bytes of each of its streams are kept.

        Raises:
            ExecFailed: It did not end in time, or the node is off.
        """
        with programs.naming(node):
            return programs.run(self.client, self.container(node), argv, timeout_s, keep)

    def interactive(
        self, node: str, argv: Sequence[str], listener: terminal.Listener | None = None
    ) -> int:
        """Run a program on a node with the user's terminal attached; returns its exit status.

        Raises:
            ExecFailed: The node is off, or just starting or ending.
        """
        whole = [*programs.ENVIRONMENT, *argv]
        with programs.naming(node):
            return terminal.run(self.client, self.container(node), whole, listener)

    def reboot(self, nodes: Iterable[str], progress: Progress, *, patient: bool = True) -> None:
        """Reboot nodes, all at once, and wait until they are up again.

        Args:
            nodes: Which ones.
            progress: Told of each node's state.
            patient: As for :func:`booting.wait`.

        Raises:
            NodeOff: The engine cannot switch one on again.
            NodeNotReady: One does not come back.
        """
        names = list(nodes)
        self.shells.close(names)
        line = self.line
        before = line.result("hello")["nodes"]
        for name in names:
            progress(name, "rebooting")

        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(lambda name: booting.restart(self, name), names))
        again = {name: before[name]["boots"] + 1 for name in names}
        booting.wait(self, line, again, progress, BOOT_DEADLINE_S, patient=patient)

    def reset(self, progress: Progress, nodes: Iterable[str] | None = None) -> None:
        """Build nodes again, healthy, with whole cables; the switchboard stays.

        Args:
            progress: Told of each node's state.
            nodes: Which ones; all if left out. The kernels of the others forget what
                they have learnt from the network, and nothing else of them changes.
        """
        names = list(self.plan.nodes if nodes is None else nodes)
        self.shells.close(names)
        line = self.line
        before = line.result("hello")["nodes"]
        disks = {name: pack(self.plan.nodes[name].files) for name in names}
        line.result("new", nodes=names)
        old = {name: made for name, made in self._containers.items() if name in disks}
        remove_containers(self.client, old, progress)
        again = {name: before[name]["boots"] + 1 for name in names}
        try:
            # Not earlier: an old one that was waiting for its disk would take a new one's.
            self.hand_out(disks)
            self.add(create_nodes(self.client, self.plan, self.attempt, names, progress))
            booting.wait(self, line, again, progress, BOOT_DEADLINE_S)
        except BaseException:
            # Somebody stopped the lab meanwhile: what is new in it would be left for ever.
            if containers.SWITCHBOARD not in container_ids(self.client, self.attempt):
                take_back(self.client, self.attempt, progress)
            raise
        # Not earlier: as long as the old ones were there, the others went on learning from them.
        self.line.result("forget", nodes=[name for name in self.plan.nodes if name not in disks])

    def capture(
        self, place: str, filter_: str = "", *, text: bool, count: int | None = None
    ) -> Capture:
        """What crosses a segment or a cable, until it is closed.

        Args:
            place: A segment, or ``node:interface``.
            filter_: A pcap-filter(7) expression.
            text: Lines as tcpdump(8) prints them; else a pcap file's bytes.
            count: End after so many packets.
        """
        switchboard = self.container(containers.SWITCHBOARD)
        port = device(containers.wiring_plan(self.plan, self.attempt), place)
        return Capture(self.client, switchboard, port, filter_, text=text, count=count)
