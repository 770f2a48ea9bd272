"""The clock of files, which is behind the other one by up to a tick."""

from __future__ import annotations

import time

#: CLOCK_REALTIME_COARSE (clock_gettime(2)), from which a file has its times; Linux alone has it.
_COARSE = 5


def tick() -> float:
    """A moment in seconds since the epoch, after every change until now and before all others."""
    now = time.time()
    for _ in range(1000):
        if time.clock_gettime(_COARSE) > now:
            return now
        time.sleep(0.001)
    raise AssertionError("The clock of files has stood still for a second.")
