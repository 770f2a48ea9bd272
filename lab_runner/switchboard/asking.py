"""One probe: fork, join the node's network, give up every privilege, ask, answer."""

from __future__ import annotations

import os
import signal
import socket
import struct
import traceback
from dataclasses import dataclass
from typing import Any

from lab_runner.errors import ProbeError
from lab_runner.models.evidence import to_json
from lab_runner.models.probes import PROBES, Probe
from lab_runner.switchboard import namespaces, probes
from lab_runner.switchboard.children import write
from lab_runner.switchboard.vantage import NodeFiles, Vantage, root_of

_ETH_P_ALL = 0x0003
_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, _PACKET_MR_PROMISC = 263, 1, 1
_TAP_BUFFER = 4 << 20
#: Probes that read what only its owner may: any file, a user's known_hosts.
_READERS = ("file", "ssh")


@dataclass(frozen=True)
class Question:
    """What is asked, from where, and which devices it may listen on.

    Attributes:
        node: The vantage's name.
        pid: The vantage's PID 1.
        word: The probe's word.
        probe: The probe.
        devices: The switchboard's interface for each tap's name.
        user: The user id whose packets the node takes the question's for.
    """

    node: str
    pid: int
    word: str
    probe: Probe
    devices: dict[str, str]
    user: int


def parse(word: str, fields: dict[str, Any]) -> Probe:
    """A probe from the fields of a request.

    Raises:
        ProbeError: No such probe, or no such field: the two sides are of different versions.
    """
    if word not in PROBES:
        raise ProbeError(f"the switchboard has no probe {word!r}")
    try:
        return PROBES[word](**fields)
    except (TypeError, ValueError) as exc:
        raise ProbeError(f"the switchboard does not understand this {word} probe: {exc}") from exc


def tap_names(word: str, probe: Probe) -> list[str]:
    """The places on the switchboard that a probe listens on."""
    wanted = getattr(probes.load(word), "taps", None)
    return list(wanted(probe)) if wanted else []


def answer(question: Question, out: int) -> None:
    """Ask, and write the answer's JSON to ``out``. Runs in a forked child, which then ends."""
    try:
        reply: dict[str, Any] = {"result": _ask(question)}
    except ProbeError as exc:
        reply = {"error": str(exc)}
    except Exception:  # noqa: BLE001 - the child's last word: a broken instrument says so
        last = traceback.format_exc(limit=-3)
        reply = {"error": f"the {question.word} probe broke: {last}"}
    write(out, reply)


def _ask(question: Question) -> dict[str, Any]:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    module = probes.load(question.word)
    taps = {name: _tap(device) for name, device in question.devices.items()}
    files = NodeFiles(root_of(question.pid))
    network = os.open(f"/proc/{question.pid}/ns/net", os.O_RDONLY)
    namespaces.enter(network, namespaces.CLONE_NEWNET)
    os.close(network)
    keep: tuple[int, ...] = (namespaces.CAP_NET_RAW,)
    if question.word in _READERS:
        keep = (*keep, namespaces.CAP_DAC_READ_SEARCH)
    namespaces.drop_privileges(keep, question.user)
    at = Vantage(question.node, question.pid, files, taps)
    return to_json(question.word, module.ask(question.probe, at))


def _tap(device: str) -> socket.socket:
    """A socket that gets every frame that crosses a device (packet(7))."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _TAP_BUFFER)
    tap.bind((device, _ETH_P_ALL))
    index = socket.if_nametoindex(device)
    membership = struct.pack("iHH8s", index, _PACKET_MR_PROMISC, 0, b"")
    tap.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, membership)
    return tap
