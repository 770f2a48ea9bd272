"""What nodes and probes may not do, and what the host never sees of a lab."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab_runner.checker.run import run_checks
from lab_runner.engine.limits import not_limited
from lab_runner.engine.line import Line
from lab_runner.engine.running import RunningLab
from lab_runner.models.results import Status
from lab_runner.planning.plan import Plan
from tests.docker.conftest import Labs, labs_on, quiet, said, sh, switchboard

#: capabilities(7): bits of Docker's default set and NET_ADMIN.
_CAP_SYS_ADMIN, _CAP_NET_ADMIN, _CAP_NET_RAW = 1 << 21, 1 << 12, 1 << 13
_CAP_SYS_MODULE, _CAP_SYS_PTRACE, _CAP_SYS_TIME = 1 << 16, 1 << 19, 1 << 25


# --- a node's privileges ------------------------------------------------------------


def capabilities(lab: RunningLab, node: str) -> int:
    return int(said(lab, node, "awk '/^CapBnd/ {print $2}' /proc/1/status"), 16)


@pytest.mark.parametrize("node", ["desk", "gw", "web"])
def test_a_node_has_no_privilege(lab: RunningLab, node: str) -> None:
    bounding = capabilities(lab, node)
    assert bounding & _CAP_NET_ADMIN
    for forbidden in (_CAP_SYS_ADMIN, _CAP_SYS_MODULE, _CAP_SYS_PTRACE, _CAP_SYS_TIME):
        assert not bounding & forbidden
    assert said(lab, node, "awk '/^Seccomp:/ {print $2}' /proc/1/status") == "2"


@pytest.mark.parametrize(
    "script",
    [
        "mount -t tmpfs none /mnt",
        "mount -o remount,rw /proc/sys",
        "umount /proc/sys/net",
        "unshare --net true",
        "echo b > /proc/sysrq-trigger",
        "mknod /root/disk b 8 0",
        "dmesg -C",
        "date -s 2001-01-01",
        "nsenter -t 1 -m true",
    ],
)
def test_a_node_cannot(lab: RunningLab, script: str) -> None:
    done = sh(lab, "desk", script)
    if script.startswith("mknod"):  # a device file may be made, but not opened (cgroup v2 devices)
        done = sh(lab, "desk", "head -c 1 /root/disk; s=$?; rm -f /root/disk; exit $s")
    assert done.exit_status != 0, (script, done)


def test_a_node_sees_no_device_and_no_memory(lab: RunningLab) -> None:
    devices = set(said(lab, "desk", "ls /dev").split())
    assert not {name for name in devices if name.startswith(("sd", "vd", "nvme", "loop", "mem"))}
    assert said(lab, "desk", "head -c 16 /proc/kcore | wc -c") == "0"
    assert said(lab, "desk", "wc -c < /proc/keys") == "0"


def test_nodes_do_not_see_each_others_processes(lab: RunningLab) -> None:
    assert "nginx" not in said(lab, "desk", "ps axo comm=")


def test_a_node_is_limited_as_far_as_the_engine_can(lab: RunningLab) -> None:
    told = lab.client.api.inspect_container(lab.container("gw"))["HostConfig"]
    missing = not_limited(lab.client)
    assert (told["PidsLimit"] or None, told["Memory"]) == (
        None if "processes" in missing else 1024,
        0 if "memory" in missing else 1 << 30,
    )
    # Needs no controller, and holds for PID 1 and for what the engine runs beside it.
    assert said(lab, "gw", "ulimit -f") == str(1 << 20)  # in KiB
    assert said(lab, "gw", "grep 'Max file size' /proc/1/limits").split()[3] == str(1 << 30)


# --- the switchboard ---------------------------------------------------------------


def test_nothing_but_nodes_answers_on_a_segment(lab: RunningLab, plan: Plan) -> None:
    network = plan.segments["dmz"].subnet
    targets = " ".join(str(address) for address in network.hosts())
    # Every address of the segment but web's own: only the router is there.
    script = (
        f"for a in {targets}; do (arping -q -c 1 -w 1 -I eth0 $a >/dev/null && echo $a) & done;"
        " wait"
    )
    assert said(lab, "web", script).split() == [plan.nodes["gw"].view.interfaces["eth1"].address]


def test_the_switchboards_side_has_no_address(lab: RunningLab) -> None:
    script = "ip -o address | grep -v '^[0-9]*: lo '"
    done = subprocess.run(
        ["docker", "exec", switchboard(lab), "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_a_segment_is_silent_of_itself(lab: RunningLab) -> None:
    """No frame has a source address that is not one of the nodes' cards."""
    known = {cable.mac for node in lab.plan.nodes.values() for cable in node.cables}
    capture = "timeout 3 tcpdump -nne -i eth0 2>/dev/null | awk '{print $2}' | sort -u"
    seen = set(
        said(
            lab,
            "gw",
            f"ping -c 3 -i 0.3 {lab.plan.nodes['desk'].view.address} >/dev/null & {capture}",
        ).split()
    )
    assert seen
    assert seen <= known


