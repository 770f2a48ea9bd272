"""Hand-ins: what is in one comes out, and what no work would make is refused."""

from __future__ import annotations

import contextlib
import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_runner.attempts.chain import broken_at
from lab_runner.attempts.store import Kind, Store
from lab_runner.errors import HandInError
from lab_runner.models.disk_changes import DiskChanges, Entry
from lab_runner.submission import sealed
from lab_runner.submission.hand_in import HandIn, Recorded, read_hand_in, write_hand_in
from lab_runner.submission.keys import SigningKey

KEY = SigningKey.new()
NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
CHANGES = DiskChanges(
    (Entry("etc/hosts", "file", 0o644, 0, 0, 1.5, b"127.0.0.1 \xff\n"),), {"etc": ("hosts",)}, {}
)
FIELDS: dict[str, Any] = {
    "course": "00" * 8,
    "trainee": "ada@example.com",
    "assignment": "first",
    "scenario": "no-page-opens",
    "seed": 7,
    "attempt": "a1b2c3",
    "submitted": NOW,
    "version": "0.1.0",
    "events": [],
    "changes": {"gw": CHANGES.to_json()},
    "states": {"gw": {"routes": ["default via 192.0.2.1", "\x1b[31m<b>"]}},
}


def body(**changes: Any) -> dict[str, Any]:
    fields = HandIn.model_validate(FIELDS).model_dump(mode="json")
    return fields | changes


def signed(**changes: Any) -> bytes:
    return sealed.seal(sealed.Kind.HAND_IN, body(**changes), KEY)


def test_what_is_handed_in_comes_out(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store:
        store.append("a1b2c3", Kind.START, {"scenario": "no-page-opens", "seed": 7})
        store.append("a1b2c3", Kind.CHECK, {"passed": True})
        events = [Recorded.of(event) for event in store.events()]
    work = HandIn.model_validate(FIELDS | {"events": events})
    read, key = read_hand_in(write_hand_in(work, KEY))
    assert (read, key) == (work, KEY.public)
    assert read.changes["gw"] == CHANGES
    assert broken_at(read.events) is None
    assert json.loads(read.events[1].text) == {"passed": True}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trainee": "../x"}, "trainee"),
        ({"seed": -1}, "seed"),
        ({"seed": "7; rm"}, "seed"),
        ({"submitted": "2026-11-23T12:00"}, "submitted"),
        ({"more": 1}, "more"),
        ({"assignment": "First!"}, "assignment"),
        ({"changes": {"../gw": CHANGES.to_json()}}, "changes"),
        ({"changes": {"gw": {}}}, "changes.gw: Value error, changes: not an object with entries"),
        ({"changes": {"gw": None}}, "changes.gw"),
        (
            {"changes": {"gw": {"entries": [], "folders": {"..": []}, "left_out": {}}}},
            "'..' is no name of a file",
        ),
        ({"states": {"gw": {"routes": "all"}}}, "states.gw.routes"),
        ({"states": {"gw": {"routes": ["x" * 5000]}}}, "states.gw.routes"),
        ({"states": {f"m{n}": {} for n in range(101)}}, "states"),
        ({"events": [{"kind": "grade"}]}, "events"),
        ({"events": {}}, "events"),
    ],
)
def test_what_no_work_would_make_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(HandInError, match="no hand-in of this kit") as caught:
        read_hand_in(signed(**changes))
    assert message in str(caught.value)


def test_work_that_no_file_holds_is_refused_before_it_is_sent() -> None:
    full = [Entry(f"srv/{n}", "file", 0o644, 0, 0, 1.0, bytes(1 << 20)) for n in range(6)]
    many = {f"m{number}": DiskChanges(tuple(full)).to_json() for number in range(4)}
    work = HandIn.model_validate(FIELDS | {"changes": many})
    with pytest.raises(HandInError, match="larger than"):
        write_hand_in(work, KEY)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), values))
def test_any_field_is_refused_or_read(changes: dict[str, Any]) -> None:
    with contextlib.suppress(HandInError):
        read_hand_in(signed(**changes))
