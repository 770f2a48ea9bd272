"""Processes of the node, by their parents."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_runner.errors import ProbeError
from lab_runner.models.probes import ProcessProbe
from tests.wire.asking import Node

#: A PID 1 that names itself, starts a child of another name, and waits.
INIT = """
import os, sys
open('/proc/self/comm', 'w').write('lab-init')
if os.fork() == 0:
    open('/proc/self/comm', 'w').write('a-very-long-name')
os.write(1, b'ready\\n')
sys.stdin.read()
"""


@pytest.fixture
def machine(node: Node) -> Iterator[Node]:
    argv = [sys.executable, "-c", INIT]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as init:
        assert init.stdout is not None
        for _ in range(2):
            assert init.stdout.readline() == b"ready\n"
        yield Node(node.disk, pid=init.pid)
        init.communicate()


@pytest.mark.parametrize("name", ["lab-init", "a-very-long-name", "a-very-long-nam"])
def test_a_process_of_the_node(machine: Node, name: str) -> None:
    asked = machine.ask(ProcessProbe(name=name))
    assert asked.seen.running == 1
    assert asked.verdict.passed
    assert not machine.ask(ProcessProbe(name=name, expect="absent")).verdict.passed


def test_what_runs_elsewhere_is_not_the_nodes(machine: Node) -> None:
    ours = Path("/proc/self/comm").read_text().strip()
    asked = machine.ask(ProcessProbe(name=ours, expect="absent"))
    assert asked.seen.running == 0
    assert asked.verdict.passed
    assert not machine.ask(ProcessProbe(name="named")).verdict.passed


def test_a_zombie_does_not_run(node: Node) -> None:
    argv = [sys.executable, "-c", "open('/proc/self/comm', 'w').write('lab-gone')"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read()
        asked = node.ask(ProcessProbe(name="lab-gone"))
    assert asked.seen.running == 0
    assert not asked.verdict.passed


def test_a_node_that_is_gone_cannot_be_asked(node: Node) -> None:
    with pytest.raises(ProbeError, match="not running"):
        Node(node.disk, pid=2**22 + 1).ask(ProcessProbe(name="x"))
