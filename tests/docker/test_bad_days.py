"""What learners and machines do to a lab: a check says failed or error, soon, and never hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from lab_runner.checker.run import run_checks
from lab_runner.engine import containers, images, running
from lab_runner.engine.running import RunningLab
from lab_runner.errors import EngineError, NodeNotReady
from lab_runner.models.results import Status
from lab_runner.planning.plan import Plan
from tests.conftest import DATA
from tests.docker.conftest import (
    Labs,
    back_again,
    boots,
    on_host,
    quiet,
    said,
    sh,
    wait_for,
    with_file,
)

BOUNDED_S = 30.0


def statuses(lab: RunningLab) -> dict[str, Status]:
    """Every check's status, in bounded time."""
    started = time.monotonic()
    rows = {row.id: row.status for row in run_checks(lab).checks}
    assert time.monotonic() - started < BOUNDED_S
    return rows


def red(lab: RunningLab, check: str) -> None:
    assert statuses(lab)[check] in {Status.FAILED, Status.ERROR}


@pytest.fixture(scope="module")
def ruined(engine: DockerClient, plan: Plan) -> Iterator[RunningLab]:
    """One lab for all ruins; each test builds its machines again if it must."""
    made = Labs(engine)
    try:
        yield made.deploy(plan)
    finally:
        made.clean()


# --- the resolver's file -------------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [
        "mkfifo /etc/resolv.conf",
        "mkdir /etc/resolv.conf",
        "ln -s /etc/resolv.conf /etc/resolv.conf",
        "ln -s /proc/self/mem /etc/resolv.conf",
        "ln -s /dev/zero /etc/resolv.conf",
        "truncate -s 1G /etc/resolv.conf",
        "head -c 300000 /dev/urandom > /etc/resolv.conf",
        "true",
        "echo nameserver 203.0.113.99 > /etc/resolv.conf",
    ],
)
def test_a_strange_resolv_conf(ruined: RunningLab, script: str) -> None:
    said(ruined, "desk", f"cp /etc/resolv.conf /root/keep; rm /etc/resolv.conf; {script}")
    try:
        red(ruined, "desk-finds-the-web-server")
    finally:
        said(ruined, "desk", "rm -rf /etc/resolv.conf; mv /root/keep /etc/resolv.conf")
    assert statuses(ruined)["desk-finds-the-web-server"] is Status.PASSED


def test_a_name_server_that_never_answers(ruined: RunningLab) -> None:
    said(ruined, "gw", "kill -STOP $(pidof dnsmasq)")
    try:
        red(ruined, "desk-finds-the-web-server")
        red(ruined, "desk-opens-the-page")
    finally:
        said(ruined, "gw", "kill -CONT $(pidof dnsmasq)")


def test_a_web_server_that_never_answers(ruined: RunningLab) -> None:
    said(ruined, "web", "kill -STOP $(pidof nginx)")
    try:
        red(ruined, "desk-opens-the-page")
    finally:
        said(ruined, "web", "kill -CONT $(pidof nginx)")


# --- machines ------------------------------------------------------------------------


def test_the_interface_taken_down(ruined: RunningLab) -> None:
    said(ruined, "desk", "ip link set eth0 down")
    red(ruined, "desk-opens-the-page")
    said(ruined, "desk", "ip link del eth0")
    red(ruined, "desk-opens-the-page")
    before = boots(ruined, "desk")
    sh(ruined, "desk", "reboot -f")
    back_again(ruined, before)
    assert statuses(ruined)["desk-opens-the-page"] is Status.PASSED


def test_killing_pid_1_from_inside_has_no_effect(ruined: RunningLab) -> None:
    before = boots(ruined)
    sh(ruined, "desk", "kill -9 1; kill -TERM -1")
    time.sleep(0.5)
    assert boots(ruined) == before
    assert statuses(ruined)["desk-finds-the-web-server"] is Status.PASSED


def test_pid_1_killed_from_outside_boots_again(ruined: RunningLab) -> None:
    before = boots(ruined, "desk")
    pid = ruined.states()["desk"]["pid"]
    on_host("kill", "-9", str(pid))
    back_again(ruined, before)
    assert statuses(ruined)["desk-opens-the-page"] is Status.PASSED


def test_a_frozen_machine(ruined: RunningLab) -> None:
    on_host("docker", "pause", ruined.container("web"))
    try:
        red(ruined, "desk-opens-the-page")
    finally:
        on_host("docker", "unpause", ruined.container("web"))


def test_run_and_tmp_filled(ruined: RunningLab) -> None:
    """Bounded by the machine's own file systems, not by the host's memory."""
    for place in ("/run", "/tmp", "/dev/shm"):
        size = int(said(ruined, "desk", f"df -B1 --output=size {place} | tail -n 1"))
        assert size <= 256 << 20, place
    sh(ruined, "desk", "head -c 300M /dev/zero > /run/full; head -c 300M /dev/zero > /tmp/full")
    try:
        assert Status.PASSED in statuses(ruined).values()
    finally:
        said(ruined, "desk", "rm -f /run/full /tmp/full")


def test_a_flooded_segment(ruined: RunningLab) -> None:
    target = ruined.plan.nodes["gw"].view.address
    flood = f"timeout 3 ping -f -s 1400 -c 20000 {target} >/dev/null"
    thread = threading.Thread(target=lambda: sh(ruined, "desk", f"{flood} & {flood}; wait"))
    thread.start()
    statuses(ruined)
    thread.join()
    assert set(statuses(ruined).values()) == {Status.PASSED}


