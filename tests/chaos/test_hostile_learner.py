"""Root on a node means harm: to the host, to other labs, to the switchboard and to the checks."""

from __future__ import annotations

import resource
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest
from docker import DockerClient

from lab_runner.checker.run import run_checks
from lab_runner.engine.limits import not_limited
from lab_runner.engine.running import RunningLab
from lab_runner.models.checks import Check
from lab_runner.models.probes import HttpProbe
from lab_runner.models.results import CheckResult, Status
from lab_runner.planning.plan import Plan
from tests.chaos.conftest import Provoked
from tests.chaos.hostile_nodes import REFUSED, frames, mac
from tests.docker.conftest import Labs, back_again, boots, quiet, said, sh, switchboard, wait_for

#: No run of this lab's checks takes longer, whatever is done to its machines.
BOUNDED_S = 45.0
_TRIES = [
    pytest.param(what, script, id=f"{what}: {name}")
    for what, scripts in REFUSED.items()
    for name, script in scripts.items()
]


@pytest.fixture(scope="module")
def hostile(engine: DockerClient, plan: Plan) -> Iterator[RunningLab]:
    """One lab for all; a test that ruins a machine builds it again."""
    made = Labs(engine)
    try:
        yield made.deploy(plan)
    finally:
        made.clean()


@pytest.fixture
def desk(hostile: RunningLab) -> Iterator[RunningLab]:
    """A desk that the test may ruin."""
    yield hostile
    hostile.reset(quiet, ["desk"])


def checked(lab: RunningLab) -> dict[str, CheckResult]:
    """Every check, in bounded time, with words that no terminal obeys."""
    started = time.monotonic()
    rows = {row.id: row for row in run_checks(lab).checks}
    assert time.monotonic() - started < BOUNDED_S
    for row in rows.values():
        assert row.rationale.isprintable(), row
    return rows


def all_green(lab: RunningLab) -> bool:
    return {row.status for row in checked(lab).values()} == {Status.PASSED}


def rejected(lab: RunningLab, check: str) -> None:
    row = checked(lab)[check]
    assert row.status in {Status.FAILED, Status.ERROR}, row


# --- what the kernel refuses ----------------------------------------------------------


@pytest.mark.parametrize(("what", "script"), _TRIES)
def test_a_node_is_refused(hostile: RunningLab, what: str, script: str, provoked: Provoked) -> None:
    done = sh(hostile, "desk", script)
    assert done.exit_status != 0, (script, done)
    provoked(f"a node reaches for {what}")


def test_a_link_in_the_place_of_the_engines_files(desk: RunningLab, provoked: Provoked) -> None:
    """At a boot the engine's mounts are taken away: never what a learner's link leads to."""
    said(desk, "desk", "for f in hosts resolv.conf; do ln -sfn /proc/sys /etc/$f; done")
    before = boots(desk, "desk")
    sh(desk, "desk", "reboot -f")
    back_again(desk, before)
    assert said(desk, "desk", "readlink /etc/hosts") == "/proc/sys"
    same = "cat /proc/sys/kernel/core_uses_pid > /proc/sys/kernel/core_uses_pid"
    assert sh(desk, "desk", same).exit_status != 0
    assert "/proc/sys proc ro" in said(desk, "desk", "cut -d' ' -f2-4 /proc/mounts | tr , ' '")
    provoked("a node reaches for host-wide settings")


def test_a_power_switch_of_their_own(desk: RunningLab, provoked: Provoked) -> None:
    """PID 1 that lays a trap where the switchboard writes; the other machines boot meanwhile."""
    said(
        desk,
        "desk",
        "printf '#!/bin/bash\\nmkfifo /run/.power\\nexec sleep infinity\\n' > /usr/sbin/lab-init",
    )
    before = boots(desk, "gw")
    sh(desk, "desk", "reboot -f")
    wait_for(lambda: desk.states()["desk"]["pid"] is None, "the desk to be off")
    time.sleep(1)
    sh(desk, "gw", "reboot -f")
    started = time.monotonic()
    back_again(desk, before)
    assert time.monotonic() - started < 25
    rejected(desk, "desk-opens-the-page")
    provoked("a node lays a trap for the switchboard")


