"""``lab``, told apart into the steps by which it changes the world, and interrupted before one.

    python -m tests.chaos.interrupting TRACE [NUMBER SIGNAL SITE] -- WORDS…

Without a point it runs ``lab WORDS`` as it is, and writes each step's site into TRACE, one a
line. With one it sends itself the signal before the step of that number among those whose site
SITE, a regular expression, is found in, and says so in TRACE.

What is outside of this process changes by nothing but its steps: requests to the engine other
than those that only ask, what is written to a program in a container (the line to the
switchboard), files that are made, opened for writing, renamed or removed, statements that write
to the record, programs that are started. Killed before each of them, it leaves every state that
it can leave. No product code knows of this: steps are seen by Python's own audit hooks
(PEP 578), and where there are none by wrapping what does the step.
"""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

PACKAGE = str(Path(__file__).parents[2] / "lab_runner") + os.sep
#: How things get to the engine says nothing of who sends them.
_CARRIERS = ("engine/attached.py", "engine/line.py", "engine/docker.py")
#: So many callers tell one step from another.
_CALLERS = 3
_WRITES = os.O_WRONLY | os.O_RDWR
_FILES = {
    *("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"),
    *("shutil.rmtree", "shutil.move", "shutil.copyfile", "subprocess.Popen"),
}
#: What the trace says where the signal is sent.
REACHED = "reached\n"
_ASKS = ("GET", "HEAD")
_STATEMENT = re.compile(r"(?i)\s*(BEGIN|COMMIT|INSERT|DELETE|CREATE|ALTER|PRAGMA \w+ ?=)")

Step = Callable[[str], None]


class Steps:
    """Sees each step, and lets none but the one that is meant be interrupted."""

    def __init__(self, trace: str, at: tuple[int, signal.Signals, re.Pattern[str]] | None) -> None:
        self._trace = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._at = at
        self._count = 0
        self._turn = threading.Lock()

    def __call__(self, what: str, do: Callable[[], None] = lambda: None) -> None:
        """Tell of a step that comes now.

        Args:
            what: It happens to what.
            do: Brings about what is to be there when it is interrupted.
        """
        site = f"{what} @ {_callers()}"
        with self._turn:
            here = self._is_meant(site)
            os.write(self._trace, f"{site}\n{REACHED if here else ''}".encode())
        if self._at and here:
            do()
            os.kill(os.getpid(), self._at[1])

    def _is_meant(self, site: str) -> bool:
        if self._at is None or not self._at[2].search(site):
            return False
        self._count += 1
        return self._count == self._at[0]

    def watch(self) -> None:
        """From now on."""
        sys.addaudithook(self._audited)
        self._watch_record()
        self._watch_streams()

    def _audited(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "http.client.send":
            self._request(bytes(args[1]))
        elif event == "open":
            self._opened(*args)
        elif event in _FILES:
            self(event)

    def _request(self, data: bytes) -> None:
        """Head and body of a request are sent one after the other."""
        verb, path, *_ = (*data.split(b"\r\n", 1)[0].decode("latin-1").split(" "), "", "")
        if not path.startswith("/"):
            self("the body of a request")
        elif verb not in _ASKS:
            self(f"{verb} {re.sub(r'/[0-9a-f]{12,}', '/*', path.partition('?')[0])}")

    def _opened(self, path: object, _mode: object, flags: int) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)) or not flags & _WRITES:
            return
        name = os.fsdecode(path)
        if name.startswith(("/dev/", "/proc/")):
            return
        self("opening a file")
        if flags & (os.O_CREAT | os.O_TRUNC):
            # As the kernel leaves it, before the first byte is written.
            self("writing a file", lambda: os.close(os.open(name, flags, 0o600)))

    def _watch_record(self) -> None:
        step = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
                found = _STATEMENT.match(sql)
                if found:
                    step(f"the record: {found[1].upper()}")
                done = super().execute(sql, *rest)
                if found and found[1].upper() == "COMMIT":
                    # Nothing else outside tells this from the next step, but whoever ends
                    # orderly has to know that it is there.
                    step("the record: committed")
                return done

        sqlite3.connect = functools.partial(sqlite3.connect, factory=Connection)

    def _watch_streams(self) -> None:
        from lab_runner.engine.attached import Attached  # noqa: PLC0415 - the hooks come first

        send = Attached.send

        def watched(stream: Attached, data: bytes) -> None:
            self(f"to a container: {_asked(data)}")
            send(stream, data)

        Attached.send = watched  # type: ignore[method-assign]


def _asked(data: bytes) -> str:
    """What the switchboard is asked to do; other programs are given bytes."""
    try:
        return str(json.loads(data)["op"])
    except (ValueError, KeyError, TypeError):
        return "bytes"


def _callers() -> str:
    """The code of ours that does it, the innermost first."""
    found: list[str] = []
    frame: FrameType | None = sys._getframe()
    while frame is not None and len(found) < _CALLERS:
        name = frame.f_code.co_filename
        if name.startswith(PACKAGE) and not name.endswith(_CARRIERS):
            found.append(f"{name.removeprefix(PACKAGE)}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(found)


def main() -> None:
    """Run ``lab`` with what follows ``--``."""
    end = sys.argv.index("--")
    trace, *point = sys.argv[1:end]
    number, name, site = point or ("0", "SIGTERM", "")
    at = (int(number), signal.Signals[name], re.compile(site)) if point else None
    sys.argv = ["lab", *sys.argv[end + 1 :]]
    # Started in the background it would be deaf to Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.dont_write_bytecode = True
    from lab_runner.cli.main import main as lab  # noqa: PLC0415 - after what is said to Python

    Steps(trace, at).watch()
    lab()


if __name__ == "__main__":
    main()
