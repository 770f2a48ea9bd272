"""An author's regular expression on what a peer said: a search that ends, whatever that was.

The checker judges with a library that can be told when to give up
(:mod:`lab_runner.patterns`). Here a signal does it, which Python's own ``re`` looks for while it
searches: a probe is a process of its own, with one thread.
"""

from __future__ import annotations

import re
import signal

from lab_runner.errors import ProbeError

#: Seconds of processor time, as for the checker.
_WITHIN_S = 1.0


class Endless(Exception):
    """It was not found in time."""


class Pattern:
    """A compiled pattern."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        """Compile it.

        Raises:
            ProbeError: It is no regular expression.
        """
        try:
            self._pattern = re.compile(pattern, flags)
        except re.error as exc:
            raise ProbeError(f"{pattern!r} is no regular expression: {exc}") from exc

    def found(self, text: str) -> bool:
        """Is there a match anywhere?

        Raises:
            Endless: It takes too long to say.
        """
        before = signal.signal(signal.SIGVTALRM, _give_up)
        signal.setitimer(signal.ITIMER_VIRTUAL, _WITHIN_S)
        try:
            return self._pattern.search(text) is not None
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)


def _give_up(_number: int, _frame: object) -> None:
    raise Endless
