"""What evidence means, without a network."""

from __future__ import annotations

import pytest

from lab_runner.checker.judge import judge
from lab_runner.errors import ProbeError
from lab_runner.models import evidence as seen
from lab_runner.models import probes as asked

WEB = seen.Target(name="web", address="10.0.0.80", source="dns")
UNKNOWN = seen.Target(name="web", address=None, source=None, problem="10.0.0.53: NXDOMAIN")


def dns(**fields: object) -> seen.DnsEvidence:
    answer = {"server": "10.0.0.53", "qname": "a.test", "transport": "udp", "rcode": "NOERROR"}
    exchange = seen.DnsAnswer(**answer | fields)
    return seen.DnsEvidence(exchanges=[exchange], final=[0], question_ms=[3.0])


def verdict(probe: asked.Probe, evidence: seen.Evidence) -> tuple[bool, str]:
    result = judge(probe, evidence, vantage="desk")
    return result.passed, result.rationale


@pytest.mark.parametrize(
    ("rdtype", "expected", "answered", "passed"),
    [
        ("A", ["10.0.0.1", "10.0.0.2"], ["10.0.0.2", "10.0.0.1"], True),
        ("A", ["10.0.0.1"], ["10.0.0.1", "10.0.0.2"], False),
        ("A", ["10.0.0.1"], ["10.0.0.11"], False),
        ("A", ["no address"], ["10.0.0.1"], False),
        ("AAAA", ["fd00:0:0::1"], ["fd00::1"], True),
        ("CNAME", ["Web.a.test"], ["web.A.test."], True),
        ("MX", ["10 mail.a.test"], ["10 mail.a.test."], True),
        ("MX", ["0 ."], ["0 ."], True),
        ("TXT", ["v=spf1 -all"], ['"v=spf1 -all"'], True),
        ("TXT", ["V=spf1 -all"], ['"v=spf1 -all"'], False),
        ("TXT", ["long text"], ['"long " "text"'], True),
        ("A", [], [], True),
        ("A", None, ["10.0.0.9"], True),
    ],
)
def test_records(
    rdtype: str, expected: list[str] | None, answered: list[str], passed: bool
) -> None:
    probe = asked.DnsProbe(qname="a.test", rdtype=rdtype, answer=expected)
    assert verdict(probe, dns(answer=answered))[0] is passed


@pytest.mark.parametrize(
    ("fields", "evidence", "rationale"),
    [
        (
            {"answer": ["10.0.0.80"]},
            {"rcode": "SERVFAIL"},
            "asked 10.0.0.53 for a.test A: SERVFAIL; expected 10.0.0.80",
        ),
        (
            {"answer": ["10.0.0.80"]},
            {"rcode": "NXDOMAIN"},
            "asked 10.0.0.53 for a.test A: NXDOMAIN (there is no such name); expected 10.0.0.80",
        ),
        (
            {"answer": ["10.0.0.80", "10.0.0.81"]},
            {},
            (
                "asked 10.0.0.53 for a.test A: the name exists, but has no A record "
                "(NOERROR, empty); expected 10.0.0.80 and 10.0.0.81"
            ),
        ),
        (
            {},
            {"rcode": None, "problem": "timeout"},
            "asked 10.0.0.53 for a.test A: no answer in time; expected NOERROR",
        ),
        (
            {"answer": []},
            {"answer": ["10.0.0.1"]},
            "asked 10.0.0.53 for a.test A: 10.0.0.1; expected no A record",
        ),
        (
            {"rcode": ["REFUSED", "SILENCE"]},
            {"answer": ["10.0.0.1"]},
            "asked 10.0.0.53 for a.test A: 10.0.0.1; expected REFUSED or no answer at all",
        ),
        (
            {"authoritative": True},
            {"answer": ["10.0.0.1"]},
            "asked 10.0.0.53 for a.test A: 10.0.0.1; expected an authoritative answer",
        ),
        (
            {"authoritative": False},
            {"answer": ["10.0.0.1"], "flags": ["QR", "AA"]},
            "asked 10.0.0.53 for a.test A: 10.0.0.1; expected a non-authoritative answer",
        ),
        (
            {"server": "10.0.0.53", "authenticated": True},
            {"answer": ["10.0.0.1"], "flags": ["QR", "RA"]},
            "asked 10.0.0.53 for a.test A: 10.0.0.1; expected a validated answer (AD)",
        ),
        (
            {"server": "10.0.0.53", "authenticated": False},
            {"answer": ["10.0.0.1"], "flags": ["QR", "RA", "AD"]},
            "asked 10.0.0.53 for a.test A: 10.0.0.1; expected no validated answer (AD)",
        ),
        (
            {"max_ms": 2.0},
            {"answer": ["10.0.0.1"]},
            "asked 10.0.0.53 for a.test A: 10.0.0.1 in 3 ms; expected at most 2.0 ms",
        ),
    ],
)
def test_what_a_red_dns_check_says(
    fields: dict[str, object], evidence: dict[str, object], rationale: str
) -> None:
    probe = asked.DnsProbe(**{"qname": "a.test"} | fields)
    assert verdict(probe, dns(**evidence)) == (False, rationale)


