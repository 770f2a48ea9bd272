"""A terminal's session on disk, as any player of asciicasts plays it.

The format is asciicast v2: a header, then one event a line: seconds from the beginning,
``o`` for output, ``r`` for a new size, ``m`` for a mark, and a text. What is typed is not kept
beside what is shown: passwords are typed and not shown.
"""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

from lab_runner.errors import StoreError

#: No session is kept further than this, in bytes: what somebody only looks at may be endless.
LIMIT: Final = 4 << 20
#: What stands at the end of one that was longer.
CUT: Final = "the rest was not kept"
_VERSION: Final = 2


@dataclass(frozen=True)
class Frame:
    """One event: ``after`` seconds, ``kind`` of ``o``, ``r`` or ``m``, and its text."""

    after: float
    kind: str
    text: str


class CastWriter:
    """Writes a session as it happens; each event is on disk when it is over.

    As long as it is open nobody else takes it for one that was left behind: see :func:`left`.
    """

    def __init__(self, path: Path, *, width: int, height: int, title: str = "") -> None:
        """Begin.

        Raises:
            StoreError: The file cannot be written.
        """
        self._began = time.monotonic()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._left, self._cut = LIMIT, False
        header = {"version": _VERSION, "width": width, "height": height}
        header |= {"timestamp": int(time.time())}
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as exc:
            raise StoreError(f"{path} cannot be written: {exc.strerror}.") from exc
        fcntl.flock(fd, fcntl.LOCK_EX)  # flock(2): the lock goes with the process
        self._file: IO[str] = os.fdopen(fd, "w", encoding="utf-8")
        self._line(header | ({"title": title} if title else {}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def output(self, data: bytes) -> None:
        """What was shown; a character that is cut in two waits for its other half."""
        text = self._decoder.decode(data)
        if text:
            self._event("o", text)

    def resized(self, width: int, height: int) -> None:
        """The terminal has another size now."""
        self._event("r", f"{width}x{height}")

    def mark(self, text: str) -> None:
        """Something that a player can jump to."""
        self._event("m", text)

    def finish(self) -> None:
        """Write what is left; the file is as it will stay."""
        rest = self._decoder.decode(b"", final=True)
        if rest:
            self._event("o", rest)

    def close(self) -> None:
        """End."""
        self.finish()
        self._file.close()

    def _event(self, kind: str, text: str) -> None:
        if self._left > 0:
            self._line([round(self.elapsed, 6), kind, text])
        elif not self._cut:
            self._cut = True
            self._line([round(self.elapsed, 6), "m", CUT])

    def _line(self, value: Any) -> None:
        line = json.dumps(value, ensure_ascii=False) + "\n"
        self._left -= len(line.encode())
        self._file.write(line)
        self._file.flush()


@contextlib.contextmanager
def left(path: Path) -> Iterator[bool]:
    """Is nobody writing it any more? As long as this lasts nobody else is told so.

    Raises:
        OSError: It cannot be opened.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(fd)


def frames(text: str) -> Iterator[Frame]:
    """The events of a cast; from a file that was cut off, those that are whole.

    Raises:
        ValueError: It is no asciicast of version 2.
    """
    header_of(text)
    for line in text.split("\n")[1:]:
        try:
            after, kind, shown = json.loads(line)
            yield Frame(float(after), str(kind), str(shown))
        except (ValueError, TypeError):
            return


def header_of(text: str) -> dict[str, Any]:
    """What stands in the first line of a cast: ``width``, ``height``, ``timestamp``.

    Raises:
        ValueError: It is no asciicast of version 2.
    """
    try:
        header = json.loads(text.partition("\n")[0])
    except ValueError:
        header = None
    if not isinstance(header, dict) or header.get("version") != _VERSION:
        raise ValueError("not an asciicast of version 2")
    return header
