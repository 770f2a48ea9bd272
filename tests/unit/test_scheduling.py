"""What goes to other machines, what a worker offers, and wrong words about both."""

from __future__ import annotations

import datetime
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab_runner import errors
from lab_runner.catalogue import Catalogue
from lab_runner.cli.dask_worker import words
from lab_runner.cli.main import app
from lab_runner.engine import capacity, containers, process
from lab_runner.engine.finding import Deployed
from lab_runner.engine.holding import abandoned
from lab_runner.errors import LabRunnerError, UsageError
from lab_runner.planning.plan import make_plan
from lab_runner.pool.kit import kit
from lab_runner.pool.lines import Tls, require_dask, security
from lab_runner.proving.contract import ProofJob, plans
from tests.wire.certificates import Authority

NOW = datetime.datetime(2026, 1, 15, tzinfo=datetime.UTC)


# --- what goes over the line -------------------------------------------------------


def test_a_plan_travels_with_its_files(small: Catalogue, tmp_path: Path) -> None:
    plan = make_plan(small, "no-page-opens", 3, now=NOW)
    there = pickle.loads(pickle.dumps(plan))
    assert there == plan
    assert {n: node.files for n, node in there.nodes.items()} == {
        n: node.files for n, node in plan.nodes.items()
    }


@pytest.mark.parametrize("name", ["no-site-opens-by-name", "new-line-new-troubles"])
def test_a_shipped_plan_travels(shipped: Catalogue, name: str) -> None:
    job = ProofJob(make_plan(shipped, name, 1, now=NOW))
    assert pickle.loads(pickle.dumps(job)) == job
    assert len(pickle.dumps(job)) < 1 << 20


def kinds() -> list[type[LabRunnerError]]:
    found = [LabRunnerError]
    for kind in found:
        found += kind.__subclasses__()
    return [kind for kind in found if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_errors_travel_whole(kind: type[LabRunnerError]) -> None:
    there = pickle.loads(pickle.dumps(kind("what happened", hint="what to do")))
    assert (type(there), str(there), there.hint) == (kind, "what happened", "what to do")


def test_the_kit_is_the_same_for_every_process() -> None:
    code = "from lab_runner.pool.kit import kit; print(kit())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == kit()


# --- a worker ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("free", "cores", "fit"), [(8 << 30, 2, 5), (2 << 30, 8, 3), (1 << 28, 4, 1), (64 << 30, 1, 3)]
)
def test_as_many_labs_as_memory_and_cores_allow(free: int, cores: int, fit: int) -> None:
    assert capacity.fitting(free=free, cores=cores) == fit


def test_a_process_is_known_until_it_ends() -> None:
    assert process.lives(process.this_process())
    code = "from lab_runner.engine.process import this_process; print(this_process()); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    name = other.stdout.readline().strip()
    assert process.lives(name)
    other.kill()
    other.communicate()
    assert process.lives(name) is False


def test_a_number_that_was_given_again_is_another_process() -> None:
    here, pid, began = process.this_process().split(" ")
    assert process.lives(f"{here} {pid} {int(began) - 1}") is False
    assert process.lives(f"{here}0 {pid} {began}") is None
    assert process.lives("") is None


@pytest.mark.parametrize(("hours", "gone"), [(1, False), (23, False), (25, True)])
def test_of_a_process_elsewhere_only_time_tells(hours: int, gone: bool) -> None:
    made = NOW - datetime.timedelta(hours=hours)
    lab = Deployed("abc", "x", "y", 1, made, {}, proof=True, holder="other/pid:[1] 7 99")
    assert abandoned(lab, NOW) is gone


def test_only_proofs_have_a_holder(small: Catalogue) -> None:
    ((plan, _),) = plans(small, ["no-page-opens"], seeds=[1])
    made = containers.labels(plan, "abc", "desk")
    assert made[containers.LABEL_HOLDER] == process.this_process()
    attempt = containers.labels(make_plan(small, "no-page-opens", 1), "abc", "desk")
    assert containers.LABEL_HOLDER not in attempt


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        (
            "10.0.0.5:8786 --nthreads 0 --host 10.0.0.7 --memory-limit auto",
            "worker tcp://10.0.0.5:8786 --host 10.0.0.7",
        ),
        ("tls://s:1 --nthreads 3 --nworkers 2 --nanny-port 7", "worker tls://s:1 --slots 3"),
    ],
)
def test_the_options_of_dask_ssh(given: str, ours: str) -> None:
    assert words(given.split()) == ours.split()


# --- wrong words ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["nonsense", "tcp://", "http://h:1", "tcp://h:port", "h:123456"]
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UsageError, match="no address of a scheduler"):
        require_dask(address)


@pytest.mark.parametrize("address", ["tcp://10.0.0.5:8786", "tls://[2001:db8::1]:8786", "host:1"])
def test_what_is_an_address(address: str) -> None:
    require_dask(address)


def test_files_for_tls(tmp_path: Path) -> None:
    authority = Authority.new()
    authority.server(tmp_path, "127.0.0.1")
    pem, ca = tmp_path / "127.0.0.1-30.pem", tmp_path / "ca.pem"
    ca.write_bytes(authority.pem)
    made = security("tls://h:8786", Tls(ca, pem, pem))
    assert made.require_encryption
    assert made.tls_worker_key == made.tls_client_cert == str(pem)
    with pytest.raises(UsageError, match="not encrypted"):
        security("tcp://h:8786", Tls(ca))
    with pytest.raises(UsageError, match="needs an authority"):
        security("tls://h:8786", Tls())
    (tmp_path / "bad.pem").write_text("no certificate")
    with pytest.raises(UsageError, match="cannot be used"):
        security("tls://h:8786", Tls(ca, tmp_path / "bad.pem", pem))


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ("prove --scheduler tcp://h:1 --jobs 2", 2, "no use for --jobs"),
        ("prove --scheduler tcp://h:1 --pairs", 2, "no use for --scheduler"),
        ("prove x --scheduler tcp://h:1 --watch", 2, "no use for --scheduler"),
        ("prove --scheduler tcp://h:1 --pcap out", 2, "no use for --pcap"),
        ("prove --tls-ca pyproject.toml", 2, "none is named"),
        ("prove --scheduler nonsense", 2, "no address"),
        ("prove no-site-opens-by-name --scheduler tcp://127.0.0.1:9", 3, "No scheduler answers"),
        ("worker nonsense", 2, "no address"),
        ("worker tcp://127.0.0.1:9 --slots 0", 2, "--slots"),
    ],
)
def test_wrong_words(given: str, code: int, says: str) -> None:
    done = CliRunner().invoke(app, given.split())
    told = " ".join(done.output.split())
    assert (done.exit_code, says in told) == (code, True), told