def test_what_a_green_dns_check_says() -> None:
    probe = asked.DnsProbe(qname="a.test", answer=["10.0.0.80"])
    green = (True, "asked 10.0.0.53 for a.test A: 10.0.0.80 in 3 ms")
    assert verdict(probe, dns(answer=["10.0.0.80"])) == green
    refused = asked.DnsProbe(qname="a.test", rcode=["refused", "SILENCE"])
    assert verdict(refused, dns(rcode="REFUSED"))[0]
    assert verdict(refused, dns(rcode=None, problem="timeout"))[0]


def test_one_wrong_answer_among_several_is_enough() -> None:
    right, wrong = dns(answer=["10.0.0.1"]).exchanges[0], dns(rcode="SERVFAIL").exchanges[0]
    several = seen.DnsEvidence(
        exchanges=[right, wrong, right], final=[0, 1, 2], question_ms=[1.0, 0.5, 2.0]
    )
    probe = asked.DnsProbe(qname="a.test", repeat=3)
    assert "SERVFAIL" in verdict(probe, several)[1]
    fine = seen.DnsEvidence(exchanges=[wrong, right], final=[1], question_ms=[0.5])
    assert verdict(probe, fine) == (True, "asked 10.0.0.53 for a.test A: 10.0.0.1 in 0.5 ms")


@pytest.mark.parametrize(
    "evidence",
    [
        seen.DnsEvidence(exchanges=[], final=[], question_ms=[]),
        seen.DnsEvidence(exchanges=[], final=[7], question_ms=[]),
    ],
)
def test_evidence_that_holds_nothing_cannot_be_judged(evidence: seen.DnsEvidence) -> None:
    with pytest.raises(ProbeError):
        verdict(asked.DnsProbe(qname="a.test"), evidence)


def test_evidence_of_another_probe_cannot_be_judged() -> None:
    with pytest.raises(ProbeError, match="DnsEvidence is no evidence of a tcp probe"):
        verdict(asked.TcpProbe(to="a", port=1), dns())


@pytest.mark.parametrize(
    ("expect", "met_by"),
    [
        ("open", {"open"}),
        ("refused", {"refused"}),
        ("silent", {"timeout"}),
        ("blocked", {"refused", "timeout", "unreachable"}),
    ],
)
@pytest.mark.parametrize("outcome", ["open", "refused", "timeout", "unreachable", "unresolved"])
def test_tcp_and_udp_outcomes(expect: str, met_by: set[str], outcome: str) -> None:
    target = UNKNOWN if outcome == "unresolved" else WEB
    tcp = seen.TcpEvidence(target=target, port=80, outcome=outcome)
    assert verdict(asked.TcpProbe(to="web", port=80, expect=expect), tcp)[0] is (outcome in met_by)
    if expect != "open":
        udp = seen.UdpEvidence(target=target, port=80, outcome=outcome)
        probe = asked.UdpProbe(to="web", port=80, expect=expect)
        assert verdict(probe, udp)[0] is (outcome in met_by)


def test_a_name_that_was_not_found_says_so() -> None:
    evidence = seen.TcpEvidence(target=UNKNOWN, port=22, outcome="unresolved", detail="NXDOMAIN")
    probe = asked.TcpProbe(to="web", port=22, expect="blocked")
    rationale = "desk to web port 22: the name was not found (NXDOMAIN); expected blocked"
    assert verdict(probe, evidence) == (False, rationale)


