"""The packets of a run: one capture file for each segment."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from lab_runner.engine.running import RunningLab

_FLUSH_S = 0.3


@contextlib.contextmanager
def recorded(lab: RunningLab, folder: Path | None) -> Iterator[None]:
    """Write what crosses each segment meanwhile to ``folder/<segment>.pcap``; None: nothing.

    Raises:
        OSError: The folder cannot be written.
    """
    if folder is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    recordings = [_Recording(lab, segment, folder / f"{segment}.pcap") for segment in lab.plan.segments]
    for recording in recordings:
        recording.started.wait(timeout=5)
    try:
        yield
    finally:
        for recording in recordings:
            recording.stop()


class _Recording:
    """One capture that runs until it is stopped."""

    def __init__(self, lab: RunningLab, segment: str, file: Path) -> None:
        self.started = threading.Event()
        self._ended = threading.Event()
        self._capture = lab.capture(segment, text=False)
        self._thread = threading.Thread(target=self._write, args=(file,), daemon=True)
        self._thread.start()

    def _write(self, file: Path) -> None:
        with file.open("wb") as out:
            for piece in self._capture:
                out.write(piece)
                out.flush()
                self.started.set()  # the file's header comes as soon as it listens
                if self._ended.is_set():
                    return

    def stop(self) -> None:
        self._ended.wait(_FLUSH_S)
        self._ended.set()
        self._thread.join(timeout=_FLUSH_S)
