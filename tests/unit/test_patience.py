"""The last question before a check is called red is asked with longer time limits."""

from __future__ import annotations

import dataclasses

import pytest

from lab_runner.models.checks import Check
from lab_runner.models.probes import (
    PROBES,
    CaptureProbe,
    FileProbe,
    HttpProbe,
    PathProbe,
    Probe,
    patient,
)

#: What a probe wants besides the fields without a default.
NEEDED: dict[str, dict[str, list[int]]] = {"pmtu": {"sizes": [1400]}}
WITHOUT_LIMIT = {"path", "listening", "process", "file", "sysctl", "capture"}


@pytest.mark.parametrize("word", sorted(set(PROBES) - WITHOUT_LIMIT))
def test_every_probe_that_waits_waits_longer(word: str) -> None:
    kind = PROBES[word]
    needed = {
        field.name: [] if "list" in str(field.type) else "1"
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    probe: Probe = kind(**needed, **NEEDED.get(word, {}))
    longer = patient(probe, 3.0)
    assert getattr(longer, "timeout_s") == 3 * getattr(probe, "timeout_s")  # noqa: B009
    assert dataclasses.replace(longer, timeout_s=getattr(probe, "timeout_s")) == probe  # type: ignore[call-arg]  # noqa: B009


def test_a_nested_question_waits_longer_too() -> None:
    probe = CaptureProbe(
        on="lan", filter="ip", during={"from": "pc1", "tcp": {"to": "x", "timeout_s": 1.0}}
    )
    assert patient(probe, 3.0).during == {"from": "pc1", "tcp": {"to": "x", "timeout_s": 3.0}}  # type: ignore[union-attr]
    assert probe.during["tcp"]["timeout_s"] == 1.0


def test_what_waits_for_nobody_is_the_same() -> None:
    for probe in (FileProbe(path="/etc/motd"), PathProbe(to="x")):
        assert patient(probe, 3.0) == probe


def test_nothing_else_changes() -> None:
    probe = HttpProbe(url="http://x/", timeout_s=1.0, status=[403], body="no")
    assert patient(probe, 2.0) == HttpProbe(url="http://x/", timeout_s=2.0, status=[403], body="no")


@pytest.mark.parametrize(
    ("probe", "forbids"),
    [
        ({"tcp": {"to": "x", "port": 22, "expect": "blocked"}}, False),
        ({"tcp": {"to": "x", "port": 22}}, False),
        ({"capture": {"on": "lan", "filter": "arp", "expect": "absent"}}, True),
        ({"capture": {"on": "lan", "filter": "arp"}}, False),
        ({"dns": {"qname": "x", "rcode": ["REFUSED"]}}, False),
    ],
)
def test_what_was_seen_and_must_not_be_is_not_asked_for_again(
    probe: dict[str, dict[str, object]], forbids: bool
) -> None:
    if "capture" in probe:
        probe["capture"]["during"] = {"from": "pc1", "ping": {"to": "y"}}
    check = Check.model_validate({"id": "one", "title": "A sentence", "from": "pc1", **probe})
    assert check.forbids == forbids
    assert check.ends_in_silence or not forbids
