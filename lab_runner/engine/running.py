"""A lab that runs: create it, change it, reboot it, take it away."""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime
import io
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import docker.errors

from lab_runner import errors
from lab_runner.engine import containers, images, terminal
from lab_runner.engine.capture import Capture
from lab_runner.engine.docker import mapped
from lab_runner.engine.line import Line
from lab_runner.models.scenario import Step
from lab_runner.planning.plan import NodePlan, Plan
from lab_runner.switchboard.protocol import NODE_VARIABLE

if TYPE_CHECKING:
    from docker import DockerClient

#: Told of what happens: the item, and its new state.
Progress = Callable[[str, str], None]

BOOT_DEADLINE_S = 60.0
_WORKERS = 8
_JOURNAL_LINES = 15
#: The engine hands its own variables for PID 1 to every program that it runs in a container.
_ENVIRONMENT = ("env", "-u", NODE_VARIABLE, "-u", "NOTIFY_SOCKET", "-u", "container")
#: Seconds that a node has to shut down before its power is cut.
_SHUTDOWN_S = 5


@dataclass(frozen=True)
class Deployed:
    """A lab as the engine knows it.

    Attributes:
        states: The container's state (``running``, ``exited``…) by node; the
            switchboard is among them.
    """

    attempt: str
    scenario: str
    lab: str
    seed: int
    created: datetime.datetime
    states: dict[str, str]


@dataclass(frozen=True)
class ExecResult:
    """How a program on a node ended."""

    exit_status: int
    stdout: bytes
    stderr: bytes


def find(client: DockerClient) -> list[Deployed]:
    """All labs of ours on the engine, newest first."""
    with mapped():
        rows = client.api.containers(all=True, filters={"label": containers.LABEL})
    attempts: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        attempts.setdefault(row["Labels"][containers.LABEL], []).append(row)
    found = [_deployed(attempt, rows) for attempt, rows in attempts.items()]
    return sorted(found, key=lambda lab: lab.created, reverse=True)


def _deployed(attempt: str, rows: list[dict[str, Any]]) -> Deployed:
    labels = rows[0]["Labels"]
    created = min(row["Created"] for row in rows)
    return Deployed(
        attempt=attempt,
        scenario=labels.get(containers.LABEL_SCENARIO, ""),
        lab=labels.get(containers.LABEL_LAB, ""),
        seed=int(labels.get(containers.LABEL_SEED, "0")),
        created=datetime.datetime.fromtimestamp(created, datetime.UTC),
        states={row["Labels"].get(containers.LABEL_NODE, "?"): row["State"] for row in rows},
    )


def deploy(client: DockerClient, plan: Plan, attempt: str, progress: Progress) -> RunningLab:
    """Create a healthy lab and wait until all its nodes are up.

    Whatever ends this early takes away what was made.

    Raises:
        EngineError: An image is missing, the engine refused, a node does not boot.
    """
    try:
        made = _create_all(client, plan, attempt, progress)
        lab = RunningLab(client, plan, attempt, made)
        lab.wait_until_up(dict.fromkeys(plan.nodes, 1), progress)
    except BaseException:
        remove(client, attempt, lambda *_: None)
        raise
    return lab


def _create_all(
    client: DockerClient, plan: Plan, attempt: str, progress: Progress
) -> dict[str, str]:
    tags = images.ensure(client, _targets(plan), progress)

    def node(spec: NodePlan) -> tuple[str, str]:
        progress(spec.name, "creating")
        made = containers.create_node(client, tags[images.Target(spec.image)], plan, attempt, spec)
        progress(spec.name, "booting")
        return spec.name, made

    def switchboard() -> tuple[str, str]:
        image = tags[images.Target.SWITCHBOARD]
        return containers.SWITCHBOARD, containers.create_switchboard(client, image, plan, attempt)

    with concurrent.futures.ThreadPoolExecutor(_WORKERS) as pool:
        jobs = [pool.submit(switchboard)]
        jobs += [pool.submit(node, spec) for spec in plan.nodes.values()]
        try:
            return dict(job.result() for job in jobs)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _targets(plan: Plan) -> list[images.Target]:
    kinds = sorted({node.image for node in plan.nodes.values()})
    return [images.Target.SWITCHBOARD, *(images.Target(kind) for kind in kinds)]


def attach(client: DockerClient, plan: Plan, attempt: str) -> RunningLab:
    """A lab that runs already.

    Raises:
        NoAttempt: Nothing of that attempt is on the engine.
    """
    made = _containers(client, attempt)
    if not made:
        raise errors.NoAttempt(f"Nothing of attempt {attempt} runs.", hint="`lab status`")
    return RunningLab(client, plan, attempt, made)


