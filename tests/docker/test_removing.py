"""Labs are taken away whole, and nobody else's things."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

import pytest
from docker import DockerClient
from docker.errors import NotFound

from lab_runner.engine.containers import LABEL, SWITCHBOARD
from lab_runner.engine.finding import container_ids
from lab_runner.engine.removing import remove, remove_leftovers
from lab_runner.engine.running import RunningLab
from tests.docker.conftest import quiet

pytestmark = pytest.mark.docker


@pytest.fixture
def volume(engine: DockerClient, request: pytest.FixtureRequest) -> Iterator[str]:
    """One that no container has, with these labels."""
    made = engine.api.create_volume(f"breakfix-test-{secrets.token_hex(4)}", labels=request.param)
    yield made["Name"]
    with contextlib.suppress(NotFound):
        engine.api.remove_volume(made["Name"])


def there(engine: DockerClient, name: str) -> bool:
    return name in [one["Name"] for one in engine.api.volumes()["Volumes"] or []]


def volumes_of(lab: RunningLab) -> list[str]:
    switchboard = container_ids(lab.client, lab.attempt)[SWITCHBOARD]
    mounts = lab.client.api.inspect_container(switchboard)["Mounts"]
    return [mount["Name"] for mount in mounts if mount["Type"] == "volume"]


@pytest.mark.parametrize("volume", [{LABEL: "abc123"}], indirect=True)
def test_a_volume_of_ours_without_its_container_is_taken_away(
    engine: DockerClient, volume: str
) -> None:
    assert there(engine, volume)
    remove_leftovers(engine)
    assert not there(engine, volume)


@pytest.mark.parametrize("volume", [{}, {"breakfix": "abc123"}], indirect=True)
def test_volumes_of_others_stay(engine: DockerClient, volume: str) -> None:
    remove_leftovers(engine)
    assert there(engine, volume)


def test_what_a_lab_keeps_stays_with_it_and_goes_with_it(
    engine: DockerClient, own_lab: RunningLab
) -> None:
    (name,) = volumes_of(own_lab)
    assert engine.api.inspect_volume(name)["Labels"] == {LABEL: own_lab.attempt}
    remove_leftovers(engine)
    assert there(engine, name)
    own_lab.close()
    remove(engine, own_lab.attempt, quiet)
    assert not there(engine, name)
