"""The one time limit of a question: nothing a peer does can stretch it."""

from __future__ import annotations

import time


class Deadline:
    """A moment after which nobody waits any longer."""

    def __init__(self, seconds: float) -> None:
        self._start = time.monotonic()
        self._end = self._start + seconds

    @property
    def left(self) -> float:
        """Seconds that are left, never negative."""
        return max(0.0, self._end - time.monotonic())

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the start."""
        return round((time.monotonic() - self._start) * 1000, 3)

    def need(self) -> float:
        """Seconds that are left, for a socket's timeout.

        Raises:
            TimeoutError: None are; a timeout of 0 would mean "do not block".
        """
        if not self.left:
            raise TimeoutError("the time is over")
        return self.left
