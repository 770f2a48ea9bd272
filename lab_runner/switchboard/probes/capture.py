"""What crosses a segment while something else is asked."""

from __future__ import annotations

import ctypes
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Any

from scapy.arch.common import compile_filter
from scapy.error import Scapy_Exception
from scapy.layers.inet import IP  # noqa: F401 - summaries name what the imported layers know
from scapy.layers.inet6 import IPv6  # noqa: F401 - as above
from scapy.layers.l2 import Ether

from lab_runner.errors import ProbeError
from lab_runner.models.evidence import CaptureEvidence, to_json
from lab_runner.models.probes import PROBES, CaptureProbe, Probe
from lab_runner.switchboard.probes import MODULES, load
from lab_runner.switchboard.probes._clock import Deadline
from lab_runner.switchboard.probes._frames import frames, next_frame, taps_of
from lab_runner.switchboard.probes._text import clean
from lab_runner.switchboard.vantage import Vantage

try:  # here and not when first needed: a probe without privileges imports nothing
    from scapy.libs import winpcapy
except OSError:
    winpcapy = None

_SUMMARIES = 20
_DLT_EN10MB = 1  # pcap-linktype(7)
_SNAPLEN = 65535
_STALE = 10_000
#: No nested question takes longer; the thread that listens ends by itself.
_LONGEST_S = 120.0
_SLICE_S = 0.03
_SOL_PACKET, _PACKET_STATISTICS = 263, 6  # packet(7)


def taps(probe: CaptureProbe) -> list[str]:
    """The place that is listened to, and what the nested probe needs."""
    word, nested = _nested(probe)
    module = load(word)
    return [probe.on, *(module.taps(nested) if hasattr(module, "taps") else [])]


def ask(probe: CaptureProbe, at: Vantage) -> CaptureEvidence:
    """Listen, ask the nested question, listen a little longer where that may still matter."""
    word, nested = _nested(probe)
    _same_vantage(probe, at)
    enough = probe.at_least if probe.expect == "present" else 1
    listener = _Listener(taps_of(at, probe.on), _compile(probe.filter), enough)
    listener.start()
    try:
        evidence = load(word).ask(nested, at)
        listener.linger(probe.linger_s)
    finally:
        listener.stop()
    return CaptureEvidence(
        on=probe.on,
        filter=probe.filter,
        frames=listener.matching,
        summaries=[clean(Ether(frame).summary(), 300) for frame in listener.first],
        frames_seen=listener.seen,
        during={"probe": word, "from": at.node, "evidence": to_json(word, evidence)},
    )


def _nested(probe: CaptureProbe) -> tuple[str, Probe]:
    """The question that is asked meanwhile.

    Raises:
        ProbeError: ``during`` does not hold exactly one that can be nested.
    """
    words = [word for word in probe.during if word != "from"]
    if len(words) != 1 or words[0] not in MODULES or words[0] == "capture":
        known = ", ".join(word for word in MODULES if word != "capture")
        raise ProbeError(f"during: holds exactly one probe of {known}")
    try:
        return words[0], PROBES[words[0]](**probe.during[words[0]])
    except (TypeError, ValueError) as exc:
        raise ProbeError(f"during: {words[0]}: {exc}") from exc


def _same_vantage(probe: CaptureProbe, at: Vantage) -> None:
    if probe.during.get("from", at.node) != at.node:
        raise ProbeError(f"during: is asked from the check's own vantage, {at.node}")


class _PcapHeader(ctypes.Structure):
    """What libpcap wants to know of a frame (pcap(3PCAP), struct pcap_pkthdr)."""

    _fields_ = (
        ("sec", ctypes.c_long),
        ("usec", ctypes.c_long),
        ("caplen", ctypes.c_uint32),
        ("len", ctypes.c_uint32),
    )


@dataclass(frozen=True)
class _Filter:
    """A pcap-filter(7) expression, applied here and not in the kernel.

    So one socket counts both what matches and what does not.
    """

    program: Any
    library: Any

    def matches(self, frame: bytes) -> bool:
        header = _PcapHeader(0, 0, len(frame), len(frame))
        answer: int = self.library.pcap_offline_filter(
            ctypes.byref(self.program), ctypes.byref(header), frame
        )
        return bool(answer)


def _compile(expression: str) -> _Filter:
    if winpcapy is None:
        raise ProbeError("the switchboard has no libpcap")
    try:
        program = compile_filter(expression, linktype=_DLT_EN10MB)
    except Scapy_Exception as exc:
        raise ProbeError(f"{expression!r} is no filter (pcap-filter(7))") from exc
    return _Filter(program, winpcapy._lib)  # noqa: SLF001 - scapy wraps all of libpcap but this


@dataclass
class _Listener:
    """Counts frames in a thread of its own, so that none is lost while the question is asked.

    Attributes:
        enough: Once so many frames match, more of them change nothing.
    """

    taps: list[socket.socket]
    filter: _Filter
    enough: int
    matching: int = 0
    seen: int = 0
    first: list[bytes] = field(default_factory=list)
    error: ProbeError | None = None
    _over: threading.Event = field(default_factory=threading.Event)
    _decided: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Forget what queued up before, then listen."""
        for tap in self.taps:
            _drain(tap)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def linger(self, seconds: float) -> None:
        """Wait for stragglers; no longer if enough match, or the listening has ended."""
        self._decided.wait(seconds)

    def stop(self) -> None:
        """End, read what still waits, and make sure that nothing was lost.

        Raises:
            ProbeError: The kernel dropped frames, or the tap failed.
        """
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        if self.error is not None:
            raise self.error
        if any(_lost(tap) for tap in self.taps):
            raise ProbeError("more frames crossed than could be read: the count would be wrong")

    def _run(self) -> None:
        """Listen in slices; the last one begins after the end was called."""
        longest = Deadline(_LONGEST_S)
        over = False
        try:
            while longest.left and not over:
                over = self._over.is_set()
                self._listen(Deadline(_SLICE_S))
        except ProbeError as exc:
            self.error = exc
        finally:
            self._decided.set()

    def _listen(self, moment: Deadline) -> None:
        for frame in frames(self.taps, moment):
            self.seen += 1
            if self.filter.matches(frame):
                self.matching += 1
                if self.matching >= self.enough:
                    self._decided.set()
                if len(self.first) < _SUMMARIES:
                    self.first.append(frame)


def _drain(tap: socket.socket) -> None:
    for _ in range(_STALE):
        if next_frame(tap) is None:
            break
    _lost(tap)


def _lost(tap: socket.socket) -> int:
    """Frames that the kernel dropped for want of room, since last asked (packet(7))."""
    if tap.family != socket.AF_PACKET:
        return 0
    raw = tap.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
    dropped: int = struct.unpack("=II", raw)[1]
    return dropped
