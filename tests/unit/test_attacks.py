"""Hand-ins that mean harm: each is refused, with words that a lead understands, and keeps no trace.

What is not refused here, because only its replay can tell, stays on a node of the replay: see
``tests/docker/test_replay.py``.
"""

from __future__ import annotations

import base64
import datetime
import gzip
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab_runner.catalogue import Catalogue
from lab_runner.grading.accepting import case_of, remarks
from lab_runner.grading.course import CourseFolder
from lab_runner.grading.grade import Grading
from lab_runner.grading.marks import Mark, Standing
from lab_runner.models.disk_changes import DiskChanges, Entry
from lab_runner.submission import sealed
from lab_runner.submission.hand_in import read_hand_in
from lab_runner.submission.keys import SigningKey
from tests.grading.working import Way, Work, course_with, handed_in, invitation

NOTHING = Way("Nothing", (), right=False, saw_green=False)
NOW = datetime.datetime.now(datetime.UTC)
WORK = Work("p01", "page", NOTHING, {"gw": DiskChanges()}, NOW)
#: A lead's machine has other things to do, too.
MEMORY_LIMIT = 150 << 20
Attack = Callable[[CourseFolder], bytes]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, small: Catalogue) -> CourseFolder:
    folder = tmp_path_factory.mktemp("course") / "class"
    return course_with(folder, small, {"page": "no-page-opens"}, 2)


@pytest.fixture(scope="module")
def grading(course: CourseFolder, small: Catalogue) -> Grading:
    return Grading(course, small)


@pytest.fixture(scope="module")
def kept(course: CourseFolder) -> bytes:
    """One honest file, the same each time."""
    return honest(course)


def honest(course: CourseFolder) -> bytes:
    return handed_in(course, WORK)


def body(course: CourseFolder) -> dict[str, Any]:
    return sealed.unseal(honest(course), sealed.Kind.HAND_IN).body


def signed(folder: CourseFolder, /, **changes: Any) -> bytes:
    """By the trainee, who may sign anything: the kit is in their hands."""
    key = SigningKey.from_pem(invitation(folder, "p01").key)
    return sealed.seal(sealed.Kind.HAND_IN, body(folder) | changes, key)


def outer(course: CourseFolder, **changes: Any) -> bytes:
    told = json.loads(gzip.decompress(honest(course)))
    return gzip.compress(json.dumps(told | changes).encode())


def disk(**changes: Any) -> dict[str, Any]:
    entry = Entry("etc/hosts", "file", 0o644, 0, 0, 1.0, b"x")
    told = DiskChanges((entry,)).to_json()
    told["entries"][0] |= changes
    return {"gw": told}


def at(path: str) -> Attack:
    return lambda course: signed(course, changes=disk(path=path))


def entries(**changes: Any) -> Attack:
    return lambda course: signed(course, changes=disk(**changes))


def fields(**changes: Any) -> Attack:
    return lambda folder: signed(folder, **changes)


def many(course: CourseFolder) -> bytes:
    told = disk()["gw"]
    told["entries"] = [told["entries"][0] | {"path": f"srv/{n}"} for n in range(5_001)]
    return signed(course, changes={"gw": told})


def large(course: CourseFolder) -> bytes:
    content = base64.b64encode(bytes((1 << 20) + 1)).decode()
    return signed(course, changes=disk(content=content))


def twice(course: CourseFolder) -> bytes:
    told = disk()["gw"]
    return signed(course, changes={"gw": told | {"entries": told["entries"] * 2}})


def somebody_elses(course: CourseFolder) -> bytes:
    key = SigningKey.from_pem(invitation(course, "p02").key)
    return sealed.seal(sealed.Kind.HAND_IN, body(course), key)


def deep(course: CourseFolder) -> bytes:
    nested: Any = []
    for _ in range(900):
        nested = [nested]
    return signed(course, states=nested)


ESCAPES = "\x1b]52;c;cm0gLXJmIC8=\x07\x1b[2J<script>alert(1)</script>"