def test_etc_deleted(own_lab: RunningLab) -> None:
    sh(own_lab, "web", "rm -rf /etc")
    sh(own_lab, "desk", "rm -rf /etc /usr/bin")
    rows = statuses(own_lab)
    assert rows["desk-finds-the-web-server"] is Status.FAILED
    assert rows["desk-knows-its-own-name"] in {Status.FAILED, Status.ERROR}
    own_lab.reset(quiet)
    assert set(statuses(own_lab).values()) == {Status.PASSED}


# --- starting and stopping -----------------------------------------------------------


def left(client: DockerClient, attempt: str) -> list[str]:
    return [row.attempt for row in running.find(client) if row.attempt == attempt]


def test_a_node_that_does_not_boot(labs: Labs, plan: Plan) -> None:
    broken = with_file(
        plan,
        "desk",
        "/etc/systemd/system/networking.service.d/stuck.conf",
        "[Service]\nTimeoutStartSec=infinity\n"
        "ExecStartPre=sh -c 'echo waiting for Godot; sleep 600'\n",
    )
    attempt = labs.attempt()
    with pytest.raises(NodeNotReady, match=r"desk did not boot within 15 s(.|\n)*Godot") as caught:
        running.deploy(labs.client, broken, attempt, quiet, deadline_s=15)
    assert "gw" not in str(caught.value).split("did not boot")[0]
    assert not left(labs.client, attempt)


def test_a_node_whose_init_ends_at_once(labs: Labs, plan: Plan) -> None:
    """It is not waited for: a minute would bring nothing but more of the same."""
    broken = with_file(plan, "desk", "/usr/lib/systemd/systemd", "#!/bin/sh\nexit 1\n")
    attempt, began = labs.attempt(), time.monotonic()
    with pytest.raises(NodeNotReady, match="desk does not boot: its init ended 4 times"):
        running.deploy(labs.client, broken, attempt, quiet, deadline_s=120)
    assert time.monotonic() - began < 60
    assert not left(labs.client, attempt)


@pytest.mark.parametrize("state", ["creating", "booting", "up"])
def test_ctrl_c_leaves_nothing(labs: Labs, plan: Plan, state: str) -> None:
    def interrupt(_item: str, new: str) -> None:
        if new == state:
            raise KeyboardInterrupt

    attempt = labs.attempt()
    with pytest.raises(KeyboardInterrupt):
        running.deploy(labs.client, plan, attempt, interrupt)
    assert not left(labs.client, attempt)


_DEPLOY = """
import sys
from pathlib import Path
from lab_runner.catalogue import Catalogue
from lab_runner.engine import running
from lab_runner.engine.docker import connect
from lab_runner.planning.plan import make_plan
data = Path(sys.argv[1])
plan = make_plan(Catalogue((data / "labs",), (data / "scenarios",)), "no-page-opens", 1)
running.deploy(connect(), plan, sys.argv[2], lambda *words: print(*words, flush=True))
"""


@pytest.mark.parametrize("after", ["creating", "booting"])
def test_sigint_leaves_nothing(labs: Labs, after: str) -> None:
    attempt = labs.attempt()
    child = subprocess.Popen(
        [sys.executable, "-c", _DEPLOY, str(DATA), attempt],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    while after not in child.stdout.readline():
        assert child.poll() is None
    os.kill(child.pid, signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode != 0
    assert not left(labs.client, attempt)


def test_two_removals_at_once(labs: Labs, plan: Plan) -> None:
    lab = labs.deploy(plan)
    problems: list[Exception] = []

    def remove() -> None:
        try:
            running.remove(labs.client, lab.attempt, quiet)
        except EngineError as exc:
            problems.append(exc)

    threads = [threading.Thread(target=remove) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert not left(labs.client, lab.attempt)
    running.remove(labs.client, lab.attempt, quiet)


def test_a_name_that_is_taken(labs: Labs, plan: Plan) -> None:
    attempt = labs.attempt()
    tag = images.tags([images.Target.SWITCHBOARD])[images.Target.SWITCHBOARD]
    name = containers.container_name(attempt, "desk")
    squatter = labs.client.api.create_container(tag, ["true"], name=name)["Id"]
    try:
        with pytest.raises(EngineError, match=f"{name}.* already in use"):
            running.deploy(labs.client, plan, attempt, quiet)
        assert not left(labs.client, attempt)
    finally:
        labs.client.api.remove_container(squatter, force=True)


def test_an_engine_that_does_not_know_the_image(labs: Labs, plan: Plan) -> None:
    with pytest.raises(EngineError, match="no image") as caught:
        containers.create_node(
            labs.client, "breakfix/nothing:0", plan, labs.attempt(), plan.nodes["desk"]
        )
    assert "lab images build" in caught.value.hint


def test_a_lab_that_vanishes_during_a_check(own_lab: RunningLab) -> None:
    thread = threading.Thread(target=lambda: running.remove(own_lab.client, own_lab.attempt, quiet))
    own_lab.states()
    thread.start()
    started = time.monotonic()
    run_checks(own_lab)
    assert time.monotonic() - started < BOUNDED_S
    thread.join()
    wait_for(lambda: not left(own_lab.client, own_lab.attempt), "the lab is gone")
