"""What was changed on one lab's disks, found and laid on those of another."""

from __future__ import annotations

import pytest

from lab_runner.checker.handed_over import hand_over
from lab_runner.engine.disk_changes import lay, take
from lab_runner.engine.running import RunningLab
from lab_runner.errors import NodeNotReady
from lab_runner.models.disk_changes import DiskChanges, Entry
from lab_runner.planning.plan import Plan
from tests.docker.conftest import Labs, boots, quiet, said, switchboard, wait_for
from tests.docker.test_switchboard import states

_WORK = """
echo '192.0.2.1 somebody' >> /etc/hosts
rm /etc/motd
mkdir /opt/mine; printf 'secret' > /opt/mine/key; chmod 600 /opt/mine/key
cat > /etc/systemd/system/mine.service <<'END'
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo ran > /root/ran'
[Install]
WantedBy=multi-user.target
END
systemctl enable -q mine
ip route add 198.18.0.0/15 dev lo
"""


def booted(lab: RunningLab, node: str) -> bool:
    return bool(states(lab).get(node, {}).get("booted"))


@pytest.fixture
def two(labs: Labs, plan: Plan) -> tuple[RunningLab, RunningLab]:
    return labs.deploy(plan), labs.deploy(plan)


def test_work_on_one_lab_is_there_on_another(two: tuple[RunningLab, RunningLab]) -> None:
    one, other = two
    hand_over(one, configuration=False, disks=["desk", "gw"])
    said(one, "desk", _WORK)
    changes = take(one, ["desk", "gw"])
    assert changes["gw"].entries == ()
    assert {entry.path for entry in changes["desk"].entries} >= {"etc/hosts", "opt/mine/key"}
    before = boots(other, "desk", "gw")
    lay(other, changes, quiet)
    assert boots(other, "desk", "gw") == {name: count + 1 for name, count in before.items()}
    assert "192.0.2.1 somebody" in said(other, "desk", "cat /etc/hosts")
    assert said(other, "desk", "ls /etc/motd 2>&1 || true").endswith("No such file or directory")
    assert said(other, "desk", "stat -c '%a %U' /opt/mine/key; cat /opt/mine/key") == (
        "600 root\nsecret"
    )
    wait_for(lambda: said(other, "desk", "cat /root/ran || true") == "ran", "the unit to run")
    assert "198.18" not in said(other, "desk", "ip route")


def test_a_moved_folder_is_there_with_all_that_is_in_it(
    two: tuple[RunningLab, RunningLab],
) -> None:
    one, other = two
    hand_over(one, configuration=False, disks=["desk"])
    said(one, "desk", "mv /etc/ssh /etc/ssh.old; mkdir /etc/ssh; cp /etc/ssh.old/moduli /etc/ssh")
    names = said(one, "desk", "cd /etc; find ssh ssh.old | sort")
    lay(other, take(one, ["desk"]), quiet)
    assert said(other, "desk", "cd /etc; find ssh ssh.old | sort") == names


def test_a_second_look_after_a_reboot_finds_the_same(own_lab: RunningLab) -> None:
    hand_over(own_lab, configuration=False, disks=["desk"])
    said(own_lab, "desk", "echo '192.0.2.1 somebody' >> /etc/hosts; echo x > /srv/y")
    before = take(own_lab, ["desk"])["desk"]
    own_lab.reboot(["desk"], quiet)
    after = take(own_lab, ["desk"])["desk"]
    assert {entry.path for entry in after.entries} == {entry.path for entry in before.entries}


def test_a_switchboard_that_was_restarted_lets_no_node_boot_without(own_lab: RunningLab) -> None:
    own_lab.line.result("hold", nodes=["desk"])
    own_lab.client.api.restart(switchboard(own_lab), timeout=1)
    wait_for(lambda: booted(own_lab, "gw"), "gw to boot")
    assert not booted(own_lab, "desk")
    own_lab.line.result("replay", node="desk", changes=DiskChanges().to_json())
    wait_for(lambda: booted(own_lab, "desk"), "desk to boot")


def test_what_leads_out_of_a_disk_is_not_laid(own_lab: RunningLab) -> None:
    link = Entry("etc/out", "link", 0o777, 0, 0, 1.0, target="/proc/1/root/tmp")
    below = Entry("etc/out/x", "file", 0o644, 0, 0, 1.0, b"x")
    changes = {"desk": DiskChanges((link, below))}
    own_lab.line.result("hold", nodes=["desk"])
    own_lab.line.result("replay", node="desk", changes=changes["desk"].to_json())
    own_lab.client.api.restart(own_lab.container("desk"), timeout=1)
    with pytest.raises(NodeNotReady, match="/etc/out/x"):
        own_lab.wait_until_up({"desk": 2}, quiet, 10)
