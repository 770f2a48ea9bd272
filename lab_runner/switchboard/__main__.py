"""``python3 -m lab_runner.switchboard``: what the switchboard's container runs."""

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
from functools import partial
from importlib import import_module

from lab_runner.switchboard import namespaces, probes
from lab_runner.switchboard.protocol import LINE_LIMIT, PLAN_VARIABLE, SOCKET, WiringPlan
from lab_runner.switchboard.server import Switchboard


async def run() -> None:
    """Serve until SIGTERM."""
    namespaces.switch_ipv6_off()
    switchboard = Switchboard(WiringPlan.from_json(json.loads(os.environ[PLAN_VARIABLE])))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(SOCKET)
    server = await asyncio.start_unix_server(switchboard.serve, SOCKET, limit=LINE_LIMIT)
    wiring = asyncio.create_task(switchboard.keep_wired())
    wiring.add_done_callback(_fail_loudly)
    await _warm_up(switchboard)
    await stop.wait()
    server.close()


async def _warm_up(switchboard: Switchboard) -> None:
    """Import the libraries of this lab's probes once, so that forks find them; nodes come first."""
    await switchboard.all_wired()
    words = [word for word in probes.MODULES if word in switchboard.plan.words]
    if not probes.WITH_SCAPY.isdisjoint(words):
        # It reads all interfaces and routes when it is imported, and nobody asks it for them.
        namespaces.without_network(partial(import_module, "scapy.layers.inet6"))
    for word in words:
        probes.load(word)
        await asyncio.sleep(0)  # a node that says meanwhile that it is up is heard
    # A collection in a forked child would write to, and so copy, every page it shares.
    gc.collect()
    gc.freeze()


def _fail_loudly(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        sys.stderr.write(f"wiring ended: {task.exception()!r}\n")
        os._exit(1)  # the restart policy brings a new one, which wires again


asyncio.run(run())
