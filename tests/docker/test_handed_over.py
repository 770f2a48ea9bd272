"""Was a lab's configuration changed since it was handed over?"""

from __future__ import annotations

import threading
import time

import pytest

from lab_runner.checker.handed_over import hand_over, unchanged
from lab_runner.checker.whole import require_whole
from lab_runner.engine.running import RunningLab
from lab_runner.errors import ExecFailed, NodeOff, NotHandedOut
from lab_runner.models.results import Status
from lab_runner.planning.plan import Plan
from tests.docker.conftest import quiet, said, wait_for
from tests.docker.test_switchboard import states

CHANGES = [
    ("desk", "echo 192.0.2.1 x >> /etc/hosts", "desk: /etc/hosts"),
    ("gw", "chmod 600 /etc/passwd", "gw: /etc/passwd"),
    ("web", "ln -s nowhere /etc/link", "web: /etc/link"),
    ("web", "rm /etc/motd", "web: /etc/motd"),
    ("gw", "nft add table ip x", "gw: (kernel) firewall"),
    ("desk", "ip route add 198.18.0.0/15 dev lo", "desk: (kernel) routes"),
    ("desk", "ip address add 192.0.2.7/32 dev eth0", "desk: (kernel) addresses"),
    ("desk", "ip link set eth0 mtu 1400", "desk: (kernel) addresses"),
    ("gw", "sysctl -w net.ipv4.tcp_sack=0", "gw: (kernel) settings"),
    ("gw", "ip rule add from 192.0.2.1 table 7", "gw: (kernel) rules"),
    ("web", "mkdir -p /usr/local/etc/x", "web: /usr/local/etc/x"),
]
#: What people do to find out, and what happens by itself.
LOOKING = """
ip neighbour flush all; ping -c1 -W1 127.0.0.1; tcpdump -c1 -i lo & sleep 0.3; ping -c1 127.0.0.1
cat /etc/hosts; nft list ruleset; journalctl -n 3; touch /tmp/x; echo note > /root/notes; kill %1
cd /etc && cp hosts /tmp/hosts && cat /tmp/hosts > /etc/hosts
"""


@pytest.fixture
def handed_over(lab: RunningLab) -> RunningLab:
    hand_over(lab, configuration=True)
    return lab


def test_looking_changes_nothing(handed_over: RunningLab) -> None:
    for node in handed_over.plan.nodes:
        handed_over.execute(node, ["bash", "-c", LOOKING])
    row = unchanged(handed_over)
    assert row.status is Status.PASSED, row.rationale


def test_a_reboot_changes_nothing(handed_over: RunningLab, plan: Plan) -> None:
    handed_over.reboot(plan.nodes, quiet)
    row = unchanged(handed_over)
    assert row.status is Status.PASSED, row.rationale


def test_what_packets_leave_in_a_firewall_is_no_change(own_lab: RunningLab) -> None:
    rules = """table ip count {
        set seen { type ipv4_addr; flags dynamic,timeout; timeout 1h; }
        set named { type ipv4_addr; elements = { 192.0.2.7 } }
        chain in { type filter hook input priority 0; update @seen { ip saddr counter }; }
    }"""
    said(own_lab, "gw", f"nft -f - <<'END'\n{rules}\nEND")
    hand_over(own_lab, configuration=True)
    said(own_lab, "desk", f"ping -c 1 {own_lab.plan.nodes['gw'].view.address}")
    assert "elements" in said(own_lab, "gw", "nft list set ip count seen")
    assert unchanged(own_lab).status is Status.PASSED
    said(own_lab, "gw", "nft list ruleset > /tmp/r; nft flush ruleset; nft -f /tmp/r")
    assert unchanged(own_lab).status is Status.PASSED
    said(own_lab, "gw", "nft add element ip count named { 192.0.2.8 }")
    assert "gw: (kernel) firewall" in unchanged(own_lab).rationale


