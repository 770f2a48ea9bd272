"""How a lab's containers are made: privileges, mounts, labels."""

from __future__ import annotations

import getpass
import json
import platform
from typing import TYPE_CHECKING, Any

from lab_runner import __version__
from lab_runner.engine.docker import mapped
from lab_runner.engine.limits import LIMITS
from lab_runner.engine.process import this_process
from lab_runner.errors import EngineError
from lab_runner.switchboard.protocol import (
    NODE_VARIABLE,
    PLAN_VARIABLE,
    CablePlan,
    WiringPlan,
)

if TYPE_CHECKING:
    from docker import DockerClient

    from lab_runner.planning.plan import NodePlan, Plan

LABEL = "breakfix.attempt"
LABEL_SCENARIO = "breakfix.scenario"
LABEL_LAB = "breakfix.lab"
LABEL_SEED = "breakfix.seed"
LABEL_NODE = "breakfix.node"
#: The names of all nodes of the lab, separated by commas: what is missing can be told.
LABEL_NODES = "breakfix.nodes"
#: There on the containers of a drill, whose scenario is not told before its end.
LABEL_DRILL = "breakfix.drill"
#: There on the containers of a course's work, of which neither scenario nor seed is told.
LABEL_ASSIGNMENT = "breakfix.assignment"
#: There on the containers of a proof, which is nobody's attempt.
LABEL_PROOF = "breakfix.proof"
#: The process that a proof belongs to: when that is gone, the proof goes too.
LABEL_HOLDER = "breakfix.holder"
LABEL_OWNER = "breakfix.owner"
LABEL_VERSION = "breakfix.version"
#: The value of :data:`LABEL_NODE` of the switchboard; no node can have this name.
SWITCHBOARD = "(switchboard)"

# With sizes: a file system in memory that a learner fills is filled from the host's memory.
_NODE_TMPFS = {
    "/run": "exec,mode=755,size=64m",
    "/run/lock": "mode=1777,size=4m",
    "/tmp": "exec,mode=1777,size=128m",  # noqa: S108
}
#: systemd says READY=1 here (sd_notify(3)): an abstract socket in the node's own network
#: namespace, which the switchboard opens before power-on.
_NOTIFY_SOCKET = "@lab/ready"
_SWITCHBOARD_CAPS = [
    "SYS_ADMIN",  # setns, mounts
    "SYS_PTRACE",  # /proc/<pid>/root and /ns of nodes
    "NET_ADMIN",
    "NET_RAW",
    "DAC_OVERRIDE",  # a node's disk, before its first boot
    "CHOWN",
    "FOWNER",
    "DAC_READ_SEARCH",  # files of nodes that only their owner may read
    "SETUID",
    "SETGID",
    "KILL",
    "SYS_CHROOT",  # setns into a mount namespace
]
#: On Linux an interface's name has at most 15 bytes (IFNAMSIZ).
_NAME_BYTES = 15


def container_name(attempt: str, node: str) -> str:
    """The container's name: what ``docker ps`` shows."""
    return f"breakfix-{attempt}-{'switchboard' if node == SWITCHBOARD else node}"


def gone(node: str) -> EngineError:
    """The error for a node whose container is not there any more."""
    way = "`lab reset` builds all machines again."
    if node == SWITCHBOARD:
        way = "`lab stop` takes away what is left, `lab start` brings a fresh lab."
    return EngineError(f"The container of {node} is gone.", hint=way)


def labels(plan: Plan, attempt: str, node: str) -> dict[str, str]:
    """What is written on each container; nothing of it can be read inside a node."""
    return {
        LABEL: attempt,
        LABEL_SCENARIO: plan.scenario_id or "",
        LABEL_LAB: plan.lab_id,
        LABEL_SEED: str(plan.seed),
        LABEL_NODE: node,
        LABEL_NODES: ",".join(plan.nodes),
        LABEL_OWNER: f"{getpass.getuser()}@{platform.node()}",
        LABEL_VERSION: __version__,
        **({LABEL_DRILL: "yes"} if plan.drill else {}),
        **({LABEL_ASSIGNMENT: plan.assignment} if plan.assignment else {}),
        **({LABEL_PROOF: "yes", LABEL_HOLDER: this_process()} if plan.proof else {}),
    }