#: Looks for a probe among the processes, for as long as a busy machine may need to start one.
_FIND_A_PROBE = r"""
import os, pathlib, re, sys, time
mine, until = os.readlink("/proc/self/ns/mnt"), time.monotonic() + 20
while time.monotonic() < until:
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            status = (process / "status").read_text()
            if not re.search(r"^Uid:(\t65534){3}\t\d+$", status, re.M):
                continue
            if b"lab_runner.switchboard" not in (process / "cmdline").read_bytes():
                continue
            if os.readlink(process / "ns/mnt") == mine:
                sys.exit(print(status))
        except OSError:  # it has just ended
            continue
    time.sleep(0.02)
"""


def test_a_probe_has_lost_its_privileges(lab: RunningLab, labs: Labs) -> None:
    """A probe that waits is looked at from outside."""
    line = Line(lab.client, switchboard(lab))
    fields = {"to": "203.0.113.9", "port": 9, "timeout_s": 6.0, "send": "x"}
    question = {"word": "udp", "probe": fields, "deadline_s": 15.0, "from": "desk", "check": "x"}
    # A neighbour that never answers keeps the probe waiting.
    sh(lab, "desk", "ip route add 203.0.113.9 dev eth0")
    looking = subprocess.Popen(
        ["docker", "exec", switchboard(lab), "python3", "-c", _FIND_A_PROBE],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(10):  # one that ended before it was looked at is asked again
            line.request("ask", **question)
            if looking.poll() is not None:
                break
        found = looking.communicate(timeout=60)[0]
    finally:
        looking.kill()
        line.close()
        sh(lab, "desk", "ip route del 203.0.113.9 dev eth0")
    facts = dict(item.split(":\t", 1) for item in found.splitlines() if item)
    # The last is the one that its packets are known by: it is the owner of no process.
    assert facts["Uid"].split()[:3] == facts["Gid"].split()[:3] == ["65534"] * 3
    assert facts["Uid"].split()[3] == facts["Gid"].split()[3] != "65534"
    assert facts["Groups"].strip() == ""
    assert int(facts["CapEff"], 16) == int(facts["CapPrm"], 16) == _CAP_NET_RAW
    assert int(facts["CapInh"], 16) == int(facts["CapAmb"], 16) == 0
    assert facts["NoNewPrivs"] == "1"


# --- the host ----------------------------------------------------------------------


def host_network() -> dict[str, str]:
    """All that a lab could leave in the host's own network namespace."""
    commands = {
        "links": "ip -o link | sed 's/^[0-9]*: //; s/ qlen.*//'",
        "addresses": "ip -o addr | awk '{print $2, $3, $4}'",
        "routes": "ip route show table all",
        "rules": "ip rule",
        "filter": "nft list ruleset 2>/dev/null",
        # Those of the wire tests come and go meanwhile.
        "netns": r"ip netns list | grep -v '^w[0-9a-f]\{6\}'",
        "forwarding": "cat /proc/sys/net/ipv4/ip_forward",
    }
    return {
        name: subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, check=False, timeout=30
        ).stdout
        for name, command in commands.items()
    }


def processes_of(attempt: str) -> list[str]:
    mark = f"={attempt}.".encode()
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            data = file.read_bytes()
        except OSError:
            continue
        if b"LAB_NODE" in data and mark in data:
            found.append(file.parent.name)
    return found


@pytest.fixture
def two(labs: Labs, plan: Plan) -> tuple[RunningLab, RunningLab]:
    return labs.deploy(plan), labs.deploy(plan)


def test_the_host_sees_nothing_of_a_lab(engine: object, plan: Plan) -> None:
    before = host_network()
    with labs_on(engine) as labs:  # type: ignore[arg-type]
        lab = labs.deploy(plan)
        assert host_network() == before
        run_checks(lab)
        lab.reboot(plan.nodes, quiet)
        assert host_network() == before
        assert processes_of(lab.attempt)
    assert host_network() == before
    assert not processes_of(lab.attempt)


def test_two_labs_with_the_same_addresses(two: tuple[RunningLab, RunningLab]) -> None:
    first, second = two
    assert said(first, "desk", "hostname -I") == said(second, "desk", "hostname -I")
    for lab in two:
        assert all(row.status is Status.PASSED for row in run_checks(lab).checks)
    # What is broken in one is whole in the other.
    said(first, "web", "ip link set eth0 down")
    assert any(row.status is Status.FAILED for row in run_checks(first).checks)
    assert all(row.status is Status.PASSED for row in run_checks(second).checks)
