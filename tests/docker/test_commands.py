"""A check that runs a program on a learner's machine runs the real one, or says that it is none."""

from __future__ import annotations

import pytest

from lab_runner.checker.run import run_checks
from lab_runner.engine.running import RunningLab
from lab_runner.models.checks import Check
from lab_runner.models.probes import CommandProbe
from lab_runner.models.results import CheckResult, Status
from tests.docker.conftest import quiet, said, switchboard, wait_for
from tests.docker.test_switchboard import states

_LIAR = "printf '#!/bin/sh\\necho trust me\\n' > {0}; chmod 755 {0}"


def asked(lab: RunningLab, output: str) -> CheckResult:
    probe = CommandProbe(argv=["hostname"], output=output)
    check = Check(
        **{"id": "says-its-name", "title": "It says its name", "from": "desk"}, command=probe
    )
    return run_checks(lab, checks=[check]).checks[0]


@pytest.fixture
def desk(lab: RunningLab) -> RunningLab:
    lab.reset(quiet, ["desk"])
    return lab


def test_a_machine_as_it_came_is_believed(desk: RunningLab) -> None:
    row = asked(desk, "^desk$")
    assert row.status is Status.PASSED, row.rationale


def test_a_program_put_before_the_image_s_is_not_run(desk: RunningLab) -> None:
    said(desk, "desk", _LIAR.format("/usr/local/bin/hostname"))
    assert said(desk, "desk", "hostname") == "trust me"
    assert asked(desk, "^trust me$").status is Status.FAILED
    row = asked(desk, "^desk$")
    assert row.status is Status.PASSED, row.rationale


@pytest.mark.parametrize(
    ("script", "named"),
    [
        (_LIAR.format("/usr/bin/hostname"), "/usr/bin/hostname"),
        (_LIAR.format("/bin/hostname"), "/usr/bin/hostname"),
        (_LIAR.format("/tmp/x") + "; ln -sf /tmp/x /usr/bin/hostname", "/usr/bin/hostname"),
        (_LIAR.format("/tmp/x") + "; ln -sf /tmp/x /etc/alternatives/awk", "/usr/bin/awk"),
        ("rm /usr/bin/id", "/usr/bin"),
        ("touch /etc/ld.so.preload", "/etc/ld.so.preload"),
        ("cp /usr/lib/*/libc.so.6 /tmp/c; cp /tmp/c $(ls /usr/lib/*/libc.so.6)", "libc.so.6"),
        ("mv /usr/bin /usr/bin.old; /usr/bin.old/cp -a /usr/bin.old /usr/bin", "/usr/bin"),
    ],
)
def test_a_program_that_is_not_the_image_s_proves_nothing(
    desk: RunningLab, script: str, named: str
) -> None:
    said(desk, "desk", script)
    row = asked(desk, ".")
    assert row.status is Status.FAILED, row.rationale
    assert "programs of desk are not those that it came with" in row.rationale
    assert named in row.rationale


@pytest.mark.parametrize(
    "script",
    [
        "mkdir -p /usr/local/sbin; echo x > /usr/local/sbin/at-boot",
        "echo '# x' >> /usr/lib/systemd/system/ssh.service",
        "echo 'net.ipv4.ip_forward=0' > /usr/lib/sysctl.d/60-x.conf",
        "ln -sf /dev/null /etc/systemd/system/ssh.service",
    ],
)
def test_what_people_change_to_repair_is_no_matter(desk: RunningLab, script: str) -> None:
    said(desk, "desk", script)
    row = asked(desk, "^desk$")
    assert row.status is Status.PASSED, row.rationale


def test_where_all_programs_look_new_nothing_can_be_said(desk: RunningLab) -> None:
    said(desk, "desk", "find /usr/bin /usr/sbin /usr/lib -exec touch -h {} +")
    row = asked(desk, "^desk$")
    assert row.status is Status.ERROR, row.rationale
    assert "clock" in row.rationale


def test_what_changed_is_known_after_a_reboot_and_to_a_new_switchboard(desk: RunningLab) -> None:
    said(desk, "desk", _LIAR.format("/usr/bin/hostname"))
    desk.client.api.restart(switchboard(desk), timeout=1)
    wait_for(lambda: states(desk).get("desk", {}).get("booted"), "desk to boot again", 60)
    assert asked(desk, ".").status is Status.FAILED