def test_each_change_is_named(own_lab: RunningLab) -> None:
    for node, script, named in CHANGES:
        hand_over(own_lab, configuration=True)
        said(own_lab, node, script)
        row = unchanged(own_lab)
        assert row.status is Status.FAILED, script
        assert named in row.rationale


def test_a_change_that_was_undone_is_none(handed_over: RunningLab) -> None:
    said(
        handed_over,
        "desk",
        "cp -p /etc/hosts /tmp/h; echo x >> /etc/hosts; cat /tmp/h > /etc/hosts",
    )
    assert unchanged(handed_over).status is Status.PASSED


def test_a_farm_of_links_and_files_does_not_hang(own_lab: RunningLab) -> None:
    hand_over(own_lab, configuration=True)
    said(
        own_lab,
        "desk",
        "cd /etc; ln -s / root-of-all; ln -s loop loop; mkfifo pipe; mkdir -p deep; cd deep; "
        "for i in $(seq 60); do mkdir d; cd d; done; mkdir /etc/many; cd /etc/many; "
        "seq 3000 | xargs touch",
    )
    row = unchanged(own_lab)
    assert row.status is Status.FAILED
    assert "more" in row.rationale
    assert row.duration_ms < 25_000


def test_a_switchboard_that_was_restarted_remembers(own_lab: RunningLab) -> None:
    hand_over(own_lab, configuration=True)
    said(own_lab, "desk", "echo x > /etc/new")
    own_lab.client.api.restart(own_lab.container("(switchboard)"), timeout=1)
    wait_for(lambda: all(s["booted"] for s in states(own_lab).values()), "nodes are back")
    assert "desk: /etc/new" in unchanged(own_lab).rationale


def test_a_lab_that_was_not_handed_over_is_not_judged(own_lab: RunningLab) -> None:
    with pytest.raises(NotHandedOut):
        require_whole(own_lab)
    hand_over(own_lab, configuration=False)
    require_whole(own_lab)
    own_lab.reset(quiet, ["desk"])
    with pytest.raises(NotHandedOut, match="cut short"):
        require_whole(own_lab)


def test_a_lab_with_a_machine_switched_off_is_not_judged(own_lab: RunningLab) -> None:
    hand_over(own_lab, configuration=False)
    own_lab.client.api.stop(own_lab.container("desk"), timeout=1)
    wait_for(lambda: not states(own_lab)["desk"]["booted"], "it is off")
    with pytest.raises(NodeOff, match=r"switched desk off.*\(exited\)") as caught:
        require_whole(own_lab)
    assert "`lab reboot desk`" in caught.value.hint
    with pytest.raises(ExecFailed, match="desk does not run anything: it is switched off"):
        own_lab.execute("desk", ["true"])
    own_lab.reboot(["desk"], quiet)
    require_whole(own_lab)


def test_a_machine_that_is_off_for_a_moment_is_no_reason_not_to_judge(own_lab: RunningLab) -> None:
    hand_over(own_lab, configuration=False)
    desk = own_lab.container("desk")
    own_lab.client.api.stop(desk, timeout=1)
    wait_for(lambda: not states(own_lab)["desk"]["booted"], "it is off")
    on_again, began = threading.Timer(0.5, own_lab.client.api.start, [desk]), time.monotonic()
    on_again.start()
    require_whole(own_lab)
    assert time.monotonic() - began >= 0.5
    on_again.join()


SLOW = """
cat > /etc/systemd/system/slow.service <<'UNIT'
[Service]
Type=oneshot
ExecStart=/bin/sleep 600
[Install]
WantedBy=multi-user.target
UNIT
systemctl enable slow.service
"""


def test_a_machine_that_is_still_booting_is_no_reason_not_to_judge(own_lab: RunningLab) -> None:
    hand_over(own_lab, configuration=False)
    said(own_lab, "desk", SLOW)
    own_lab.client.api.restart(own_lab.container("desk"), timeout=1)
    wait_for(lambda: states(own_lab)["desk"]["boots"] == 2, "it boots")
    assert not states(own_lab)["desk"]["booted"]
    require_whole(own_lab)
