"""Which commands look, and which change something."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_runner.catalogue import Catalogue
from lab_runner.grading.looks import Look, changes_something, looks, looks_before_changes
from tests.unit.hand_ins import command, make_course, work_of


@pytest.mark.parametrize(
    "line",
    [
        "ip addr",
        "ip -br a | grep eth0",
        "sudo tcpdump -ni eth0 -c 5",
        "cat /etc/resolv.conf 2>/dev/null",
        "LANG=C ss -tlnp 2>&1 | less",
        "/usr/sbin/nft list ruleset",
        "systemctl status dnsmasq && journalctl -u dnsmasq -n 20",
        "sed -n 1,20p /etc/hosts",
        "sysctl net.ipv4.ip_forward",
        'echo "unfinished && ping 10.0.0.1',
        "vtysh -c 'show ip route'",
        "for h in a b; do ping -c1 $h; done; ping -c1 c",
    ],
)
def test_looks(line: str) -> None:
    assert not changes_something(line)
    assert looks(line)


@pytest.mark.parametrize(
    "line",
    [
        "ip route add default via 10.0.0.1",
        "ip link set eth0 up",
        "sysctl -w net.ipv4.ip_forward=1",
        "sysctl net.ipv4.ip_forward=1",
        "sudo nano /etc/hosts",
        "sed -i s/a/b/ /etc/hosts",
        "sed -ie s/a/b/ /etc/hosts",
        "echo 1 > /proc/sys/net/ipv4/ip_forward",
        "cat x | tee /etc/hosts",
        "systemctl restart nginx",
        "nft flush ruleset",
        "iptables -A INPUT -j ACCEPT",
        "ls; rm -rf /etc/motd",
    ],
)
def test_changes(line: str) -> None:
    assert changes_something(line)


@pytest.mark.parametrize("line", ["", ";;;", "cd /etc", "exit", "'", "\x1b[31m", "a" * 100_000])
def test_what_is_neither(line: str) -> None:
    assert not changes_something(line)
    assert not looks(line)


def test_a_capture_is_a_look_at_the_machine_whose_card_it_is(
    tmp_path: Path, small: Catalogue
) -> None:
    lines = ("lab capture gw:eth1 'len > 100'", "lab capture lan udp port 53", "rm /etc/motd")
    told = [("", lines[0]), ("", lines[1]), ("gw", lines[2]), ("gw", "ip route")]
    course = make_course(tmp_path / "course", small)
    work = work_of(course, "ada", *(command(node, line) for node, line in told))
    assert looks_before_changes(work) == [Look("gw", lines[0]), Look("lan", lines[1])]
