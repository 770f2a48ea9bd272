"""Creates a lab's containers, several at a time."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from lab_runner.engine import containers, images
from lab_runner.engine.docker import WORKERS, Progress
from lab_runner.planning.disks import PackedDisk, pack
from lab_runner.planning.plan import NodePlan, Plan

if TYPE_CHECKING:
    from docker import DockerClient

_Job = Callable[[], tuple[str, str]]


#: Told of the switchboard's container as soon as it runs.
OnSwitchboard = Callable[[str], None]


def packed(plan: Plan) -> dict[str, PackedDisk]:
    """The disks of all nodes, ready to be sent.

    Raises:
        DefinitionError: A template on one of them is wrong.
    """
    return {name: pack(node.files) for name, node in plan.nodes.items()}


def create_lab(
    client: DockerClient,
    plan: Plan,
    attempt: str,
    progress: Progress,
    on_switchboard: OnSwitchboard,
) -> dict[str, str]:
    """Create and start the switchboard and all nodes; returns the containers by node."""
    tags = images.ensure(client, _targets(plan), progress)

    def switchboard() -> tuple[str, str]:
        image = tags[images.Target.SWITCHBOARD]
        made = containers.create_switchboard(client, image, plan, attempt)
        on_switchboard(made)
        return containers.SWITCHBOARD, made

    nodes = list(plan.nodes.values())
    return _all([switchboard, *_nodes(client, plan, attempt, nodes, tags, progress)])


def create_nodes(
    client: DockerClient, plan: Plan, attempt: str, names: Iterable[str], progress: Progress
) -> dict[str, str]:
    """Create and start nodes, to be wired by a switchboard that runs already."""
    nodes = [plan.nodes[name] for name in names]
    tags = images.ensure(client, _targets(plan), progress)
    return _all(_nodes(client, plan, attempt, nodes, tags, progress))


def _nodes(
    client: DockerClient,
    plan: Plan,
    attempt: str,
    nodes: Iterable[NodePlan],
    tags: dict[images.Target, str],
    progress: Progress,
) -> list[_Job]:
    def job(spec: NodePlan) -> _Job:
        return lambda: create(spec)

    def create(spec: NodePlan) -> tuple[str, str]:
        progress(spec.name, "creating")
        image = tags[images.Target(spec.image)]
        made = containers.create_node(client, image, plan, attempt, spec)
        progress(spec.name, "booting")
        return spec.name, made

    return [job(spec) for spec in nodes]


def _all(jobs: list[_Job]) -> dict[str, str]:
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        made = [pool.submit(job) for job in jobs]
        try:
            return dict(one.result() for one in made)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _targets(plan: Plan) -> list[images.Target]:
    kinds = sorted({node.image for node in plan.nodes.values()})
    return [images.Target.SWITCHBOARD, *(images.Target(kind) for kind in kinds)]
