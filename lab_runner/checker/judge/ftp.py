"""Conversations with FTP servers."""

from __future__ import annotations

from collections.abc import Iterator

from lab_runner.checker.judge.verdict import (
    Verdict,
    happened,
    place,
    quoted,
    unless,
    verdict,
)
from lab_runner.models.evidence import FtpEvidence
from lab_runner.models.probes import FtpProbe
from lab_runner.patterns import found


def judge_ftp(probe: FtpProbe, seen: FtpEvidence, vantage: str) -> Verdict:
    """Was the login as expected, and did the data connection come about?"""
    asked = f"{vantage} to {place(seen.target, seen.port)} as {probe.user}, {seen.mode} mode"
    return verdict(f"{asked}: {_said(seen)}", _unmet(probe, seen))


def _said(seen: FtpEvidence) -> str:
    if seen.outcome != "connected":
        return happened(seen.outcome, seen.failed)
    login = f"login {seen.login}" if seen.login else "no login"
    way = f" with {seen.data_address} port {seen.data_port}" if seen.data_address else ""
    data = f", data connection{way} {seen.data}" if seen.data else ""
    failed = f" ({seen.failed})" if seen.failed else ""
    return f"{login}{data}{failed}"


def _unmet(probe: FtpProbe, seen: FtpEvidence) -> Iterator[str | None]:
    yield unless(seen.login == probe.login, f"a login that is {probe.login}")
    if probe.login == "refused" or seen.login != "accepted":
        return
    if probe.data == "failed":
        yield unless(seen.data == "failed", "no data connection")
    else:
        met = seen.data == "opened" and seen.failed is None
        yield unless(met, f"all of the {probe.command} over a data connection")
    if probe.data_address is not None:
        yield unless(seen.data_address == probe.data_address, f"{probe.data_address} for data")
    if probe.content is not None and seen.data == "opened":
        met = seen.content is not None and found(probe.content, seen.content)
        yield unless(met, f"/{probe.content}/ in it, not {quoted(seen.content)}")