#: What it is, the file, and what the lead reads.
ATTACKS: dict[str, tuple[Attack, str]] = {
    "an archive bomb": (lambda _: gzip.compress(bytes(400 << 20)), "larger than 24 MiB"),
    "a bomb of values": (lambda _: gzip.compress(b"[],[]," * (1 << 20)), "more than 1,000,000"),
    "a bomb in a bomb": (lambda _: gzip.compress(gzip.compress(bytes(1 << 24))), "damaged"),
    "a large file": (lambda _: b"\x1f\x8b" + bytes(17 << 20), "larger than 16 MiB"),
    "an empty file": (lambda _: b"", "no file of this kit"),
    "another archive": (lambda _: b"PK\x03\x04" + bytes(100), "no file of this kit"),
    "an upload that was cut off": (lambda c: honest(c)[:-20], "cut off"),
    "something behind it": (lambda c: honest(c) + b"#!/bin/sh", "put behind it"),
    "an invitation": (
        lambda c: (c.path / "invitations/p01.breakfix").read_bytes(),
        "an invitation, and not a hand-in",
    ),
    "a later format": (lambda c: outer(c, version=9), "another version of the kit"),
    "another body": (lambda c: outer(c, body="{}"), "changed after it was signed"),
    "no signature": (lambda c: outer(c, signature=""), "signature cannot be read"),
    "a key of one's own making": (
        lambda c: sealed.seal(sealed.Kind.HAND_IN, body(c), SigningKey.new()),
        "signed by a key that nobody here has",
    ),
    "signed by another": (somebody_elses, "says that it is p01's, and is signed by p02"),
    "for another course": (fields(course="ff" * 8), "of another course"),
    "of nobody": (fields(trainee="p99"), "p99 was not invited"),
    "of a path": (fields(trainee="../../etc/passwd"), "trainee"),
    "about nothing": (fields(assignment="extra"), "no assignment 'extra'"),
    "a way up": (at("../../root/.ssh/authorized_keys"), "'..' is no name of a file"),
    "a way up inside": (at("etc/../../x"), "'..' is no name of a file"),
    "a way from the root": (at("/etc/passwd"), "'' is no name of a file"),
    "into the kernel": (at("proc/sys/kernel/core_pattern"), "is no part of a disk"),
    "into devices": (at("dev/sda"), "is no part of a disk"),
    "a nought in a name": (at("etc/a\0b"), "not a text"),
    "an endless name": (at("x" * 300), "a name of more than 255 bytes"),
    "an endless path": (at("/".join(["x" * 200] * 30)), "not a text of at most 4096"),
    "a folder list that leads up": (
        lambda c: signed(c, changes={"gw": DiskChanges().to_json() | {"folders": {"..": []}}}),
        "'..' is no name of a file",
    ),
    "a device": (entries(kind="device"), "is a 'device', not one of file, folder, link"),
    "a pipe": (entries(kind="fifo"), "is a 'fifo', not one of"),
    "a link with content": (entries(kind="link", target="/etc/shadow"), "has what no link has"),
    "a file that leads elsewhere": (entries(target="/etc/shadow"), "has what no file has"),
    "bits that there are not": (entries(mode=0o177777), "is no number from 0 to"),
    "capabilities of a program": (
        entries(attributes={"security.capability": "AAAA"}),
        "has an attribute that is not among",
    ),
    "an owner that there is not": (entries(uid=-1), "is no number from 0 to"),
    "a time that there is not": (entries(mtime=1e300), "is no time"),
    "content that is none": (entries(content="%%%"), "its content cannot be read"),
    "one large file": (large, "more than 1 MiB"),
    "too many files": (many, "not a list of at most 5000"),
    "a file twice": (twice, "is there twice"),
    "a machine that is a path": (fields(changes={"../gw": disk()["gw"]}), "changes"),
    "records that are none": (fields(events=[{"kind": "grade", "points": 100}]), "events"),
    "a record without end": (
        fields(events=[{"attempt": "a", "written": "x" * 41, "kind": "check", "text": ""}]),
        "events.0.written",
    ),
    "a time without a zone": (fields(submitted="2026-11-23T12:00"), "submitted"),
    "a time of no calendar": (fields(submitted="2026-13-45T99:00Z"), "submitted"),
    "a seed that is a program": (fields(seed="7; reboot"), "seed"),
    "a boundless seed": (fields(seed=1 << 80), "seed"),
    "a state that is a depth": (deep, "states"),
    "fields of its own": (fields(points=100), "points"),
    "escapes in a name": (fields(trainee=ESCAPES), "trainee"),
}  # fmt: skip


def graded(grading: Grading, folder: Path, data: bytes) -> Mark:
    """The one mark that comes of it without a replay."""
    path = folder / "handed-in.breakfix"
    path.write_bytes(data)
    found = grading.sort([path])
    assert not found.pending
    (mark,) = found.done
    return mark


@pytest.mark.parametrize("name", ATTACKS)
def test_what_means_harm_is_refused_in_words(
    grading: Grading, course: CourseFolder, tmp_path: Path, name: str
) -> None:
    attack, message = ATTACKS[name]
    data = attack(course)
    tracemalloc.start()
    try:
        mark = graded(grading, tmp_path, data)
        assert tracemalloc.get_traced_memory()[1] < MEMORY_LIMIT
    finally:
        tracemalloc.stop()
    assert mark.standing is Standing.REFUSED
    assert message in mark.problem
    assert mark.points is None
    assert "\x1b" not in mark.problem
    assert len(mark.problem) < 2_000
    assert not list(course.path.rglob(f"hand-ins/{mark.hand_in}*"))


def test_the_honest_one_among_them_is_not_refused(
    grading: Grading, course: CourseFolder, tmp_path: Path
) -> None:
    path = tmp_path / "honest.breakfix"
    path.write_bytes(honest(course))
    found = grading.sort([path])
    assert not found.done
    assert [one.work.trainee for one in found.pending] == ["p01"]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"submitted": "2099-01-01T00:00:00Z"}, "odd clock"),
        ({"submitted": "1999-01-01T00:00:00Z"}, "odd clock"),
        ({"seed": 4}, "another variant"),
        ({"attempt": "ffffff"}, "tampered record"),
        ({"events": []}, "unlike its record"),
    ],
)
def test_what_is_forged_and_possible_is_told(
    grading: Grading, course: CourseFolder, changes: dict[str, Any], kind: str
) -> None:
    work, key = read_hand_in(signed(course, **changes))
    found = remarks(work, case_of(work, key, course), course, datetime.datetime.now(datetime.UTC))
    assert kind in {one.oddity for one in found}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_a_changed_byte_never_comes_to_a_replay(
    grading: Grading, kept: bytes, tmp_path: Path, data: st.DataObject
) -> None:
    file = bytearray(kept)
    # Behind gzip's own header, where some bytes mean nothing (RFC 1952 section 2.3).
    place = data.draw(st.integers(10, len(file) - 1))
    file[place] ^= data.draw(st.integers(1, 255))
    assert graded(grading, tmp_path, bytes(file)).standing is Standing.REFUSED
