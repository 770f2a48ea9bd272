"""A check: a sentence about the healthy network, and the probe that decides it."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field, model_validator

from lab_runner.models.parameters import Strict
from lab_runner.models.probes import (
    PROBES,
    ArpProbe,
    CaptureProbe,
    CommandProbe,
    DhcpProbe,
    DnsProbe,
    FileProbe,
    FtpProbe,
    HttpProbe,
    ListeningProbe,
    LoadProbe,
    NatProbe,
    PathProbe,
    PingProbe,
    PmtuProbe,
    Probe,
    ProcessProbe,
    SshProbe,
    SysctlProbe,
    TcpProbe,
    TelnetProbe,
    TlsProbe,
    UdpProbe,
)

#: No question may take longer, whatever its own time limits add up to, in seconds.
DEADLINE_S: Final = 20.0
#: The last question before a check is called red waits so many times longer for an answer.
LAST_WORD: Final = 3.0
IDENTIFIER = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"


class Check(Strict):
    """One thing that is true of a healthy network.

    Attributes:
        id: A sentence in kebab-case: ``desk-resolves-the-intranet``.
        title: The healthy fact in the learner's words.
        vantage: The node from which it is asked (``from`` in the file).
        within: Seconds that a red check is asked again before it counts.
        requires: Checks without which this one says nothing; skipped if one is red.
        needs: Optional nodes without which a lab does not have this health check.
        control: A check that uses the same instrument where it must succeed: a
            "must not" counts only if its control passed in the same run.
    """

    id: str = Field(pattern=IDENTIFIER)
    title: str = Field(min_length=8)
    vantage: str = Field(alias="from")
    within: float = Field(default=0.0, ge=0, le=60)
    requires: list[str] = Field(default_factory=list)
    needs: list[str] = Field(default_factory=list)
    control: str | None = None

    dns: DnsProbe | None = None
    tcp: TcpProbe | None = None
    udp: UdpProbe | None = None
    http: HttpProbe | None = None
    load: LoadProbe | None = None
    tls: TlsProbe | None = None
    ssh: SshProbe | None = None
    ftp: FtpProbe | None = None
    telnet: TelnetProbe | None = None
    ping: PingProbe | None = None
    arp: ArpProbe | None = None
    dhcp: DhcpProbe | None = None
    path: PathProbe | None = None
    pmtu: PmtuProbe | None = None
    nat: NatProbe | None = None
    capture: CaptureProbe | None = None
    listening: ListeningProbe | None = None
    process: ProcessProbe | None = None
    file: FileProbe | None = None
    sysctl: SysctlProbe | None = None
    command: CommandProbe | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_probe(cls, data: Any) -> Any:
        words = [word for word in PROBES if isinstance(data, dict) and data.get(word) is not None]
        if isinstance(data, dict) and len(words) != 1:
            raise ValueError(f"a check has exactly one probe of: {', '.join(PROBES)}")
        return data

    @property
    def word(self) -> str:
        """The probe's word: ``dns``, ``tcp`` and so on."""
        return next(word for word in PROBES if getattr(self, word) is not None)

    @property
    def probe(self) -> Probe:
        """What is asked."""
        probe: Probe = getattr(self, self.word)
        return probe

    @property
    def forbids(self) -> bool:
        """Is it red because frames were seen that must not be? No busy machine makes those up."""
        return self.capture is not None and self.capture.expect == "absent"

    @property
    def ends_in_silence(self) -> bool:
        """Is it green only after a time in which nothing came, so that asking it takes long?"""
        silent = {"blocked", "silent", "none", "absent"}
        return (
            self.capture is not None
            or self.arp is not None
            or self.dhcp is not None
            or self.load is not None
            or getattr(self.probe, "expect", None) in silent
            or getattr(self.probe, "data", None) == "failed"
            or "SILENCE" in getattr(self.probe, "rcode", ())
        )