# --- who is out of reach -----------------------------------------------------------------


def host_addresses() -> list[str]:
    """Addresses of this machine, the engine's bridge, and what clouds serve credentials on."""
    found = [
        address.address
        for card in psutil.net_if_addrs().values()
        for address in card
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    ]
    return [*found[:4], "172.17.0.1", "169.254.169.254"]


def test_the_host_is_out_of_reach(desk: RunningLab, provoked: Provoked) -> None:
    """Even with a route of their own: nobody on the segment answers for it."""
    for address in host_addresses():
        script = (
            f"ip route replace {address} dev eth0;"
            f" ping -q -c 1 -W 1 {address} || arping -q -c 1 -w 1 -I eth0 {address}"
            f" || nc -z -w 1 {address} 22 || nc -z -w 1 {address} 2375"
        )
        done = sh(desk, "desk", script)
        assert done.exit_status != 0, (address, done)
        provoked("a node reaches for the host")


def test_no_socket_of_the_engine(hostile: RunningLab, provoked: Provoked) -> None:
    found = said(hostile, "desk", "find / -xdev -type s 2>/dev/null; cat /proc/net/unix")
    assert "READY" not in found  # the switchboard's own has no file and no words
    for word in ("docker", "containerd", "podman", "switchboard.sock"):
        assert word not in found
    provoked("a node reaches for the engine")


#: Frames that a bridge, a switch or a host's own kernel might answer to.
def strange_frames(source: bytes, ours: list[bytes]) -> list[bytes]:
    everybody = b"\xff" * 6
    arp = b"\x08\x06\0\1\x08\0\6\4\0\1" + source + bytes(4) + bytes(6) + b"\x7f\0\0\1"
    syn = bytes.fromhex(
        "4500002800010000400600007f0000017f000001d431001600000001000000005002200000000000"
    )
    echo = bytes.fromhex("6000000000083aff" + "fe80" + "00" * 13 + "01" + "ff02" + "00" * 13 + "01")
    multicast = [
        mac("01:80:c2:00:00:00") + source + b"\0\x26\x42\x42\3" + bytes(35),  # STP
        mac("01:80:c2:00:00:0e") + source + b"\x88\xcc\2\7\4" + source + bytes(40),  # LLDP
        mac("01:80:c2:00:00:03") + source + b"\x88\x8e\1\1\0\0" + bytes(40),  # 802.1X
        mac("01:80:c2:00:00:02") + source + b"\x88\x09\1" + bytes(60),  # LACP
        mac("01:00:0c:cc:cc:cc") + source + b"\0\x20\xaa\xaa\3\0\0\x0c\x20\0" + bytes(40),  # CDP
        mac("33:33:00:00:00:01") + source + b"\x86\xdd" + echo + b"\x80\0\0\0\0\0\0\0",
    ]
    direct = [
        kind
        for target in ours
        for kind in (
            target + source + b"\x08\0" + syn,
            target + source + arp + bytes(18),
            target + source + b"\x81\0\0\1\x08\0" + syn,
            target + source + b"\x88\xa8\0\2\x81\0\0\1\x08\0" + syn,
            target + source + b"\x90\0" + bytes(60),  # loopback (IEEE 802.3)
        )
    ]
    forged = [everybody + target + b"\x08\0" + syn for target in ours]
    return [*multicast, *direct, *forged, everybody + source + arp + bytes(18)]


