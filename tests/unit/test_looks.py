"""Which commands look, and which change something."""

from __future__ import annotations

import pytest

from lab_runner.grading.looks import changes_something, looks


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
