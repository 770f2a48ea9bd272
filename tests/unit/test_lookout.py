"""Which processes are nodes, where numbers of processes and names of namespaces are used again."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from lab_runner.switchboard.lookout import Lookout
from lab_runner.switchboard.protocol import NODE_VARIABLE

TOKENS = {"gw": "t-gw", "desk": "t-desk"}


class Processes:
    """A folder like /proc."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "proc"
        self._ended = (folder / f"ended-{number}" for number in itertools.count())
        self.begin("self", "host")

    def begin(self, pid: int | str, space: str, token: str = "", inner: int = 0) -> None:
        own = self.folder / str(pid)
        (own / "ns").mkdir(parents=True)
        (own / "ns/pid").symlink_to(f"pid:[{space}]")
        (own / "comm").write_text("lab-init\n")
        (own / "status").write_text(f"Name:\tx\nNSpid:\t{pid}" + (f"\t{inner}" if inner else ""))
        (own / "environ").write_bytes(f"A=b\0{NODE_VARIABLE}={token}\0".encode())

    def end(self, pid: int) -> None:
        # Kept elsewhere: a file system that lets go of a folder may use its number again.
        (self.folder / str(pid)).rename(next(self._ended))


@pytest.fixture
def processes(tmp_path: Path) -> Processes:
    made = Processes(tmp_path)
    made.begin(1, "host")
    return made


@pytest.fixture
def lookout(processes: Processes) -> Lookout:
    return Lookout(TOKENS, processes.folder)


def test_a_node_is_found_once(processes: Processes, lookout: Lookout) -> None:
    processes.begin(40, "a", "t-gw", inner=1)
    processes.begin(41, "a", "t-gw", inner=7)
    assert lookout.look() == {"gw": 40}
    assert lookout.look() == {}


def test_what_is_below_a_node_or_somebody_elses_is_no_node(
    processes: Processes, lookout: Lookout
) -> None:
    processes.begin(40, "a", "t-unknown", inner=1)
    processes.begin(41, "host", "t-gw")
    processes.begin(42, "b", "t-gw", inner=2)
    assert lookout.look() == {}


def test_a_node_with_the_number_of_a_process_that_was_looked_at_is_found(
    processes: Processes, lookout: Lookout
) -> None:
    processes.begin(40, "host")
    lookout.look()
    processes.end(40)
    processes.begin(40, "a", "t-gw", inner=1)
    assert lookout.look() == {"gw": 40}


def test_a_node_in_a_namespace_whose_name_another_had_is_found(
    processes: Processes, lookout: Lookout
) -> None:
    processes.begin(40, "a", "t-gw", inner=1)
    assert lookout.look() == {"gw": 40}
    processes.end(40)
    processes.begin(40, "host")  # its number is somebody else's, and alive
    processes.begin(41, "a", "t-desk", inner=1)
    assert lookout.look() == {"desk": 41}


def test_a_node_that_boots_again_with_its_old_number_is_found(
    processes: Processes, lookout: Lookout
) -> None:
    processes.begin(40, "a", "t-gw", inner=1)
    assert lookout.look() == {"gw": 40}
    processes.end(40)
    processes.begin(40, "a", "t-gw", inner=1)
    assert lookout.look() == {"gw": 40}


def test_what_was_found_is_found_again_where_it_was_forgotten(
    processes: Processes, lookout: Lookout
) -> None:
    processes.begin(40, "a", "t-gw", inner=1)
    processes.begin(41, "b", "t-desk", inner=1)
    lookout.look()
    processes.end(41)
    lookout.forget()
    assert lookout.look() == {"gw": 40}
    assert lookout.look() == {}


def test_a_process_that_ends_while_it_is_looked_at_is_no_trouble(
    processes: Processes, lookout: Lookout
) -> None:
    processes.begin(40, "a", "t-gw", inner=1)
    for name in ("ns/pid", "status", "environ", "comm"):
        os.unlink(processes.folder / "40" / name)
    assert lookout.look() == {}