def ports_of(lab: RunningLab) -> list[bytes]:
    """The addresses of the switchboard's own devices."""
    done = subprocess.run(
        ["docker", "exec", switchboard(lab), "sh", "-c", "cat /sys/class/net/*/address"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [mac(line) for line in done.stdout.split() if line != "00:00:00:00:00:00"]


def test_the_switchboard_answers_no_frame(desk: RunningLab, provoked: Provoked) -> None:
    (cable,) = desk.plan.nodes["desk"].cables
    sent = strange_frames(mac(cable.mac), ports_of(desk))
    known = {one.mac for node in desk.plan.nodes.values() for one in node.cables}
    listen = "timeout 4 tcpdump -nne -Q in -i eth0 2>/dev/null | awk '{print $2}' | sort -u"
    script = f"{listen} & sleep 1; {frames('eth0', sent)} >&2; wait"
    assert set(said(desk, "desk", script).split()) <= known
    jumbo = b"\xff" * 6 + mac(cable.mac) + b"\x88\xb5" + bytes(8000)
    done = sh(desk, "desk", f"ip link set eth0 mtu 9000; {frames('eth0', [jumbo], 3)}")
    assert done.exit_status == 0, done
    said(desk, "desk", "ip link set eth0 mtu 1500; ping -q -c 1 -W 2 ff02::1%eth0 || true")
    for _ in sent:
        provoked("a strange frame for the switchboard")
    assert all_green(desk)


def test_a_flood_of_forged_sources(desk: RunningLab, provoked: Provoked) -> None:
    """A table of addresses that runs over, and a router whose address is stolen."""
    thieves = [
        b"\xff" * 6 + b"\x02" + number.to_bytes(5, "big") + b"\x88\xb5" + bytes(46)
        for number in range(500)
    ]
    said(desk, "desk", frames("eth0", thieves, 20))
    provoked("a flood of frames")
    gateway = desk.plan.nodes["gw"].cables[0].mac
    said(desk, "desk", frames("eth0", [b"\xff" * 6 + mac(gateway) + b"\x88\xb5" + bytes(46)], 50))
    checked(desk)
    wait_for(lambda: all_green(desk), "the segment to recover")
    provoked("a stolen address")


def test_other_labs_hear_nothing(
    desk: RunningLab, labs: Labs, plan: Plan, provoked: Provoked
) -> None:
    other = labs.deploy(plan)
    (cable,) = desk.plan.nodes["desk"].cables
    marked = [b"\xff" * 6 + mac(cable.mac) + b"\x88\xb6" + b"from another lab" + bytes(40)]
    listen = "timeout 4 tcpdump -enn -c 1 -i eth0 ether proto 0x88b6 2>/dev/null"
    heard = {
        name: subprocess.Popen(
            ["docker", "exec", lab.container("gw"), "sh", "-c", listen], stdout=subprocess.PIPE
        )
        for name, lab in {"own": desk, "other": other}.items()
    }
    for _ in range(12):
        said(desk, "desk", frames("eth0", marked, 5))
        time.sleep(0.2)
    told = {name: process.communicate(timeout=60)[0] for name, process in heard.items()}
    assert b"0x88b6" in told["own"]
    assert b"0x88b6" not in told["other"]
    address = other.plan.nodes["gw"].view.address  # the same in both labs
    said(desk, "desk", f"arping -q -c 3 -U -I eth0 {address} || true")
    assert all_green(other)
    provoked("a node reaches for another lab")


# --- what must not be found ------------------------------------------------------------


def secrets_of(plan: Plan) -> list[str]:
    """Words of the solution, of the checks, and of what is said about them."""
    scenario = plan.scenario
    assert scenario is not None
    return [
        str(plan.scenario_id),
        scenario.diagnosis.cause,
        *scenario.hints,
        *(solution.title for solution in scenario.solutions),
        *(fix.title for fix in scenario.wrong_fixes),
        *(check.id for check in plan.checks),
        *(check.title for check in plan.checks),
        "lab_runner",
    ]


def test_no_word_of_the_solution_or_the_checks(
    hostile: RunningLab, plan: Plan, engine: DockerClient, provoked: Provoked
) -> None:
    words = secrets_of(plan)
    assert len(words) > 20
    # Given on standard input, and so in nobody's command line or file.
    look = (
        "{ find / -xdev -type f -size -40M -print0 2>/dev/null;"
        " find /run /tmp /dev/shm -type f -print0; find /proc/[0-9]* -maxdepth 1"
        r" \( -name environ -o -name cmdline -o -name mountinfo -o -name status \) -print0; }"
        " 2>/dev/null | xargs -0 grep -alsF -f /dev/fd/3"
    )
    for node in ("desk", "gw", "web"):
        done = subprocess.run(
            ["docker", "exec", "-i", hostile.container(node), "bash", "-c", f"exec 3<&0; {look}"],
            input="\n".join(words),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.stdout.split() == [], done
        image = engine.api.inspect_container(hostile.container(node))["Image"]
        history = str(engine.api.history(image))
        assert not [word for word in words if word in history]
        provoked("a node looks for the solution")


def test_that_search_finds_what_is_there(hostile: RunningLab, plan: Plan) -> None:
    """Or it would prove nothing."""
    word = secrets_of(plan)[1]
    said(hostile, "desk", f"echo 'x {word} y' > /var/tmp/found")
    found = sh(hostile, "desk", f"find / -xdev -type f -print0 | xargs -0 grep -alsF '{word}'")
    assert b"/var/tmp/found" in found.stdout
    said(hostile, "desk", "rm /var/tmp/found")


# --- what runs away -----------------------------------------------------------------------


def test_many_processes(desk: RunningLab, engine: DockerClient, provoked: Provoked) -> None:
    """As many as the limit allows, or, where there is none, some that a host does not feel."""
    limited = "processes" not in not_limited(engine)
    wanted = 1500 if limited else 300
    script = (
        f"for i in $(seq {wanted}); do sleep 60 & done 2>/dev/null; jobs -p | wc -l"
        if not limited
        else f"(for i in $(seq {wanted}); do sleep 60 & done) 2>/dev/null; pgrep -c sleep"
    )
    made = int(sh(desk, "desk", script).stdout.split()[-1])
    assert made < 1024 if limited else made == wanted
    rows = checked(desk)
    assert rows["desk-opens-the-page"].status is Status.PASSED
    provoked("a fork bomb")


def test_much_memory(desk: RunningLab, engine: DockerClient, provoked: Provoked) -> None:
    limited = "memory" not in not_limited(engine)
    size = 1300 if limited else 300
    script = f'perl -e \'my $x = "x" x ({size} << 20); print length($x), "\\n"\''
    done = sh(desk, "desk", script)
    assert (done.exit_status != 0) is limited, done
    assert checked(desk)["desk-opens-the-page"].status is Status.PASSED
    provoked("memory run wild")


def test_a_full_disk(desk: RunningLab, provoked: Provoked) -> None:
    """What is in memory ends at its size; a file on the disk ends at 1 GiB."""
    places = "/run /tmp /run/lock /dev /dev/shm"
    said(desk, "desk", f"for p in {places}; do head -c 300M /dev/zero > $p/full; done 2>&1 || true")
    sizes = said(desk, "desk", f"cd /; stat -c %s $(for p in {places}; do echo $p/full; done)")
    assert sum(map(int, sizes.split())) < 400 << 20
    assert checked(desk)["desk-finds-the-web-server"].status is Status.PASSED
    said(desk, "desk", "rm -f /run/full /tmp/full /run/lock/full /dev/full /dev/shm/full || true")
    # Written beyond its limit without one block of it being there.
    done = sh(desk, "desk", "dd if=/dev/zero of=/root/long bs=1M count=1 seek=1500")
    assert done.exit_status != 0, done
    provoked("a node fills a disk")


def test_a_flood_of_readiness(desk: RunningLab, provoked: Provoked) -> None:
    """systemd's word that it is up, for two seconds as fast as it can be said."""
    said(
        desk,
        "desk",
        "timeout 2 perl -MSocket -e 'socket(S, AF_UNIX, SOCK_DGRAM, 0);"
        ' my $to = pack("S a*", AF_UNIX, "\\0lab/ready");'
        ' send(S, "READY=1\\nSTATUS=\\33[2J", 0, $to) while 1\' || true',
    )
    assert all_green(desk)
    provoked("a node lays a trap for the switchboard")


# --- what a check could trip over ----------------------------------------------------------

_STRANGE = r"""
mkdir /etc/deep /etc/many /etc/links
perl -e 'chdir("/etc/deep"); for (1 .. 2500) { mkdir("d"); chdir("d") or die }'
perl -e 'chdir("/etc/many"); for (1 .. 5000) { open(my $f, ">", "name$_") or die }'
cd /etc/links; ln -s / root; ln -s . self; perl -e 'symlink("l" . ($_ + 1), "l$_") for 1 .. 60'
mkfifo /etc/fifo; ln -s /dev/zero /etc/zero; ln -s /proc/kcore /etc/kcore
truncate -s 1000M /etc/sparse; mknod /etc/null c 1 3
perl -e 'open(my $f, ">", "/etc/\e[2J\e]0;owned\a\n\xff\xfe") or die'
perl -e 'open(my $f, ">", "/usr/bin/\e[2J\xff") or die'
"""


def test_a_disk_full_of_traps(desk: RunningLab, provoked: Provoked) -> None:
    """Whoever looks for what was changed comes back, in time, and says what was left out."""
    desk.line.result("hand_over", disks=["desk"], configuration=False, timeout_s=120)
    said(desk, "desk", _STRANGE)
    started = time.monotonic()
    changes = desk.line.result("disk_changes", node="desk", timeout_s=70)
    standing = desk.line.result("standing", nodes=["desk"], timeout_s=30)
    altered = desk.line.result("altered", node="desk", timeout_s=30)
    assert time.monotonic() - started < BOUNDED_S
    assert len(changes["left_out"]) > 3
    assert set(standing) <= {"desk"}
    assert all(name.isprintable() for name in altered["altered"])
    rows = checked(desk)
    assert rows["desk-knows-its-own-name"].status is Status.FAILED
    assert rows["desk-opens-the-page"].status is Status.PASSED
    provoked("a file that a probe could trip over")


def test_nothing_of_the_nodes_name_service_is_used(desk: RunningLab, provoked: Provoked) -> None:
    """Whoever opened one of these would wait for ever, or load what is no library."""
    said(
        desk,
        "desk",
        "lib=$(dirname $(ls /usr/lib/*/libc.so.6));"
        " head -c 9000 /dev/urandom > $lib/libnss_evil.so.2;"
        " rm -f /etc/nsswitch.conf /etc/host.conf; mkfifo /etc/nsswitch.conf /etc/host.conf",
    )
    rows = checked(desk)
    assert rows["desk-opens-the-page"].status is Status.PASSED
    assert rows["desk-knows-its-own-name"].status is Status.FAILED  # a library is not the image's
    provoked("a library for a probe to load")


_IMPOSTORS = {
    "endless": "cp /usr/bin/yes /usr/bin/hostname",
    "escapes": """cat > /usr/bin/hostname <<'END'
#!/bin/bash
printf '\\e]0;owned\\a\\e[2J\\nx'
END""",
    "hangs": r"printf '#!/bin/bash\ntrap : TERM\nsleep 99\n' > /usr/bin/hostname",
    "no timeout": "rm /usr/bin/timeout; cp /usr/bin/printenv /usr/bin/timeout",
    "no shell": "cp /bin/true /root/t; for p in sh bash env; do cp /root/t /usr/bin/$p; done",
    "nothing there": "rm -f /usr/bin/env /usr/bin/timeout",
    "not to be run": "chmod 0 /usr/bin/hostname",
}
#: What the kit may take for a program's output, in KiB.
_MEMORY_KIB = 150 << 10


@pytest.mark.parametrize("impostor", _IMPOSTORS)
def test_a_program_that_is_replaced(desk: RunningLab, impostor: str, provoked: Provoked) -> None:
    sh(desk, "desk", _IMPOSTORS[impostor])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = checked(desk)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < _MEMORY_KIB
    assert rows["desk-knows-its-own-name"].status in {Status.FAILED, Status.ERROR}
    assert rows["desk-finds-the-web-server"].status is Status.PASSED
    provoked("a program that is not the image's")


def test_the_inner_life_of_a_node_killed(desk: RunningLab, provoked: Provoked) -> None:
    """The wire is asked all the same; a machine whose systemd crashes starts again."""
    said(desk, "desk", "kill -STOP $(pidof systemd-journald)")
    assert all_green(desk)
    provoked("a node's journal killed")
    before = boots(desk, "desk")
    sh(desk, "desk", "kill -SEGV 1")
    checked(desk)
    back_again(desk, before)
    assert all_green(desk)
    provoked("a node's systemd killed")


def _page_for(lab: RunningLab, node: str) -> CheckResult:
    """The same question from another machine."""
    old = next(check for check in lab.plan.checks if check.id == "desk-opens-the-page")
    assert isinstance(old.probe, HttpProbe)
    address = lab.plan.nodes["web"].view.address
    probe = replace(old.probe, url=f"http://{address}/")
    fields = {"id": f"{node}-opens-the-page", "title": "The page opens", "from": node}
    return run_checks(lab, checks=[Check(**fields, http=probe)]).checks[0]


def test_a_service_for_the_checkers_address_alone(hostile: RunningLab, provoked: Provoked) -> None:
    """A probe has no address of its own: whoever serves it serves the machine that it asks from."""
    desk = hostile.plan.nodes["desk"].view.address
    rules = f"""
table ip t {{
    chain i {{
        type filter hook input priority 0
        tcp dport 80 ip saddr != {desk} drop
    }}
}}
"""
    said(hostile, "web", f"nft -f - <<'END'\n{rules}\nEND")
    try:
        assert said(hostile, "desk", "curl -sf http://www.mini.test/")
        assert _page_for(hostile, "desk").status is Status.PASSED
        assert _page_for(hostile, "gw").status is Status.FAILED
    finally:
        said(hostile, "web", "nft delete table ip t")
    assert _page_for(hostile, "gw").status is Status.PASSED
    provoked("a service for one address alone")


#: Each lets but one sort of user out to the web, on the machine that is asked from.
_FOR_ONE_USER = {
    "nobody": "skuid != 65534",
    "root": "skuid != 0",
    "a person": "skuid != 1000",
    "whoever is no person": "skuid 1000",
    "the group of nobody": "skgid != 65534",
}


@pytest.mark.parametrize("user", _FOR_ONE_USER)
def test_a_way_out_for_one_user_alone(hostile: RunningLab, user: str, provoked: Provoked) -> None:
    """Questions of one machine are several users'; whoever is served alone is not all."""
    rules = f"""
table inet t {{
    chain o {{
        type filter hook output priority 0
        tcp dport 80 meta {_FOR_ONE_USER[user]} drop
    }}
}}
"""
    said(hostile, "desk", f"nft -f - <<'END'\n{rules}\nEND")
    try:
        statuses = {row.status for row in _three_pages(hostile)}
        assert Status.FAILED in statuses
    finally:
        said(hostile, "desk", "nft delete table inet t")
    assert {row.status for row in _three_pages(hostile)} == {Status.PASSED}
    provoked("a way out for one user alone")


def _three_pages(lab: RunningLab) -> list[CheckResult]:
    address = lab.plan.nodes["web"].view.address
    checks = [
        Check(
            id=f"page-{number}",
            title="The page opens",
            http=HttpProbe(url=f"http://{address}/?{number}"),
            **{"from": "desk"},
        )
        for number in range(3)
    ]
    return run_checks(lab, checks=checks).checks