def _containers(client: DockerClient, attempt: str) -> dict[str, str]:
    with mapped():
        rows = client.api.containers(all=True, filters={"label": f"{containers.LABEL}={attempt}"})
    return {row["Labels"][containers.LABEL_NODE]: row["Id"] for row in rows}


def remove(client: DockerClient, attempt: str, progress: Progress) -> None:
    """Take away everything with the attempt's label.

    Raises:
        NotRemoved: Something is still there; the message has its name.
    """
    _remove_containers(client, _containers(client, attempt), progress)
    left = _containers(client, attempt)
    if left:
        names = ", ".join(sorted(left))
        raise errors.NotRemoved(f"Still there: {names}", hint="Try `lab stop` again.")


def remove_all(client: DockerClient, progress: Progress) -> list[str]:
    """Take away all labs; returns their attempts."""
    attempts = [lab.attempt for lab in find(client)]
    for attempt in attempts:
        remove(client, attempt, progress)
    return attempts


def _remove_containers(client: DockerClient, made: dict[str, str], progress: Progress) -> None:
    # The switchboard goes first, or it would wire what the engine is about to end.
    ordered = sorted(made.items(), key=lambda item: item[0] != containers.SWITCHBOARD)

    def one(item: tuple[str, str]) -> None:
        with contextlib.suppress(docker.errors.NotFound), mapped_but_not_found():
            client.api.remove_container(item[1], force=True, v=True)
        progress(item[0], "removed")

    with concurrent.futures.ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(one, ordered))


@contextlib.contextmanager
def mapped_but_not_found() -> Iterator[None]:
    """Like ``mapped``, for the removal of what another process may remove as well."""
    try:
        yield
    except docker.errors.APIError as exc:
        if exc.status_code in {404, 409}:  # gone, or going: "removal is already in progress"
            return
        with mapped():
            raise


