"""Kernel parameters of the node's own namespace."""

from __future__ import annotations

import pytest

from lab_runner.errors import ProbeError
from lab_runner.models.probes import SysctlProbe
from tests.wire.asking import Node
from tests.wire.conftest import Network


@pytest.mark.root
def test_the_value_in_the_nodes_namespace(near: Node, network: Network) -> None:
    mid = Node(near.disk, network.netns("mid"))
    probe = SysctlProbe(key="net.ipv4.ip_forward", value=["1"])
    assert mid.ask(probe).verdict.passed
    asked = near.ask(probe)
    assert asked.seen.value == "0"
    assert asked.verdict.rationale == "net.ipv4.ip_forward on desk is 0; expected 1"


def test_columns_and_slashes(node: Node) -> None:
    asked = node.ask(SysctlProbe(key="net/ipv4/tcp_rmem"))
    assert len(asked.seen.value.split(" ")) == 3
    assert asked.verdict.passed


def test_a_parameter_that_is_not_there(node: Node) -> None:
    asked = node.ask(SysctlProbe(key="net.ipv4.nonsense"))
    assert asked.seen.value is None
    assert not asked.verdict.passed


@pytest.mark.parametrize("key", ["kernel.hostname", "net/../kernel/hostname", "net..ipv4", "/net"])
def test_only_the_network_is_asked_for(node: Node, key: str) -> None:
    with pytest.raises(ProbeError, match="no parameter under net"):
        node.ask(SysctlProbe(key=key))
