"""Images on a real engine: built when missing, listed, pruned; and how a node's image boots."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from lab_runner.engine import images
from lab_runner.engine.docker import connect
from lab_runner.engine.recipe import Cookbook, Sources, Target
from lab_runner.errors import ImageBuildFailed

pytestmark = pytest.mark.docker

#: A repository of our own: the kit's real images are nobody's test data.
REPOSITORY = "breakfix-test"

DOCKERFILE = """\
FROM breakfix/debian:13 AS base
COPY labs/images/motd /etc/motd
FROM base AS workstation
RUN echo workstation > /kind
FROM base AS router
RUN echo router > /kind
FROM base AS server
RUN echo one; echo two; echo the last words; exit 7
FROM base AS switchboard
"""


class Told:
    """Records what ``ensure`` reports."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, item: str, state: str) -> None:
        self.lines.append((item, state))

    @property
    def built(self) -> list[str]:
        return [item for item, state in self.lines if state == "ready"]


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    client = connect()
    images.ensure(client, [Target.BASE], Told())
    yield client
    client.close()


@pytest.fixture
def sources(client: docker.DockerClient, tmp_path: Path) -> Iterator[Sources]:
    folder = tmp_path / "labs/images"
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "motd").write_text(f"{time.time_ns()}\n")
    yield Sources(data=tmp_path, package=tmp_path, repository=REPOSITORY)
    for image in client.api.images(filters={"reference": f"{REPOSITORY}/*"}):
        for tag in image["RepoTags"]:
            client.api.remove_image(tag, force=True)


def test_ensure_builds_what_is_missing_and_what_that_starts_from(
    client: docker.DockerClient, sources: Sources
) -> None:
    told = Told()
    wanted = [Target.ROUTER, Target.WORKSTATION]
    assert images.missing(client, wanted, sources) == wanted
    tags = images.ensure(client, wanted, told, sources)
    assert tags == images.tags(wanted, sources)
    assert told.built[0] == "base"
    assert sorted(told.built[1:]) == ["router", "workstation"]
    assert images.missing(client, wanted, sources) == []
    assert (
        client.containers.run(tags[Target.ROUTER], "cat /kind", network_mode="none", remove=True)
        == b"router\n"
    )


def test_ensure_does_nothing_the_second_time(client: docker.DockerClient, sources: Sources) -> None:
    images.ensure(client, [Target.ROUTER], Told(), sources)
    told, begin = Told(), time.monotonic()
    images.ensure(client, [Target.ROUTER], told, sources)
    assert told.lines == []
    assert time.monotonic() - begin < 1


def test_a_failed_build_shows_the_last_lines_and_leaves_no_container(
    client: docker.DockerClient, sources: Sources
) -> None:
    with pytest.raises(ImageBuildFailed, match=r"(?s)server could not be built.*the last words"):
        images.ensure(client, [Target.SERVER], Told(), sources)
    assert images.missing(client, [Target.BASE, Target.SERVER], sources) == [Target.SERVER]
    assert (
        client.api.containers(
            all=True, filters={"ancestor": images.tags([Target.BASE], sources)[Target.BASE]}
        )
        == []
    )


def test_prune_removes_old_images_but_none_that_is_current_or_in_use(
    client: docker.DockerClient, sources: Sources
) -> None:
    motd = sources.locate("labs/images/motd")
    first = images.ensure(client, [Target.ROUTER, Target.WORKSTATION], Told(), sources)
    motd.write_text(f"{time.time_ns()} again\n")
    second = images.ensure(client, [Target.ROUTER], Told(), sources)
    assert first[Target.ROUTER] != second[Target.ROUTER]
    holder = client.containers.create(
        first[Target.WORKSTATION], "true", network_mode="none", labels={"breakfix.dev": "test"}
    )
    try:
        rows = {row.tag: row for row in images.list_images(client, sources)}
        assert rows[second[Target.ROUTER]].current
        assert not rows[first[Target.ROUTER]].current
        assert rows[first[Target.WORKSTATION]].in_use
        assert rows["breakfix/debian:13"].current
        assert rows[second[Target.ROUTER]].size > 0

        gone = images.prune(client, sources)
        assert first[Target.ROUTER] in gone
        left = {row.tag for row in images.list_images(client, sources)}
        assert first[Target.ROUTER] not in left
        assert {first[Target.WORKSTATION], second[Target.ROUTER], "breakfix/debian:13"} <= left
    finally:
        holder.remove(force=True)
    assert first[Target.WORKSTATION] in images.prune(client, sources)


@pytest.fixture(scope="module")
def base(client: docker.DockerClient) -> str:
    return images.tags([Target.BASE])[Target.BASE]


def in_base(client: docker.DockerClient, base: str, script: str) -> str:
    output: bytes = client.containers.run(
        base,
        ["bash", "-c", script],
        network_mode="none",
        remove=True,
        labels={"breakfix.dev": "test"},
    )
    return output.decode()


def test_a_node_image_carries_no_identity(client: docker.DockerClient, base: str) -> None:
    assert (
        in_base(client, base, "cat /etc/machine-id; ls /etc/ssh | grep -c ^ssh_host; true") == "0\n"
    )


def test_a_node_image_enables_no_unit_of_a_package(client: docker.DockerClient, base: str) -> None:
    find = "find /etc/systemd/system -path '*.wants/*.service' -o -path '*.wants/*.socket'"
    assert in_base(client, base, find) == ""


def test_sysusers_can_be_linked_into_the_boot(client: docker.DockerClient, base: str) -> None:
    assert in_base(client, base, "systemctl is-enabled systemd-sysusers || true") == "static\n"


def test_openssl_finds_the_authorities_by_its_own_default_name(
    client: docker.DockerClient, base: str
) -> None:
    script = "grep -c BEGIN $(openssl version -d | cut -d'\"' -f2)/cert.pem"
    assert int(in_base(client, base, script)) > 100


def test_the_power_switch_waits_without_work(client: docker.DockerClient, base: str) -> None:
    node = client.containers.run(
        base,
        network_mode="none",
        tmpfs={"/run": "exec"},
        detach=True,
        labels={"breakfix.dev": "test"},
    )
    try:
        time.sleep(2)
        top = node.top(ps_args="-o pid,time,args")["Processes"]
        assert len(top) == 1
        assert top[0][1] == "00:00:00"
        begin = time.monotonic()
        node.stop(timeout=8)
        assert time.monotonic() - begin < 3, "the stop signal is ignored while waiting"
    finally:
        node.remove(force=True)


def test_the_images_share_their_base(client: docker.DockerClient, base: str) -> None:
    cookbook = Cookbook()
    images.ensure(client, Target, Told())
    layers = client.images.get(base).attrs["RootFS"]["Layers"]
    for target in (Target.WORKSTATION, Target.ROUTER, Target.SERVER):
        assert (
            client.images.get(cookbook.tag(target)).attrs["RootFS"]["Layers"][: len(layers)]
            == layers
        )
