"""Jobs on several workers: each has one end, whoever is lost on the way."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dask
import pytest
from docker import DockerClient

from lab_runner.catalogue import Catalogue
from lab_runner.engine.running import find
from lab_runner.errors import EngineUnavailable, UsageError, WorkersLost
from lab_runner.planning.plan import make_plan
from lab_runner.pool.jobs import Done
from lab_runner.pool.lines import Tls
from lab_runner.pool.opening import pool
from lab_runner.pool.scheduled import ScheduledPool
from tests.conftest import DATA
from tests.docker.conftest import wait_for
from tests.docker.workers import LAB, ROOT, Cluster, Engine, Look, Ruin, Wait, Worker
from tests.wire.certificates import Authority

SMALLEST = "far-side-unreachable"
OWN = ("--labs", str(DATA / "labs"), "--scenarios", str(DATA / "scenarios"))


@pytest.fixture
def cluster(engine: DockerClient, tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    made.scheduler()
    try:
        yield made
    finally:
        made.close()


def of_process(client: DockerClient, pid: int) -> list[str]:
    """The labs that a process has made."""
    return [lab.attempt for lab in find(client) if lab.holder.split(" ")[1:2] == [str(pid)]]


def waiting(folder: Path, number: int) -> list[Wait]:
    notes = folder / "notes"
    notes.mkdir()
    return [Wait(f"job-{n}", folder / "go", notes) for n in range(number)]


def at_work(jobs: list[Wait]) -> int:
    return len(list(jobs[0].notes.iterdir()))


def test_a_killed_worker_s_job_runs_elsewhere_and_its_lab_is_swept(
    cluster: Cluster, engine: DockerClient, small: Catalogue, tmp_path: Path
) -> None:
    first, second = cluster.worker(1), cluster.worker(1)
    plan = replace(make_plan(small, SMALLEST, 1), proof=True)
    jobs = [Look(f"look-{n}", plan, tmp_path / "go") for n in range(4)]
    killed = threading.Event()

    def told(index: int, what: object) -> None:
        if what == "up" and of_process(engine, first.process.pid) and not killed.is_set():
            killed.set()
            first.kill()
            jobs[0].until.touch()

    with pool(scheduler=cluster.address) as made:
        done: list[Done[int]] = list(made.run(jobs, on_told=told))
    assert killed.is_set()
    assert sorted(one.index for one in done) == [0, 1, 2, 3]
    assert all(one.problem is None and one.result for one in done)
    assert done[-1].where == second.name
    assert of_process(engine, second.process.pid) == []
    (left,) = of_process(engine, first.process.pid)
    third = cluster.worker(1)
    assert f"Taken away: a proof of {SMALLEST}" in third.said
    assert left not in [lab.attempt for lab in find(engine)]


def test_slots_bound_what_a_worker_does_at_a_time(cluster: Cluster, tmp_path: Path) -> None:
    cluster.worker(2)
    jobs = waiting(tmp_path, 5)
    told: list[tuple[int, object]] = []

    def heard(index: int, what: object) -> None:
        told.append((index, what))
        if len({i for i, _ in told}) == 2:
            most.append(at_work(jobs))
            jobs[0].until.touch()

    most: list[int] = []
    with pool(scheduler=cluster.address) as made:
        done = list(made.run(jobs, on_told=heard))
    assert {one.result for one in done} == {f"job-{n} is done" for n in range(5)}
    assert most[0] == 2
    assert (0, "job-0") in told


def test_whoever_hangs_up_waits_for_what_is_at_work(cluster: Cluster, tmp_path: Path) -> None:
    cluster.worker(2)
    jobs = waiting(tmp_path, 6)
    with pool(scheduler=cluster.address) as made:
        found = made.run(jobs)
        threading.Thread(target=lambda: list(_ignoring(found)), daemon=True).start()
        wait_for(lambda: at_work(jobs) == 2, "two at work")
    assert at_work(jobs) == 0
    time.sleep(1)
    assert at_work(jobs) == 0


def _ignoring(found: Iterator[Done[str]]) -> Iterator[Done[str]]:
    with contextlib.suppress(Exception):
        yield from found


def test_a_worker_that_is_told_to_end_gives_its_jobs_back(cluster: Cluster, tmp_path: Path) -> None:
    first = cluster.worker(1)
    jobs = waiting(tmp_path, 2)
    with pool(scheduler=cluster.address) as made:
        results: list[Done[str]] = []
        listening = threading.Thread(target=lambda: results.extend(made.run(jobs)))
        listening.start()
        wait_for(lambda: at_work(jobs) == 1, "one at work")
        first.process.terminate()
        assert first.process.wait(30) == 0, first.said
        assert at_work(jobs) == 0
        second = cluster.worker(2)
        wait_for(lambda: at_work(jobs) == 2, "both at work")
        jobs[0].until.touch()
        listening.join(30)
    assert {(one.result, one.where) for one in results} == {
        ("job-0 is done", second.name),
        ("job-1 is done", second.name),
    }


def test_a_job_that_nobody_is_left_for_is_not_done(cluster: Cluster, tmp_path: Path) -> None:
    worker = cluster.worker(1)
    jobs = waiting(tmp_path, 2)
    made = ScheduledPool(cluster.address, Tls(), deserted_s=2)
    try:
        found = made.run(jobs, on_told=lambda *_: worker.process.kill())
        problems = [one.problem for one in found]
    finally:
        made.close()
    assert [type(one) for one in problems] == [WorkersLost, WorkersLost]


def test_a_scheduler_that_goes_away_is_told(cluster: Cluster, tmp_path: Path) -> None:
    worker = cluster.worker(1)
    jobs = waiting(tmp_path, 2)
    with pool(scheduler=cluster.address) as made:
        found = made.run(jobs, on_told=lambda *_: cluster.started[0].kill())
        problems = [one.problem for one in found]
    assert [type(one) for one in problems] == [EngineUnavailable, EngineUnavailable]
    assert worker.process.wait(60) == 3
    assert "went away" in worker.said
    assert at_work(jobs) == 0


def test_a_worker_that_is_there_is_seen_at_every_look(cluster: Cluster) -> None:
    worker = cluster.worker(1)
    with dask.config.set({"distributed.client.scheduler-info-interval": "1ms"}):
        made = ScheduledPool(cluster.address, Tls())
    try:
        seen = [made.workers() for _ in range(1000)]
    finally:
        made.close()
    assert [one for one in seen if one != {worker.name: 1}] == []


def test_workers_with_another_kit_get_nothing(cluster: Cluster) -> None:
    with pytest.raises(WorkersLost, match="has no worker"), pool(scheduler=cluster.address):
        pass
    other = "import lab_runner; lab_runner.__version__ = '9.9'; "
    cluster.start("other", "-c", other + LAB[2], "worker", cluster.address, "--slots", "1")
    wait_for(lambda: "is ready" in (cluster.folder / "other").read_text(), "it", 120)
    with pytest.raises(WorkersLost, match=r"another kit: 9\.9\+"), pool(scheduler=cluster.address):
        pass


@contextlib.contextmanager
def two_proofs_at_work(
    cluster: Cluster, engine: DockerClient, worker: Worker
) -> Iterator[subprocess.Popen[str]]:
    """``lab prove`` at a moment at which a worker has two labs for it."""
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    words = ["prove", SMALLEST, "--scheduler", cluster.address, "--seeds", "5"]
    command = [LAB[0], "-c", listening + LAB[2], *OWN, *words]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            wait_for(lambda: len(of_process(engine, worker.process.pid)) == 2, "two proofs")
            yield running
        finally:
            running.kill()


def test_prove_on_workers_and_interrupted(cluster: Cluster, engine: DockerClient) -> None:
    worker = cluster.worker(2)
    words = ["prove", SMALLEST, "--scheduler", cluster.address]
    done = subprocess.run(
        [*LAB, *OWN, *words], cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "all 1 hold the contract" in done.stdout
    with two_proofs_at_work(cluster, engine, worker) as running:
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=120)
    assert running.returncode == 130, said
    assert of_process(engine, worker.process.pid) == []


def test_of_a_prove_that_was_killed_nothing_is_done_any_more(
    cluster: Cluster, engine: DockerClient
) -> None:
    worker = cluster.worker(2)
    with two_proofs_at_work(cluster, engine, worker) as running:
        running.kill()
    wait_for(lambda: of_process(engine, worker.process.pid) == [], "no proof any more")
    time.sleep(1)
    assert of_process(engine, worker.process.pid) == []


def test_a_worker_whose_engine_is_gone_leaves(cluster: Cluster, tmp_path: Path) -> None:
    way = Engine(
        os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    )
    first = cluster.worker(1, DOCKER_HOST=way.address)
    way.cut()
    jobs = waiting(tmp_path, 3)
    jobs[0].until.touch()
    second = cluster.worker(1)
    with pool(scheduler=cluster.address) as made:
        done = list(made.run(jobs))
    assert {(one.result, one.where) for one in done} == {
        (f"job-{n} is done", second.name) for n in range(3)
    }
    assert first.process.wait(30) == 3
    assert "No Docker engine answers" in first.said


def test_a_job_that_takes_its_workers_with_it_is_given_up(
    engine: DockerClient, tmp_path: Path
) -> None:
    cluster = Cluster(tmp_path)
    cluster.scheduler(DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    try:
        cluster.worker(1)
        with pool(scheduler=cluster.address) as made:
            (done,) = made.run([Ruin("ruin")])
    finally:
        cluster.close()
    assert isinstance(done.problem, WorkersLost)
    assert "given up: 1 worker" in str(done.problem)


def test_tls_all_the_way(engine: DockerClient, tmp_path: Path) -> None:
    authority, pem = Authority.new(), tmp_path / "127.0.0.1-30.pem"
    authority.server(tmp_path, "127.0.0.1")
    made = Tls(tmp_path / "ca.pem", pem, pem)
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    cluster = Cluster(tmp_path)
    scheduler = ("--tls-ca-file", str(made.ca), "--tls-cert", str(made.cert))
    cluster.scheduler(*scheduler, "--tls-key", str(made.key), protocol="tls")
    files = ("--tls-ca", str(made.ca), "--tls-cert", str(made.cert), "--tls-key", str(made.key))
    try:
        worker = cluster.worker(1, *files)
        with pool(scheduler=cluster.address, tls=made) as workers:
            assert isinstance(workers, ScheduledPool)
            assert workers.workers() == {worker.name: 1}
        with (
            pytest.raises(UsageError, match="needs an authority"),
            pool(scheduler=cluster.address),
        ):
            pass
    finally:
        cluster.close()