def wiring_plan(plan: Plan, attempt: str) -> WiringPlan:
    """The plan for the switchboard: names of devices, tokens of nodes."""
    segments = {name: f"seg{i}-{name}"[:_NAME_BYTES] for i, name in enumerate(plan.segments)}
    nodes: dict[str, list[CablePlan]] = {}
    for name, node in plan.nodes.items():
        nodes[name] = [
            CablePlan(
                card=cable.interface,
                port=f"p{len(nodes)}{cable.interface}"[:_NAME_BYTES],
                segment=cable.segment,
                mac=cable.mac,
            )
            for cable in node.cables
        ]
    tokens = {name: f"{attempt}.{name}" for name in plan.nodes}
    return WiringPlan(segments, nodes, tokens, sorted(_words(plan)))


def _words(plan: Plan) -> set[str]:
    """All probes that will be asked, those during a capture as well."""
    during = [check.capture.during for check in plan.checks if check.capture]
    return {check.word for check in plan.checks}.union(*during)


def create_switchboard(client: DockerClient, image: str, plan: Plan, attempt: str) -> str:
    """Create and start the switchboard; returns the container's id."""
    wiring = wiring_plan(plan, attempt)
    host = _host_config(
        client,
        pid_mode="host",
        cap_drop=["ALL"],
        cap_add=_SWITCHBOARD_CAPS,
        read_only=True,
        tmpfs={"/run": "mode=755", "/tmp": "mode=1777"},  # noqa: S108
    )
    # Without a name it goes with its container. Of an engine that is killed in between it stays:
    # by its label it is found.
    keeps = {"Labels": {LABEL: attempt}}
    host["Mounts"] = [{"Type": "volume", "Target": "/state", "VolumeOptions": keeps}]
    return _create(
        client,
        image,
        plan,
        attempt,
        SWITCHBOARD,
        host_config=host,
        environment={PLAN_VARIABLE: json.dumps(wiring.to_json())},
    )


def create_node(client: DockerClient, image: str, plan: Plan, attempt: str, node: NodePlan) -> str:
    """Create a node and start it; it waits for its disk and its cables."""
    host = _host_config(
        client,
        cap_add=["NET_ADMIN"],
        tmpfs=_NODE_TMPFS,
        log_config={"Type": "none"},
        **LIMITS,
    )
    host["CgroupnsMode"] = "private"
    return _create(
        client,
        image,
        plan,
        attempt,
        node.name,
        host_config=host,
        hostname=node.name,
        # A namespace of its own without the engine's hook in it, which would be
        # one more program to start for every node and every reboot.
        network_disabled=True,
        environment={
            NODE_VARIABLE: wiring_plan(plan, attempt).tokens[node.name],
            "NOTIFY_SOCKET": _NOTIFY_SOCKET,
        },
    )


def _host_config(client: DockerClient, **options: Any) -> dict[str, Any]:
    config: dict[str, Any] = client.api.create_host_config(
        network_mode="none",
        restart_policy={"Name": "always"},
        # Docker's profile denies every write below /proc/sys/net (design section 2).
        security_opt=["apparmor=unconfined", "label=disable"],
        **options,
    )
    return config


def _create(
    client: DockerClient,
    image: str,
    plan: Plan,
    attempt: str,
    node: str,
    **options: Any,
) -> str:
    with mapped():
        created = client.api.create_container(
            image,
            name=container_name(attempt, node),
            labels=labels(plan, attempt, node),
            **options,
        )
        container = str(created["Id"])
        client.api.start(container)
    return container