class RunningLab:
    """One lab's containers, and the line to its switchboard."""

    def __init__(
        self, client: DockerClient, plan: Plan, attempt: str, made: dict[str, str]
    ) -> None:
        self.client, self.plan, self.attempt = client, plan, attempt
        self._containers = made
        self._line: Line | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the lab goes on."""
        if self._line is not None:
            self._line.close()
            self._line = None

    @property
    def line(self) -> Line:
        """The line to the switchboard, opened when first needed."""
        if self._line is None:
            self._line = Line(self.client, self._container(containers.SWITCHBOARD))
        return self._line

    def _container(self, node: str) -> str:
        if node not in self._containers:
            raise errors.EngineError(
                f"The container of {node} is gone.", hint="`lab reset` builds all machines again."
            )
        return self._containers[node]

    def states(self) -> dict[str, dict[str, Any]]:
        """What the switchboard knows of each node: pid, boots, booted, problem."""
        answer: dict[str, dict[str, Any]] = self.line.request("hello")["result"]["nodes"]
        return answer

    def wait_until_up(self, boots: dict[str, int], progress: Progress) -> None:
        """Wait until each node has booted at least so often.

        Raises:
            NodeNotReady: One has not in time; with its last words.
        """
        deadline = time.monotonic() + BOOT_DEADLINE_S
        known: dict[str, Any] = {}
        told: set[str] = set()
        while (left := deadline - time.monotonic()) > 0:
            # In short pieces: a line whose far end died is noticed within one of them.
            reply = self.line.request(
                "wait", boots=boots, within_s=min(left, 5.0), known=known, timeout_s=10.0
            )
            known = reply["result"]
            up = {n for n, s in known.items() if s["booted"] and s["boots"] >= boots[n]}
            for name in sorted(up - told):
                progress(name, "up")
            told |= up
            if up == set(boots):
                return
        raise self._not_ready(sorted(set(boots) - told), known)

    def _not_ready(self, names: list[str], states: dict[str, Any]) -> errors.NodeNotReady:
        name = names[0]
        problem = (states.get(name) or {}).get("problem")
        words = problem or self._last_words(name)
        return errors.NodeNotReady(
            f"{', '.join(names)} did not boot within {BOOT_DEADLINE_S:g} s. {name} says: {words}",
            hint="`lab doctor` looks for what this host lacks.",
        )

    def _last_words(self, node: str) -> str:
        argv = ["journalctl", "--no-pager", "-o", "cat", "-n", str(_JOURNAL_LINES)]
        try:
            return self.execute(node, argv, timeout_s=10).stdout.decode("utf-8", "replace")
        except errors.EngineError as exc:
            return str(exc)

    # --- changes ----------------------------------------------------------------

    def apply(self, steps: Iterable[Step]) -> None:
        """Carry out steps in order.

        Raises:
            ExecFailed: A script ended with an error; with what it printed.
        """
        for step in steps:
            if step.link is not None:
                self._change_link(step)
            elif step.write is not None:
                self._write(step)
            else:
                self._run(step)

    def _run(self, step: Step) -> None:
        assert step.node is not None
        assert step.run is not None
        done = self.execute(step.node, ["bash", "-euo", "pipefail", "-c", step.run])
        if done.exit_status:
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
            raise errors.ExecFailed(
                f"A step on {step.node} ended with status {done.exit_status}: {said}\n{step.run}"
            )

    def _write(self, step: Step) -> None:
        assert step.node is not None
        assert step.write is not None
        content = (step.content or "").encode()
        info = tarfile.TarInfo(step.write.lstrip("/"))
        info.size, info.mode = len(content), int(step.mode, 8)
        info.uid, info.gid = self._owner(step)
        info.mtime = int(time.time())
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            tar.addfile(info, io.BytesIO(content))
        with mapped():
            self.client.api.put_archive(self._container(step.node), "/", buffer.getvalue())

    def _owner(self, step: Step) -> tuple[int, int]:
        assert step.node is not None
        users = self.plan.lab.nodes[step.node].users
        user, _, group = step.owner.partition(":")

        def number(name: str) -> int:
            if name in users:
                return users[name].uid
            return 0 if name in {"", "root"} else int(name)

        return number(user), number(group or user)

    def _change_link(self, step: Step) -> None:
        change = step.model_dump(include={"down", "mtu", "loss", "rate"}, exclude_none=True)
        reply = self.line.request("link", cable=step.link, change=change)
        if "error" in reply:
            raise errors.WiringFailed(f"{step.link}: {reply['error']}")

    def execute(self, node: str, argv: Sequence[str], *, timeout_s: float = 60.0) -> ExecResult:
        """Run a program on a node, as root.

        Raises:
            ExecFailed: It did not end in time, or the node is off.
        """
        command = [*_ENVIRONMENT, "timeout", "-k", "1", f"{timeout_s:g}", *argv]
        try:
            with mapped():
                created = self.client.api.exec_create(self._container(node), command)
                out, err = self.client.api.exec_start(created["Id"], demux=True)
                status = self.client.api.exec_inspect(created["Id"])["ExitCode"]
        except errors.EngineError as exc:
            if isinstance(exc, errors.EngineUnavailable):
                raise
            raise errors.ExecFailed(f"{node} does not run anything: {exc}") from exc
        return ExecResult(int(status if status is not None else -1), out or b"", err or b"")

    def interactive(self, node: str, argv: Sequence[str]) -> int:
        """Run a program on a node with the user's terminal attached; returns its exit status."""
        return terminal.run(self.client, self._container(node), [*_ENVIRONMENT, *argv])

    def reboot(self, nodes: Iterable[str], progress: Progress) -> None:
        """Reboot nodes, all at once, and wait until they are up again.

        Raises:
            NodeNotReady: One does not come back.
        """
        names = list(nodes)
        before = self.states()
        for name in names:
            progress(name, "rebooting")

        def one(name: str) -> None:
            # As at a power switch: a machine whose init no longer listens restarts as well.
            with mapped():
                self.client.api.restart(self._container(name), timeout=_SHUTDOWN_S)

        with concurrent.futures.ThreadPoolExecutor(_WORKERS) as pool:
            list(pool.map(one, names))
        self.wait_until_up({name: before[name]["boots"] + 1 for name in names}, progress)

    def reset(self, progress: Progress) -> None:
        """Build all nodes again, healthy; the switchboard stays."""
        boots = {name: state["boots"] + 1 for name, state in self.states().items()}
        old = {n: c for n, c in self._containers.items() if n != containers.SWITCHBOARD}
        _remove_containers(self.client, old, progress)
        tags = images.ensure(self.client, _targets(self.plan), progress)

        def one(spec: NodePlan) -> tuple[str, str]:
            image = tags[images.Target(spec.image)]
            return spec.name, containers.create_node(
                self.client, image, self.plan, self.attempt, spec
            )

        with concurrent.futures.ThreadPoolExecutor(_WORKERS) as pool:
            self._containers |= dict(pool.map(one, self.plan.nodes.values()))
        self.wait_until_up(boots, progress)

    # --- listening ----------------------------------------------------------------

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
        switchboard = self._container(containers.SWITCHBOARD)
        device = self._device(place)
        return Capture(self.client, switchboard, device, filter_, text=text, count=count)

    def _device(self, place: str) -> str:
        wiring = containers.wiring_plan(self.plan, self.attempt)
        if place in wiring.segments:
            return wiring.segments[place]
        node, _, card = place.partition(":")
        for cable in wiring.nodes.get(node, []):
            if cable.card == card:
                return cable.port
        known = [*wiring.segments, *(f"{n}:{c.card}" for n, cs in wiring.nodes.items() for c in cs)]
        raise errors.UnknownName(f"There is no {place!r} to listen on. Known: {', '.join(known)}")
