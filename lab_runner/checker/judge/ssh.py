"""Conversations with SSH servers."""

from __future__ import annotations

from collections.abc import Iterator

from lab_runner.checker.judge.verdict import (
    Verdict,
    either,
    happened,
    listed,
    milliseconds,
    place,
    quoted,
    unless,
    verdict,
)
from lab_runner.models.evidence import SshEvidence
from lab_runner.models.probes import SshProbe
from lab_runner.patterns import found


def judge_ssh(probe: SshProbe, seen: SshEvidence, vantage: str) -> Verdict:
    """Host key, methods, login and output, each where the probe expects something."""
    asked = f"{vantage} to {probe.user} at {place(seen.target, seen.port)}"
    if seen.outcome != "connected":
        return verdict(f"{asked}: {happened(seen.outcome, seen.detail)}", ["an SSH server"])
    return verdict(f"{asked}: {', '.join(_said(probe, seen))}", _unmet(probe, seen))


def _said(probe: SshProbe, seen: SshEvidence) -> Iterator[str]:
    yield f"host key {seen.host_key_type} {seen.host_key}"
    if seen.known_hosts is not None:
        yield f"{_KNOWN.get(seen.known_hosts, seen.known_hosts)} {probe.known_hosts}"
    if seen.methods is not None:
        yield f"offers {listed(seen.methods, 'no method')}"
    if probe.lacks:
        yield f"has {listed(_banned(probe, seen), 'nothing that it must not have')}"
    if seen.login is not None:
        yield f"login {seen.login}"
    if probe.max_ms is not None and seen.login_ms is not None:
        yield f"it took {milliseconds(seen.login_ms)}"
    if seen.output is not None:
        yield f"the command said {quoted(seen.output)}"
    if seen.transfer is not None:
        yield f"the file transfer is {seen.transfer}"
    if seen.forwarding is not None:
        yield f"the connection to {probe.forward} is {seen.forwarding}"
    if seen.detail:
        yield f"then {happened(seen.detail, None)}"


def _banned(probe: SshProbe, seen: SshEvidence) -> list[str]:
    """What the server offers and must not, each once, in its order."""
    names = dict.fromkeys(name for names in (seen.offered or {}).values() for name in names)
    return [name for name in names if any(found(pattern, name) for pattern in probe.lacks)]


_KNOWN = {
    "match": "which is in",
    "changed": "which contradicts",
    "revoked": "which is revoked in",
    "unknown": "which is not in",
}


def _unmet(probe: SshProbe, seen: SshEvidence) -> Iterator[str | None]:
    if probe.host_key is not None:
        yield unless(seen.host_key == probe.host_key, f"host key {probe.host_key}")
    if probe.known_hosts is not None:
        yield unless(seen.known_hosts == "match", "a known host key")
    if probe.methods is not None:
        met = seen.methods is not None and set(seen.methods) == set(probe.methods)
        yield unless(met, f"exactly {listed(probe.methods, 'no method')}")
    if probe.login is not None:
        yield unless(seen.login == probe.login, f"login {probe.login}")
    if probe.max_ms is not None:
        met = seen.login_ms is not None and seen.login_ms <= probe.max_ms
        yield unless(met, f"no more than {milliseconds(probe.max_ms)}")
    if probe.output is not None:
        yield unless(found(probe.output, seen.output), f"output with /{probe.output}/")
    if probe.transfer is not None:
        yield unless(seen.transfer == probe.transfer, f"a file transfer that is {probe.transfer}")
    if probe.forwarding is not None:
        met = seen.forwarding == probe.forwarding
        yield unless(met, f"a connection that is {probe.forwarding}")
    if probe.lacks:
        met = seen.offered is not None and not _banned(probe, seen)
        yield unless(met, f"nothing like {either(probe.lacks)}")
