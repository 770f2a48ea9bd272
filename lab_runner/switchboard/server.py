"""The switchboard itself: wires nodes as they appear, and answers over its socket.

One process, one thread (asyncio), because it forks for every probe and a fork of
a process with threads may inherit a held lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from lab_runner.errors import ProbeError
from lab_runner.switchboard import asking, namespaces
from lab_runner.switchboard.children import forget_neighbours, in_child, power_on, spawn
from lab_runner.switchboard.configuration import Handover
from lab_runner.switchboard.identities import Identities
from lab_runner.switchboard.lookout import Lookout, waits_for_power
from lab_runner.switchboard.protocol import VERSION, WiringPlan
from lab_runner.switchboard.state import LINKS, NodeState, stored
from lab_runner.switchboard.strain import Strain
from lab_runner.switchboard.waiting import FRESH, Waiting
from lab_runner.switchboard.wiring import WHOLE, Wiring

#: At most so many probes at once; more would only wait for each other.
_PARALLEL = 64
_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
_SCAN_EVERY_S = 0.04
_SCAN_LAZILY_S = 0.25
_SCAN_EAGERLY_FOR_S = 30.0
_READY_SOCKET = "\0lab/ready"


class Switchboard:
    """All state of one lab's switchboard."""

    def __init__(self, plan: WiringPlan) -> None:
        self.plan = plan
        self.wiring = Wiring(plan.segments)
        self.nodes = {name: NodeState() for name in plan.nodes}
        self._handover = Handover(self.nodes)
        self._lookout = Lookout(plan.tokens)
        self._own_network = os.open("/proc/self/ns/net", os.O_RDONLY)
        self._changed = asyncio.Condition()
        self._slots = asyncio.Semaphore(_PARALLEL)
        self._strain = Strain()
        self._identities = Identities()
        self._links: dict[str, dict[str, Any]] = stored(LINKS, {})
        self._waiting = Waiting(plan.nodes)
        self._found: dict[str, int] = {}
        self._operations: dict[str, Callable[[dict[str, Any]], Awaitable[Any]]] = {
            "hello": self._hello,
            "wait": self._wait,
            "ask": self._ask,
            "link": self._link,
            "new": self._renew,
            "disk": self._waiting.take_disk,
            "forget": self._forget,
            "hold": self._waiting.hold_for_changes,
            "replay": self._waiting.take_changes,
            "note_disks": self._handover.note_disks,
            "hand_over": self._handover.hand_over,
            "disk_changes": self._handover.disk_changes,
            "changes": self._handover.changes,
            "standing": self._handover.standing,
            "kernels": self._handover.kernels,
            "altered": self._handover.altered,
        }

    # --- nodes that come and go -------------------------------------------------

    async def keep_wired(self) -> None:
        """Look for nodes that are off, for ever, and wire each as it appears."""
        while True:
            off = [state for state in self.nodes.values() if state.pid is None]
            if off:
                self._notice()
                for name in [name for name in self._found if self._waiting.may_boot(name)]:
                    await self._wire(name, self._found.pop(name))
            await asyncio.sleep(self._pause(off))

    async def all_wired(self) -> None:
        """Wait until every node was wired once."""
        async with self._changed:
            await self._changed.wait_for(lambda: all(state.boots for state in self.nodes.values()))

    def _pause(self, off: list[NodeState]) -> float:
        now = time.monotonic()
        eager = any(now - state.off_since < _SCAN_EAGERLY_FOR_S for state in off)
        return _SCAN_EVERY_S if eager else _SCAN_LAZILY_S

    def _notice(self) -> None:
        found = self._lookout.look()
        self._found |= {n: pid for n, pid in found.items() if self.nodes[n].pid is None}

    async def _wire(self, name: str, pid: int) -> None:
        state = self.nodes[name]
        if not waits_for_power(pid):
            # Its cables went with an earlier switchboard. A machine that runs is
            # rebooted, as at a power cut: systemd takes SIGINT for ctrl-alt-del.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
            return
        try:
            pidfd = os.pidfd_open(pid)
            state.ready = self._listen_for_ready(name, pid)
            self.wiring.plug(self.plan.nodes[name], f"/proc/{pid}/ns/net")
            self._impair_again(name)
            await power_on(pid, self._waiting.brought(name))
        except OSError as exc:
            await self._note(name, problem=str(exc))
            return
        if self._waiting.settle(name):
            self._handover.laid(name)
        loop = asyncio.get_running_loop()
        loop.add_reader(pidfd, self._gone, name, pidfd)
        state.boots += 1
        await self._note(name, pid=pid, booted=False, problem=None)

    def _listen_for_ready(self, name: str, pid: int) -> socket.socket:
        """A socket in the node's network namespace, where systemd says READY=1 (sd_notify(3))."""

        def bind() -> socket.socket:
            ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            ready.bind(_READY_SOCKET)
            return ready

        self._close_ready(name)
        fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        try:
            ready = namespaces.within_network(fd, self._own_network, bind)
        finally:
            os.close(fd)
        asyncio.get_running_loop().add_reader(ready, self._heard, name, ready)
        return ready

    def _heard(self, name: str, ready: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if b"READY=1" in ready.recv(4096).split(b"\n"):
                spawn(self._note(name, booted=True))

    def _gone(self, name: str, pidfd: int) -> None:
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
        self._close_ready(name)
        self._lookout.forget()
        self.nodes[name].off_since = time.monotonic()
        spawn(self._note(name, pid=None, booted=False))

    def _close_ready(self, name: str) -> None:
        state = self.nodes[name]
        if state.ready is not None:
            asyncio.get_running_loop().remove_reader(state.ready)
            state.ready.close()
            state.ready = None

    async def _note(self, name: str, **facts: Any) -> None:
        async with self._changed:
            for key, value in facts.items():
                setattr(self.nodes[name], key, value)
            self._changed.notify_all()

    # --- requests ---------------------------------------------------------------

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests, each as soon as it is ready."""
        tasks: set[asyncio.Task[None]] = set()
        with contextlib.suppress(ConnectionError, asyncio.LimitOverrunError):
            while line := await reader.readline():
                task = asyncio.create_task(self._answer(line, writer))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        for task in tasks:
            task.cancel()
        writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        request = json.loads(line)
        try:
            operation = self._operations[request["op"]]
            reply = await operation(request)
        except Exception as exc:  # noqa: BLE001 - whoever asked is waiting for an answer
            reply = {"error": f"{type(exc).__name__}: {exc}"}
        with contextlib.suppress(ConnectionError):
            writer.write(json.dumps({"id": request.get("id"), **reply}).encode() + b"\n")
            await writer.drain()

    async def _hello(self, _request: dict[str, Any]) -> dict[str, Any]:
        states = {name: state.to_json() for name, state in self.nodes.items()}
        limit = stored(_INOTIFY, None)
        told = {"version": VERSION, "nodes": states, "inotify_instances": limit}
        return {"result": told | {"handed_over": self._handover.done}}

    async def _wait(self, request: dict[str, Any]) -> dict[str, Any]:
        """Wait until nodes have booted at least so often, or the time is over; then say how it is.

        ``{"boots": {"gw": 1}, "within_s": 20, "known": {...}}``; with ``known`` (the states
        of an earlier answer) also until anything changed.
        """
        wanted: dict[str, int] = request["boots"]
        known: dict[str, Any] | None = request.get("known")

        def enough() -> bool:
            if known is not None and known != self._states(wanted):
                return True
            return all(
                self.nodes[name].booted and self.nodes[name].boots >= count
                for name, count in wanted.items()
            )

        async with self._changed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait_for(enough), request["within_s"])
        return {"result": self._states(wanted)}

    def _states(self, names: dict[str, int]) -> dict[str, Any]:
        return {name: self.nodes[name].to_json() for name in names}

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        state = self.nodes[request["from"]]
        if state.pid is None:
            return {"off": True}
        word = request["word"]
        probe = asking.parse(word, request["probe"])
        devices = self._devices(asking.tap_names(word, probe))
        user = self._identities.of(request["from"], request["check"])
        question = asking.Question(request["from"], state.pid, word, probe, devices, user)
        async with self._slots:
            with self._strain.watched() as span:
                reply = await in_child(
                    lambda out: asking.answer(question, out), float(request["deadline_s"])
                )
        return {**reply, "strain": span.strain}

    def _devices(self, names: list[str]) -> dict[str, str]:
        """The interface for each tap: a segment's bridge, a cable's port, all of a node's."""
        devices: dict[str, str] = {}
        for name in names:
            node, _, card = name.partition(":")
            if name in self.plan.segments:
                devices[name] = self.plan.segments[name]
            elif node in self.plan.nodes:
                for cable in self.plan.nodes[node]:
                    if card in ("", cable.card):
                        devices[f"{node}:{cable.card}"] = cable.port
            else:
                raise ProbeError(f"there is no segment or cable {name!r}")
        return devices

    async def _link(self, request: dict[str, Any]) -> dict[str, Any]:
        self.wiring.impair(self._port(request["cable"]), request["change"])
        self._links.setdefault(request["cable"], {}).update(request["change"])
        LINKS.write_text(json.dumps(self._links))
        return {"result": True}

    def _port(self, cable: str) -> str:
        node, _, card = cable.partition(":")
        ports = [c.port for c in self.plan.nodes.get(node, []) if c.card == card]
        if not ports:
            raise ProbeError(f"there is no cable {cable!r}")
        return ports[0]

    async def _renew(self, request: dict[str, Any]) -> dict[str, Any]:
        """These nodes are about to be created anew: their next boot waits for a disk.

        Their cables are whole again.
        """
        names = set(request["nodes"])
        self._handover.void()
        self._waiting.hold(names, FRESH)
        for cable in [cable for cable in self._links if cable.partition(":")[0] in names]:
            with contextlib.suppress(OSError):  # it went with its node
                self.wiring.impair(self._port(cable), WHOLE)
            del self._links[cable]
        LINKS.write_text(json.dumps(self._links))
        return {"result": True}

    async def _forget(self, request: dict[str, Any]) -> dict[str, Any]:
        """The kernels of these nodes forget what they have learnt from the network."""
        pids = [self.nodes[name].pid for name in request["nodes"]]
        await forget_neighbours([pid for pid in pids if pid])
        return {"result": True}

    def _impair_again(self, name: str) -> None:
        for cable in self.plan.nodes[name]:
            change = self._links.get(f"{name}:{cable.card}")
            if change:
                self.wiring.impair(cable.port, change)
