"""What is found on the node itself: listening, process, file, sysctl, command."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from lab_runner.checker.judge.verdict import (
    Verdict,
    either,
    happened,
    listed,
    quoted,
    unless,
    verdict,
)
from lab_runner.models.evidence import (
    CommandEvidence,
    FileEvidence,
    ListeningEvidence,
    ProcessEvidence,
    SysctlEvidence,
)
from lab_runner.models.probes import (
    CommandProbe,
    FileProbe,
    ListeningProbe,
    ProcessProbe,
    SysctlProbe,
)
from lab_runner.patterns import found


def judge_listening(probe: ListeningProbe, seen: ListeningEvidence, vantage: str) -> Verdict:
    """Does something listen, on an address that covers the expected one?"""
    port = f"{seen.protocol.upper()} port {seen.port}"
    said = f"{vantage} listens on {port} of {listed(seen.addresses, 'no address')}"
    covering = [a for a in seen.addresses if probe.address is None or _covers(a, probe.address)]
    where = f" on {probe.address}" if probe.address else ""
    if probe.expect == "closed":
        return verdict(said, [unless(not covering, f"nothing to listen{where}")])
    return verdict(said, [unless(bool(covering), f"something to listen{where}")])


def _covers(listening: str, wanted: str) -> bool:
    """A wildcard covers its family; ``::`` covers IPv4 as well (RFC 3493 section 3.7)."""
    ours, theirs = ipaddress.ip_address(listening), ipaddress.ip_address(wanted)
    if ours.is_unspecified:
        return ours.version == 6 or theirs.version == 4
    return ours == theirs


def judge_process(probe: ProcessProbe, seen: ProcessEvidence, vantage: str) -> Verdict:
    """Is the program running?"""
    said = f"{seen.running} processes named {seen.name} on {vantage}"
    met = (seen.running > 0) is (probe.expect == "running")
    return verdict(said, [unless(met, "at least one" if probe.expect == "running" else "none")])


def judge_file(probe: FileProbe, seen: FileEvidence, vantage: str) -> Verdict:
    """Is the file there, and as it should be?"""
    said = f"{seen.path} on {vantage} is {_file(seen)}"
    if probe.expect == "absent":
        return verdict(said, [unless(seen.kind is None, "no such file")])
    if seen.kind is None:
        return verdict(said, ["a file"])
    return verdict(said, _file_unmet(probe, seen))


def _file(seen: FileEvidence) -> str:
    if seen.kind is None:
        return seen.problem or "not there"
    problem = f" ({seen.problem})" if seen.problem else ""
    return f"a {seen.kind} file, mode {seen.mode}, owner {seen.uid}{problem}"


def _file_unmet(probe: FileProbe, seen: FileEvidence) -> Iterator[str | None]:
    if probe.mode is not None:
        met = seen.mode is not None and int(seen.mode, 8) == int(probe.mode, 8)
        yield unless(met, f"mode {probe.mode}")
    if probe.uid is not None:
        yield unless(seen.uid == probe.uid, f"owner {probe.uid}")
    for pattern in probe.contains:
        yield unless(found(pattern, seen.content), f"a line with /{pattern}/")
    for pattern in probe.lacks:
        met = seen.content is not None and not found(pattern, seen.content)
        yield unless(met, f"no line with /{pattern}/")


def judge_sysctl(probe: SysctlProbe, seen: SysctlEvidence, vantage: str) -> Verdict:
    """Has the parameter one of the expected values?"""
    value = "not there" if seen.value is None else seen.value
    wanted = [" ".join(text.split()) for text in probe.value]
    met = seen.value is not None and (not wanted or seen.value in wanted)
    return verdict(f"{seen.key} on {vantage} is {value}", [unless(met, either(probe.value))])


def judge_command(probe: CommandProbe, seen: CommandEvidence, vantage: str) -> Verdict:
    """Did the node's own program end as expected?"""
    said = f"{_called(seen.argv)} on {vantage}: {_ending(seen)}"
    return verdict(said, _command_unmet(probe, seen))


def _called(argv: list[str]) -> str:
    """The command as one would type it; a script in it is not repeated to whoever reads this."""
    return " ".join("…" if "\n" in word.strip() else word for word in argv)


def _ending(seen: CommandEvidence) -> str:
    if seen.exit_status is None:
        return happened(seen.problem or "timeout", None)
    return f"exit status {seen.exit_status}, {quoted(seen.stdout or seen.stderr)}"


def _command_unmet(probe: CommandProbe, seen: CommandEvidence) -> Iterator[str | None]:
    yield unless(seen.exit_status in probe.exit_status, f"exit status {either(probe.exit_status)}")
    if probe.output is not None:
        yield unless(found(probe.output, seen.stdout), f"output with /{probe.output}/")
