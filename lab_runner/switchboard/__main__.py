"""``python3 -m lab_runner.switchboard``: what the switchboard's container runs."""

import asyncio

from lab_runner.switchboard.server import run

asyncio.run(run())
