"""Jobs in this process: each has exactly one end, and whoever goes away early waits for nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest

from lab_runner.errors import EngineError, LabRunnerError, Stopped
from lab_runner.pool.local import LocalPool
from lab_runner.pool.opening import pool

#: What the jobs here are given as their engine.
NO_ENGINE = cast("Any", object())


@dataclass
class Say:
    """Tells a word, gives it back."""

    name: str

    def run(self, client: Any, tell: Callable[[object], None]) -> str:
        assert client is NO_ENGINE
        tell(self.name.upper())
        return self.name


@dataclass
class Fail:
    name: str
    error: Exception

    def run(self, client: Any, tell: Callable[[object], None]) -> str:
        raise self.error


def test_each_job_is_done_once_and_tells() -> None:
    told: list[tuple[int, object]] = []
    names = [f"job-{number}" for number in range(20)]
    made = LocalPool(NO_ENGINE, 4).run(
        [Say(name) for name in names], on_told=lambda *what: told.append(what)
    )
    done = {one.index: one for one in made}
    assert [done[index].result for index in range(20)] == names
    assert all(one.problem is None and one.name == names[i] for i, one in done.items())
    assert sorted(told) == sorted((i, name.upper()) for i, name in enumerate(names))


def test_no_more_than_wanted_at_a_time() -> None:
    busy, most = [0], [0]
    lock = threading.Lock()

    class Count(Say):
        def run(self, client: Any, tell: Callable[[object], None]) -> str:
            with lock:
                busy[0] += 1
                most[0] = max(most[0], busy[0])
            time.sleep(0.02)
            with lock:
                busy[0] -= 1
            return self.name

    list(LocalPool(NO_ENGINE, 3).run([Count("x")] * 12))
    assert most[0] == 3


def test_what_could_not_be_done_is_no_result() -> None:
    jobs = [Fail("bad", EngineError("gone", hint="start it")), Say("good")]
    bad, good = sorted(LocalPool(NO_ENGINE, 1).run(jobs), key=lambda one: one.index)
    assert (bad.result, str(bad.problem)) == (None, "gone")
    assert isinstance(bad.problem, LabRunnerError)
    assert bad.problem.hint == "start it"
    assert good.result == "good"


def test_a_bug_is_not_a_result() -> None:
    with pytest.raises(ZeroDivisionError):
        list(LocalPool(NO_ENGINE, 1).run([Fail("bug", ZeroDivisionError())]))


def test_whoever_goes_early_stops_what_is_at_work_and_queued() -> None:
    began: list[str] = []
    ended: list[str] = []

    class Slow(Say):
        def run(self, client: Any, tell: Callable[[object], None]) -> str:
            began.append(self.name)
            try:
                while True:
                    tell("still at it")
                    time.sleep(0.01)
            except Stopped:
                ended.append(self.name)
                raise

    jobs = [Say("quick"), *(Slow(f"slow-{number}") for number in range(6))]
    for one in LocalPool(NO_ENGINE, 2).run(jobs):
        assert one.name == "quick"
        break
    assert sorted(began) == sorted(ended)
    assert len(began) <= 3


def test_the_pool_connects_and_hangs_up() -> None:
    class Engine:
        closed = False

        def close(self) -> None:
            self.closed = True

    engine = Engine()
    with pool(jobs=2, client_factory=lambda: cast("Any", engine)):
        assert not engine.closed
    assert engine.closed
