"""Forked children: what they write before they end is their answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lab_runner.switchboard import namespaces
from lab_runner.switchboard.disk import Laying
from lab_runner.switchboard.protocol import LINE_LIMIT

_POWER_ON_S = 30.0
_FORGET_S = 20.0
#: Programs, each with what it reads; what one kernel does not keep is nothing to forget.
_FORGET = (
    (("ip", "-force", "-batch", "-"), b"neighbour flush all\ntcp_metrics flush all\n"),
    # What routers advertise is an address for a while and a way out (RFC 4862 section 5.5).
    (
        ("ip", "-6", "-force", "-batch", "-"),
        b"address flush dynamic\nroute flush proto ra\nroute flush cache\n",
    ),
)
#: Path MTUs and redirects of IPv4, as ``ip route flush cache`` would, which goes by a /proc/sys
#: that is read-only here and writable in a node.
_FLUSH = "/proc/{pid}/root/proc/sys/net/ipv4/route/flush"


async def in_child(action: Callable[[int], None], deadline_s: float) -> dict[str, Any]:
    """Run ``action`` in a forked child; what it writes is its answer."""
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        _end_with(action, receive, send)
    os.close(send)
    try:
        data = await asyncio.wait_for(_read_all(receive), deadline_s)
    except TimeoutError:
        return {"error": f"no answer from the instrument in {deadline_s:g} s"}
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)  # noqa: ASYNC222 - it was just killed
    try:
        reply: dict[str, Any] = json.loads(data)
    except ValueError:
        return {"error": "the instrument broke off"}
    return reply


def write(out: int, reply: Mapping[str, Any]) -> None:
    """A child's answer, whole."""
    data = json.dumps(reply).encode()
    while data:
        data = data[os.write(out, data) :]


async def _read_all(fd: int) -> bytes:
    reader = asyncio.StreamReader(limit=LINE_LIMIT)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb")
    )
    try:
        return await reader.read(-1)
    finally:
        transport.close()


def _end_with(action: Callable[[int], None], receive: int, send: int) -> None:
    """The child's whole life: it never comes back into its parent's loop."""
    try:
        os.close(receive)
        # A node's disk and its kernel's tables are as large as a learner makes them.
        namespaces.limit_memory()
        action(send)
    except BaseException:  # noqa: BLE001 - whatever it is, the child ends here
        sys.stderr.write(traceback.format_exc())
    finally:
        os._exit(0)


async def power_on(pid: int, lay: Laying | None) -> None:
    """Write on a node's disk what it waited for, prepare the node and let it boot.

    Raises:
        OSError: It could not be.
    """

    def child(out: int) -> None:
        try:
            if lay is not None:
                lay(pid)
            namespaces.prepare_and_power_on(pid)
            write(out, {"result": True})
        except OSError as exc:
            write(out, {"error": str(exc)})

    reply = await in_child(child, _POWER_ON_S)
    if "error" in reply:
        raise OSError(reply["error"])


async def forget_neighbours(pids: Iterable[int]) -> None:
    """Empty what nodes' kernels have learnt of others.

    That is neighbours, path MTUs, TCP's metrics, and addresses and routes that a router advertised.

    Args:
        pids: The PID 1 of each.
    """

    def child(_out: int) -> None:
        for pid in pids:
            with contextlib.suppress(OSError):  # it is off meanwhile
                _forget(pid)

    await in_child(child, _FORGET_S)


def _forget(pid: int) -> None:
    fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    namespaces.enter(fd, namespaces.CLONE_NEWNET)
    os.close(fd)
    with contextlib.suppress(OSError), open(_FLUSH.format(pid=pid), "w") as flush:
        flush.write("1")
    for argv, told in _FORGET:
        subprocess.run(argv, input=told, capture_output=True, check=False)


_background: set[asyncio.Task[Any]] = set()


def spawn(work: Any) -> None:
    """Start something whose end nobody waits for; a task that nobody holds may vanish."""
    task = asyncio.ensure_future(work)
    _background.add(task)
    task.add_done_callback(_background.discard)
