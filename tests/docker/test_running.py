"""Nodes that behave like machines: systemd, files, sysctls, and reboots that are typed."""

from __future__ import annotations

import pytest

from lab_runner.checker.run import run_checks
from lab_runner.engine import running
from lab_runner.engine.running import RunningLab
from lab_runner.errors import ExecFailed, NoAttempt, WiringFailed
from lab_runner.models.results import Status
from lab_runner.models.scenario import Step
from lab_runner.planning.plan import Plan
from tests.docker.conftest import Labs, back_again, boots, quiet, said, sh, wait_for

ADDRESSES = "cat /sys/class/net/eth?/address; ip -br addr | sed 's/@[^ ]*//'; ip route"


def all_green(lab: RunningLab) -> None:
    red = [row for row in run_checks(lab).checks if row.status is not Status.PASSED]
    assert not red, red


def test_a_healthy_lab_is_green(lab: RunningLab) -> None:
    all_green(lab)


@pytest.mark.parametrize("node", ["desk", "gw", "web"])
def test_systemd_runs_and_no_unit_failed(lab: RunningLab, node: str) -> None:
    assert said(lab, node, "ps -o comm= -p 1") == "systemd"
    assert said(lab, node, "systemctl is-system-running --wait || true") == "running"
    assert not said(lab, node, "systemctl list-units --failed --no-legend")


def test_each_node_is_itself(lab: RunningLab, plan: Plan) -> None:
    ids = {said(lab, node, "cat /etc/machine-id") for node in plan.nodes}
    keys = {said(lab, node, "cat /etc/ssh/ssh_host_ed25519_key.pub") for node in plan.nodes}
    assert len(ids) == len(keys) == 3
    assert [said(lab, node, "hostname") for node in plan.nodes] == list(plan.nodes)


@pytest.mark.parametrize("path", ["/etc/resolv.conf", "/etc/hosts", "/etc/hostname"])
def test_name_files_are_plain_files(lab: RunningLab, path: str) -> None:
    assert path not in said(lab, "desk", "cat /proc/self/mountinfo")
    before = said(lab, "desk", f"cat {path}")
    script = f"sed -i 's/$/ /; s/ $//' {path}; mv {path} {path}.new; mv {path}.new {path}"
    said(lab, "desk", f"set -e; {script}")
    assert said(lab, "desk", f"cat {path}") == before


def test_net_sysctls_are_writable_and_others_are_not(lab: RunningLab) -> None:
    assert said(lab, "desk", "sysctl -w net.ipv4.ip_forward=1") == "net.ipv4.ip_forward = 1"
    said(lab, "desk", "sysctl -w net.ipv4.ip_forward=0")
    for key in ("kernel.panic=1", "vm.swappiness=1", "fs.file-max=9999"):
        assert sh(lab, "desk", f"sysctl -w {key}").exit_status != 0


def test_accounts_and_search_list(lab: RunningLab) -> None:
    assert said(lab, "desk", "getent passwd clerk").startswith("clerk:x:1000:")
    assert said(lab, "desk", "su clerk -c 'cd; pwd'") == "/home/clerk"
    assert "search mini.test" in said(lab, "desk", "cat /etc/resolv.conf")


