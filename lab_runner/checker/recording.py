"""The packets of a run: one capture file for each segment."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from lab_runner.engine.running import RunningLab
from lab_runner.writing import not_written

_START_S = 5.0


@contextlib.contextmanager
def recorded(lab: RunningLab, folder: Path | None) -> Iterator[None]:
    """Write what crosses each segment meanwhile to ``folder/<segment>.pcap``; None: nothing.

    Raises:
        NoRoom: The disk is full.
        UsageError: The folder cannot be written for another reason.
    """
    if folder is None:
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise not_written(folder, exc) from exc
    recordings = [
        _Recording(lab, segment, folder / f"{segment}.pcap") for segment in lab.plan.segments
    ]
    for recording in recordings:
        recording.capture.listening.wait(timeout=_START_S)
    try:
        yield
    finally:
        for recording in recordings:
            recording.stop()
    for recording in recordings:
        if recording.problem is not None:
            raise not_written(recording.file, recording.problem) from recording.problem


class _Recording:
    """One capture that is written to a file until it is stopped."""

    def __init__(self, lab: RunningLab, segment: str, file: Path) -> None:
        self.capture = lab.capture(segment, text=False)
        self.file = file
        self.problem: OSError | None = None
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def _write(self) -> None:
        try:
            with self.file.open("wb") as out:
                for piece in self.capture:
                    out.write(piece)
        except OSError as exc:
            self.problem = exc

    def stop(self) -> None:
        self.capture.close()
        self._thread.join(timeout=_START_S)
