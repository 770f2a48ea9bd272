"""What the switchboard does to the network that is its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.root

#: As a container of a newer engine begins: IPv6 is on, and its settings cannot be written.
NEWER = """
mount -t proc proc /proc
echo 0 > /proc/sys/net/ipv6/conf/all/disable_ipv6
echo 0 > /proc/sys/net/ipv6/conf/default/disable_ipv6
ip link add before type bridge
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
"""
_MODULE = "lab_runner.switchboard.namespaces"
OFF = f"{sys.executable} -c 'import {_MODULE} as ours; ours.switch_ipv6_off()'"
SHOWN = """
ip link add after type bridge
ip link set before up
ip link set after up
ip -6 -br address
echo 0 2>/dev/null > /proc/sys/net/ipv6/conf/all/disable_ipv6 || echo read-only
"""


def said(script: str) -> list[str]:
    """What it says in a network and a view of the files of its own."""
    argv = ["unshare", "--net", "--mount", "--propagation", "private", "bash", "-ec", script]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return [line.split()[0] for line in done.stdout.splitlines()]


def test_ipv6_is_on_to_begin_with() -> None:
    assert said(NEWER + SHOWN) == ["before", "after", "read-only"]


@pytest.mark.parametrize("off", [OFF, f"{OFF}\n{OFF}"], ids=["once", "twice"])
def test_the_switchboards_network_has_no_ipv6(off: str) -> None:
    """Neither what is there nor what comes; and its settings are as closed as before."""
    assert said(NEWER + off + SHOWN) == ["read-only"]


def test_a_kernel_without_ipv6_is_left_alone() -> None:
    gone = "mount -t tmpfs none /proc/sys/net/ipv6\n"
    assert said(f"mount -t proc proc /proc\n{gone}{OFF}\necho well") == ["well"]