def test_exec_says_how_a_program_ended(lab: RunningLab) -> None:
    done = sh(lab, "desk", "echo out; echo err >&2; exit 7")
    assert (done.exit_status, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


def test_exec_ends_a_program_that_does_not(lab: RunningLab) -> None:
    assert sh(lab, "desk", "trap '' TERM; sleep 60; sleep 60", timeout_s=0.5).exit_status >= 124


def test_exec_hands_on_no_variable_of_ours(lab: RunningLab) -> None:
    environment = said(lab, "desk", "env")
    assert "LAB_NODE" not in environment
    assert lab.attempt not in environment


def test_a_step_writes_a_file(lab: RunningLab) -> None:
    lab.apply(
        [
            Step(
                node="desk",
                write="/home/clerk/note",
                content="x\n",
                mode="0640",
                owner="clerk",
            )
        ]
    )
    assert said(lab, "desk", "stat -c '%a %U:%G' /home/clerk/note") == "640 clerk:clerk"


def test_a_step_that_fails_says_what_it_printed(lab: RunningLab) -> None:
    with pytest.raises(ExecFailed, match=r"step on desk ended with status 3: no such luck"):
        lab.apply([Step(node="desk", run="echo no such luck >&2; exit 3")])


def test_a_step_stops_at_its_first_error(lab: RunningLab) -> None:
    with pytest.raises(ExecFailed, match="status 1"):
        lab.apply([Step(node="desk", run="false | true\necho never")])


def test_attaching_to_nothing(labs: Labs, plan: Plan) -> None:
    with pytest.raises(NoAttempt, match="Nothing of attempt nowhere runs"):
        running.attach(labs.client, plan, "nowhere")


def test_a_running_lab_is_found_and_attached_to(lab: RunningLab, plan: Plan) -> None:
    (found,) = [row for row in running.find(lab.client) if row.attempt == lab.attempt]
    assert (found.scenario, found.lab, found.seed) == ("no-page-opens", "mini", 1)
    assert set(found.states) == {*plan.nodes, "(switchboard)"}
    assert set(found.states.values()) == {"running"}
    with running.attach(lab.client, plan, lab.attempt) as again:
        assert again.states().keys() == plan.nodes.keys()


def test_an_unknown_cable_is_refused(lab: RunningLab) -> None:
    with pytest.raises(WiringFailed, match="desk:eth7"):
        lab.apply([Step(link="desk:eth7", down=True)])


# --- reboots, as they are typed ---------------------------------------------------


@pytest.mark.parametrize("command", ["systemctl reboot", "reboot -f", "poweroff"])
def test_a_typed_reboot_comes_back_as_the_same_machine(lab: RunningLab, command: str) -> None:
    said(lab, "gw", "echo kept > /root/kept; echo gone > /run/gone")
    links, before = said(lab, "gw", ADDRESSES), boots(lab, "gw")
    sh(lab, "gw", command)
    back_again(lab, before)
    assert said(lab, "gw", ADDRESSES).split() == links.split()
    assert said(lab, "gw", "cat /root/kept; ls /run/gone 2>&1 || true").startswith("kept\nls:")
    assert said(lab, "gw", "systemctl is-system-running --wait || true") == "running"
    all_green(lab)


def test_a_service_that_is_killed_is_seen(lab: RunningLab) -> None:
    said(lab, "web", "kill -9 $(pidof nginx)")
    rows = {row.id: row.status for row in run_checks(lab).checks}
    assert rows["page-is-served-by-nginx"] is Status.FAILED
    assert rows["desk-opens-the-page"] is Status.FAILED
    said(lab, "web", "systemctl restart nginx")
    all_green(lab)


def test_all_nodes_reboot_at_once(lab: RunningLab, plan: Plan) -> None:
    before = boots(lab)
    lab.reboot(plan.nodes, quiet)
    assert boots(lab) == {node: count + 1 for node, count in before.items()}
    all_green(lab)


def test_two_reboots_in_a_row(lab: RunningLab) -> None:
    before = boots(lab, "desk")
    sh(lab, "desk", "reboot -f")
    back_again(lab, before)
    sh(lab, "desk", "reboot -f")
    back_again(lab, {"desk": before["desk"] + 1})
    all_green(lab)


def test_reset_builds_healthy_nodes(own_lab: RunningLab) -> None:
    assert own_lab.plan.scenario is not None
    own_lab.apply(own_lab.plan.scenario.fault)
    said(own_lab, "desk", "touch /root/trace")
    own_lab.reset(quiet)
    assert sh(own_lab, "desk", "test -e /root/trace").exit_status == 1
    all_green(own_lab)


def test_a_reset_of_some_lets_the_others_forget(own_lab: RunningLab) -> None:
    web = own_lab.plan.nodes["web"].view.address
    said(own_lab, "gw", "ip link set eth1 mtu 1300")
    own_lab.execute("desk", ["ping", "-c1", "-W2", "-Mdo", "-s1400", str(web)])
    assert "mtu 1300" in said(own_lab, "desk", f"ip route get {web}")
    own_lab.reset(quiet, ["web"])
    assert "mtu" not in said(own_lab, "desk", f"ip route get {web}")


def test_what_a_router_advertised_is_forgotten_too(own_lab: RunningLab) -> None:
    said(
        own_lab,
        "desk",
        "sysctl -w net.ipv6.conf.eth0.disable_ipv6=0; "
        "ip -6 address add 2001:db8:1::7/64 dev eth0 valid_lft 600 preferred_lft 300; "
        "ip -6 address add 2001:db8:2::7/64 dev eth0; "
        "ip -6 route add 2001:db8:3::/64 dev eth0 proto ra; "
        "ip -6 route add 2001:db8:4::/64 dev eth0",
    )
    known = "ip -6 address show dev eth0; ip -6 route show proto ra; ip -6 route show proto boot"

    def left() -> list[int]:
        text = said(own_lab, "desk", known)
        return [n for n in (1, 2, 3, 4) if f"2001:db8:{n}::" in text]

    assert left() == [1, 2, 3, 4]
    own_lab.reset(quiet, ["web"])
    assert left() == [2, 4]


def test_a_reset_after_reboots(own_lab: RunningLab, plan: Plan) -> None:
    for _ in range(2):
        own_lab.reboot(plan.nodes, quiet)
        own_lab.reset(quiet)
    all_green(own_lab)


def test_a_container_that_was_removed_behind_our_back(own_lab: RunningLab) -> None:
    own_lab.client.api.remove_container(own_lab.container("web"), force=True)
    wait_for(lambda: own_lab.states()["web"]["pid"] is None, "web is noticed gone")
    rows = {row.id: row for row in run_checks(own_lab).checks}
    assert rows["page-is-served-by-nginx"].status is Status.FAILED
    assert "switched off" in rows["page-is-served-by-nginx"].rationale
    own_lab.reset(quiet)
    all_green(own_lab)


def test_a_reset_of_machines_that_wait_for_a_disk(own_lab: RunningLab, plan: Plan) -> None:
    # As an earlier reset leaves them that was cut short.
    own_lab.line.result("new", nodes=list(plan.nodes))
    for node in plan.nodes:
        own_lab.client.api.restart(own_lab.container(node), timeout=1)
    wait_for(lambda: not any(s["pid"] for s in own_lab.states().values()), "all wait")
    own_lab.reset(quiet)
    all_green(own_lab)
