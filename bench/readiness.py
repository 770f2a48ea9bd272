"""When is the network ready? The one question that is asked of all ways: HTTP 200 by name."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import dns.message
import dns.rdatatype
from dns.exception import DNSException

from bench.figures import NotMeasured
from bench.network import CLIENT, NAME, ROUTER, SERVER, hurry
from lab_runner.switchboard.namespaces import CLONE_NEWNET, enter

#: It is asked again after so long at the latest.
_AGAIN_S = 0.01
#: A connection that is not made in this time is begun anew, and not a second later, as TCP would.
_CONNECTS_WITHIN_S = 0.05
_ANSWERS_WITHIN_S = 0.5
_DEADLINE_S = 60.0

_QUESTION = dns.message.make_query(NAME, dns.rdatatype.A).to_wire()

#: Where a machine's network namespace is; waits for it, or raises NotMeasured.
Finder = Callable[[str, float], Path]


class Readiness:
    """Asks from the client's network, from the moment at which there is one."""

    def __init__(self, find: Finder) -> None:
        """Begin to ask; the clock runs from here."""
        self.began = time.monotonic()
        self._find, self._until = find, self.began + _DEADLINE_S
        self._ready: float | None = None
        self._problem = "there is no answer by HTTP"
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._inside, args=(CLIENT, self._ask), daemon=True),
            threading.Thread(target=self._inside, args=(CLIENT, self._hurry), daemon=True),
            threading.Thread(target=self._inside, args=(ROUTER, self._hurry), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def seconds(self) -> float:
        """Wait until it is ready: the time that it took.

        Raises:
            NotMeasured: It does not get ready.
        """
        self._threads[0].join(max(0.0, self._until - time.monotonic()) + 1)
        self.end()
        if self._ready is None:
            raise NotMeasured(self._problem)
        return self._ready - self.began

    def end(self) -> None:
        """Stop asking."""
        self._over.set()
        for thread in self._threads:
            thread.join(2)

    def _inside(self, machine: str, work: Callable[[], None]) -> None:
        """Do something in a machine's network namespace; that is this thread's from then on."""
        try:
            with self._find(machine, self._until).open() as there:
                enter(there.fileno(), CLONE_NEWNET)
        except (NotMeasured, OSError) as exc:
            self._problem = str(exc)
            return
        work()

    def _going_on(self) -> bool:
        return not self._over.is_set() and time.monotonic() < self._until

    def _ask(self) -> None:
        while self._going_on():
            with contextlib.suppress(OSError), socket.socket(type=socket.SOCK_DGRAM) as asking:
                asking.connect((SERVER, 53))
                while self._going_on():
                    if (address := _address(asking)) and _is_served(address):
                        self._ready = time.monotonic()
                        self._over.set()
                        return
            time.sleep(_AGAIN_S)  # there is no network yet, or nobody who listens

    def _hurry(self) -> None:
        done: set[Path] = set()
        while self._going_on():
            done |= hurry(done)
            time.sleep(_AGAIN_S)


def _address(asking: socket.socket) -> str | None:
    """What the name server says of the name; None where it does not answer at once.

    An answer to the question before is as good: all are the same.

    Raises:
        OSError: Nobody listens, or there is no way there.
    """
    asking.send(_QUESTION)
    if not select.select([asking], [], [], _AGAIN_S)[0]:
        return None
    with contextlib.suppress(DNSException):
        answer = dns.message.from_wire(asking.recv(4096))
        return next((str(row) for rrset in answer.answer for row in rrset), None)
    return None


def _is_served(address: str) -> bool:
    """Is a page got from there?"""
    try:
        with socket.create_connection((address, 80), _CONNECTS_WITHIN_S) as server:
            server.settimeout(_ANSWERS_WITHIN_S)
            server.sendall(f"GET / HTTP/1.0\r\nHost: {NAME}\r\n\r\n".encode())
            return server.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False