@pytest.mark.parametrize(
    ("outcome", "status", "passed"),
    [
        ("timeout", None, True),
        ("broken", None, True),
        ("timeout", 200, False),
        ("response", 403, False),
        ("tls", None, False),
        ("unresolved", None, False),
    ],
)
def test_http_is_blocked_only_without_any_response(
    outcome: str, status: int | None, passed: bool
) -> None:
    evidence = seen.HttpEvidence(url="http://web/", target=WEB, outcome=outcome, status=status)
    assert verdict(asked.HttpProbe(url="http://web/", expect="blocked"), evidence)[0] is passed


def test_a_broken_pattern_is_an_error_and_not_a_red_check() -> None:
    evidence = seen.TcpEvidence(target=WEB, port=1, outcome="open", banner="x")
    with pytest.raises(ProbeError, match="no regular expression"):
        verdict(asked.TcpProbe(to="web", port=1, banner="("), evidence)


@pytest.mark.parametrize(
    ("fields", "evidence", "passed"),
    [
        ({}, {"exit_status": 0}, True),
        ({}, {"exit_status": 1}, False),
        ({"exit_status": [1, 2]}, {"exit_status": 2}, True),
        ({}, {"exit_status": None, "problem": "timeout"}, False),
        ({"output": "^ok"}, {"exit_status": 0, "stdout": "fine\nok\n"}, True),
        ({"output": "^ok"}, {"exit_status": 0, "stderr": "ok"}, False),
    ],
)
def test_commands(fields: dict[str, object], evidence: dict[str, object], passed: bool) -> None:
    probe = asked.CommandProbe(argv=["true"], **fields)
    ended = seen.CommandEvidence(**{"argv": ["true"], "stdout": "", "stderr": ""} | evidence)
    assert verdict(probe, ended)[0] is passed


def test_a_script_is_not_repeated_to_whoever_reads_what_it_said() -> None:
    argv = ["bash", "-c", "for name in one two; do\n    ask $name\ndone\n"]
    ended = seen.CommandEvidence(argv=argv, exit_status=1, stdout="two is lost\n", stderr="")
    _, rationale = verdict(asked.CommandProbe(argv=argv), ended)
    assert rationale.startswith("bash -c … on ")
    assert 'exit status 1, "two is lost"' in rationale


@pytest.mark.parametrize(
    ("nested", "passed"),
    [
        ({"outcome": "timeout"}, True),
        ({"outcome": "unreachable", "detail": "ICMP 3/13 from 10.0.0.1"}, True),
        ({"outcome": "unreachable", "detail": "Network is unreachable"}, False),
        ({"outcome": "unresolved"}, False),
        ({"problem": "unreachable"}, False),
        ({"exchanges": [{"problem": "unreachable"}, {"problem": None}]}, True),
        ({"exchanges": [{"problem": "unreachable"}]}, False),
        ({}, True),
    ],
)
def test_absence_of_frames_needs_a_question_that_left(
    nested: dict[str, object], passed: bool
) -> None:
    evidence = seen.CaptureEvidence(
        on="uplink",
        filter="icmp",
        frames=0,
        summaries=[],
        frames_seen=2,
        during={"probe": "tcp", "from": "desk", "evidence": nested},
    )
    probe = asked.CaptureProbe(on="uplink", filter="icmp", during={}, expect="absent")
    assert verdict(probe, evidence)[0] is passed


def test_a_wildcard_covers_its_family() -> None:
    def listens(on: str, wanted: str) -> bool:
        evidence = seen.ListeningEvidence(port=53, protocol="udp", addresses=[on])
        return verdict(asked.ListeningProbe(port=53, protocol="udp", address=wanted), evidence)[0]

    assert listens("0.0.0.0", "10.0.0.1")
    assert not listens("0.0.0.0", "fd00::1")
    assert listens("::", "fd00::1")
    assert listens("::", "10.0.0.1")
    assert not listens("127.0.0.1", "10.0.0.1")


def test_an_end_of_validity_that_is_no_date() -> None:
    facts = seen.TlsFacts(verified=True, not_after="tomorrow")
    evidence = seen.TlsEvidence(
        target=WEB, port=443, server_name="web", outcome="handshake", facts=facts
    )
    with pytest.raises(ProbeError, match="no date"):
        verdict(asked.TlsProbe(to="web", days_left=1), evidence)


def test_every_rationale_is_one_line() -> None:
    evidence = seen.TcpEvidence(target=WEB, port=25, outcome="open", banner="220 a\n" * 100)
    _, rationale = verdict(asked.TcpProbe(to="web", port=25, banner="x"), evidence)
    assert "\n" not in rationale
    assert len(rationale) < 250
