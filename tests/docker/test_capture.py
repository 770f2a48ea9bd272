"""Listening on a cable or a segment."""

from __future__ import annotations

import struct
import subprocess
import threading
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP
from scapy.utils import rdpcap

from lab_runner.checker.run import run_checks
from lab_runner.engine.capture import Capture
from lab_runner.engine.running import RunningLab
from lab_runner.errors import UnknownName, UsageError
from tests.docker.conftest import said, switchboard, wait_for

ECHO_REPLY, ECHO_REQUEST = 0, 8  # RFC 792
_PCAP_MAGIC = 0xA1B2C3D4  # draft-ietf-opsawg-pcap, section 4


def ping(lab: RunningLab) -> None:
    said(lab, "desk", f"ping -c 2 -i 0.2 {lab.plan.nodes['gw'].view.address}")


def listened(lab: RunningLab, capture: Capture) -> bytes:
    """What a capture of some pings writes; it ends by its own count."""

    pieces: list[bytes] = []
    reader = threading.Thread(target=lambda: pieces.extend(capture), daemon=True)
    reader.start()
    assert capture.listening.wait(30)
    ping(lab)
    reader.join(30)
    assert not reader.is_alive()
    return b"".join(pieces)


def tcpdumps(lab: RunningLab) -> int:
    """How many tcpdump programs run in the lab's switchboard."""
    top = subprocess.run(
        ["docker", "top", switchboard(lab), "-eo", "pid,comm"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return top.stdout.count("tcpdump")


@pytest.mark.parametrize("place", ["lan", "desk:eth0", "gw:eth0"])
def test_text(lab: RunningLab, place: str) -> None:
    text = listened(lab, lab.capture(place, "icmp", text=True, count=4)).decode()
    assert text.count("ICMP echo request") == 2
    assert text.count("ICMP echo reply") == 2


def test_pcap(lab: RunningLab) -> None:
    data = listened(lab, lab.capture("lan", "icmp[icmptype] == icmp-echo", text=False, count=2))
    (magic,) = struct.unpack("=L", data[:4])
    (linktype,) = struct.unpack("=L", data[20:24])
    assert (magic, linktype) == (_PCAP_MAGIC, 1)


def test_a_check_is_recorded_however_short_it_is(lab: RunningLab, tmp_path: Path) -> None:
    (check,) = [check for check in lab.plan.checks if check.id == "desk-reaches-the-router"]
    for turn in range(3):
        run_checks(lab, checks=[check], pcap=tmp_path / str(turn))
        packets = rdpcap(str(tmp_path / str(turn) / "lan.pcap"))
        kinds = [packet[ICMP].type for packet in packets if ICMP in packet]
        assert {ECHO_REPLY, ECHO_REQUEST} <= set(kinds), f"turn {turn}: {packets}"


def test_another_segment_hears_nothing_of_it(lab: RunningLab) -> None:
    with pytest.raises(UnknownName, match=r"no 'dm' to listen on\. Known: lan, dmz, desk:eth0"):
        lab.capture("dm", text=True)
    capture = lab.capture("dmz", "icmp", text=True)
    pieces = iter(capture)

    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.extend(pieces), daemon=True)
    reader.start()
    assert capture.listening.wait(30)
    ping(lab)
    capture.close()
    reader.join(10)
    assert not b"".join(heard).strip()


def test_a_filter_that_is_none(lab: RunningLab) -> None:
    with pytest.raises(UsageError, match="syntax error") as caught:
        list(lab.capture("lan", "port port port", text=True))
    assert "pcap-filter" in caught.value.hint


def test_closing_ends_the_program(lab: RunningLab) -> None:

    capture = lab.capture("lan", text=True)
    reader = threading.Thread(target=lambda: list(capture), daemon=True)
    reader.start()
    assert capture.listening.wait(30)
    assert tcpdumps(lab) == 1
    capture.close()
    capture.close()
    reader.join(10)
    assert not reader.is_alive()
    wait_for(lambda: tcpdumps(lab) == 0, "tcpdump ends")


def test_nothing_shows_on_the_node(lab: RunningLab) -> None:
    before = said(lab, "desk", "ip -d link show eth0; ps axo comm=")
    with_capture = lab.capture("desk:eth0", "icmp", text=True, count=4)
    listened(lab, with_capture)
    after = said(lab, "desk", "ip -d link show eth0; ps axo comm=")
    assert before == after
