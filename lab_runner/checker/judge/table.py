"""Which function judges which probe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab_runner.checker.judge.dns import judge_dns
from lab_runner.checker.judge.ftp import judge_ftp
from lab_runner.checker.judge.inside import (
    judge_command,
    judge_file,
    judge_listening,
    judge_process,
    judge_sysctl,
)
from lab_runner.checker.judge.link import judge_arp, judge_dhcp
from lab_runner.checker.judge.packets import (
    judge_capture,
    judge_nat,
    judge_path,
    judge_ping,
    judge_pmtu,
)
from lab_runner.checker.judge.ssh import judge_ssh
from lab_runner.checker.judge.streams import judge_http, judge_load, judge_tcp, judge_tls, judge_udp
from lab_runner.checker.judge.telnet import judge_telnet
from lab_runner.checker.judge.verdict import Verdict
from lab_runner.errors import ProbeError
from lab_runner.models.evidence import EVIDENCE, Evidence
from lab_runner.models.probes import PROBES, Probe

#: One function for each probe's word.
JUDGES: dict[str, Callable[[Any, Any, str], Verdict]] = {
    "dns": judge_dns,
    "tcp": judge_tcp,
    "udp": judge_udp,
    "http": judge_http,
    "load": judge_load,
    "tls": judge_tls,
    "ssh": judge_ssh,
    "ftp": judge_ftp,
    "telnet": judge_telnet,
    "ping": judge_ping,
    "arp": judge_arp,
    "dhcp": judge_dhcp,
    "path": judge_path,
    "pmtu": judge_pmtu,
    "nat": judge_nat,
    "capture": judge_capture,
    "listening": judge_listening,
    "process": judge_process,
    "file": judge_file,
    "sysctl": judge_sysctl,
    "command": judge_command,
}


def judge(probe: Probe, evidence: Evidence, *, vantage: str) -> Verdict:
    """Compare what was seen with what the probe expects.

    Raises:
        ProbeError: The evidence is another probe's, or cannot be judged.
    """
    word = next(word for word, kind in PROBES.items() if kind is type(probe))
    if not isinstance(evidence, EVIDENCE[word]):
        raise ProbeError(f"{type(evidence).__name__} is no evidence of a {word} probe")
    return JUDGES[word](probe, evidence, vantage)
