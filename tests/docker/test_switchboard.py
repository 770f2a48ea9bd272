"""Link faults, and a switchboard that is killed or restarted."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lab_runner.checker.run import run_checks
from lab_runner.engine.line import Line
from lab_runner.engine.running import RunningLab
from lab_runner.errors import SwitchboardLost
from lab_runner.models.results import Status
from lab_runner.models.scenario import Step
from tests.docker.conftest import (
    PATIENCE_S,
    back_again,
    boots,
    on_host,
    said,
    sh,
    switchboard,
    wait_for,
)

PING = "ping -q -c 2 -i 0.2 -W 1"


def reaches(lab: RunningLab, extra: str = "") -> bool:
    router = lab.plan.nodes["gw"].view.address
    return sh(lab, "desk", f"{PING} {extra} {router}").exit_status == 0


def reboot_desk(lab: RunningLab) -> None:
    before = boots(lab, "desk")
    sh(lab, "desk", "reboot -f")
    back_again(lab, before)


@pytest.mark.parametrize(
    ("fault", "cure"),
    [
        (Step(link="desk:eth0", down=True), Step(link="desk:eth0", down=False)),
        (Step(link="desk:eth0", loss=1.0), Step(link="desk:eth0", loss=0.0)),
    ],
)
def test_a_dead_link_stays_dead_over_a_reboot(lab: RunningLab, fault: Step, cure: Step) -> None:
    assert reaches(lab)
    lab.apply([fault])
    assert not reaches(lab)
    reboot_desk(lab)
    assert not reaches(lab)
    lab.apply([cure])
    assert reaches(lab, "-c 5")


def test_a_narrow_link_drops_what_is_too_long(lab: RunningLab) -> None:
    lab.apply([Step(link="desk:eth0", mtu=1300)])
    assert reaches(lab, "-M do -s 1200")
    assert not reaches(lab, "-M do -s 1400")
    reboot_desk(lab)
    assert not reaches(lab, "-M do -s 1400")
    lab.apply([Step(link="desk:eth0", mtu=1500)])
    assert reaches(lab, "-M do -s 1400")


def test_a_slow_link_is_slow_until_it_is_cured(lab: RunningLab) -> None:
    fetch = "curl -so /dev/null -w '%{time_total}' http://www.mini.test/big"
    said(lab, "web", "head -c 200000 /dev/zero > /srv/site/big")
    lab.apply([Step(link="desk:eth0", rate="1mbit")])
    slow = float(said(lab, "desk", fetch))
    lab.apply([Step(link="desk:eth0", rate="none")])
    fast = float(said(lab, "desk", fetch))
    assert slow > 1.0 > fast


def test_nothing_of_a_link_fault_shows_on_the_node(lab: RunningLab) -> None:
    look = "cat /sys/class/net/eth0/mtu; tc qdisc show dev eth0; nft list ruleset"
    before = said(lab, "desk", look)
    lab.apply([Step(link="desk:eth0", loss=0.5, mtu=1400, rate="10mbit")])
    assert said(lab, "desk", look) == before
    lab.apply([Step(link="desk:eth0", loss=0.0, mtu=1500, rate="none")])


# --- restarts ----------------------------------------------------------------------


def states(lab: RunningLab) -> dict[str, Any]:
    try:
        return lab.states()
    except SwitchboardLost:
        return {"switchboard": {"booted": False}}


def green_again(lab: RunningLab) -> None:
    """Through the same object: a lost line is opened again."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            red = [row for row in run_checks(lab).checks if row.status is not Status.PASSED]
        except SwitchboardLost as exc:
            red = [exc]
        if not red:
            return
        assert time.monotonic() < deadline, red
        time.sleep(0.5)


@pytest.mark.parametrize("way", ["restart", "kill"])
def test_a_lab_outlives_its_switchboard(own_lab: RunningLab, way: str) -> None:
    said(own_lab, "gw", "echo kept > /root/kept")
    own_lab.apply([Step(link="desk:eth0", loss=1.0), Step(link="web:eth0", loss=0.0)])
    if way == "restart":
        on_host("docker", "restart", "-t", "1", switchboard(own_lab))
    else:
        pid = on_host("docker", "inspect", "-f", "{{.State.Pid}}", switchboard(own_lab)).strip()
        on_host("kill", "-9", pid)
    wait_for(lambda: all(s["booted"] for s in states(own_lab).values()), "nodes are back")
    assert not reaches(own_lab)
    own_lab.apply([Step(link="desk:eth0", loss=0.0)])
    green_again(own_lab)
    assert said(own_lab, "gw", "cat /root/kept") == "kept"
    assert said(own_lab, "gw", "systemctl is-system-running --wait || true") == "running"


def test_a_line_notices_that_its_far_end_died(own_lab: RunningLab) -> None:
    line = Line(own_lab.client, switchboard(own_lab))
    line.request("hello")
    on_host("docker", "stop", "-t", "0", switchboard(own_lab))
    started = time.monotonic()
    with pytest.raises(SwitchboardLost, match="does not answer"):
        line.request("hello", timeout_s=20)
    assert time.monotonic() - started < 15
    line.close()


def test_checks_without_a_switchboard_end_soon(own_lab: RunningLab) -> None:
    run_checks(own_lab)
    on_host("docker", "stop", "-t", "0", switchboard(own_lab))
    started = time.monotonic()
    # An engine may end the line to it before the container is stopped, or after.
    try:
        statuses = {row.status for row in run_checks(own_lab).checks}
    except SwitchboardLost:
        statuses = {Status.ERROR}
    assert Status.ERROR in statuses
    assert time.monotonic() - started < 30


def test_an_unknown_request_is_answered(lab: RunningLab) -> None:
    assert "KeyError" in lab.line.request("nonsense", timeout_s=10)["error"]
    question = {"check": "x", "from": "desk", "word": "dns", "probe": {"quiz": 1}, "deadline_s": 5}
    answer = lab.line.request("ask", timeout_s=10, **question)
    assert "does not understand this dns probe" in answer["error"]
