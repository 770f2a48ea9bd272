"""Each promise of docs/security.md names the test that holds it, and that test is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs/security.md"
_NAMED = re.compile(r"`((?:tests/)?[\w/]*test_\w+(?:\.py)?|tests/\w+/)(?:\[…\])?`")
_DEFINED = re.compile(r"^def (test_\w+)", re.MULTILINE)


def named() -> list[str]:
    return sorted(set(_NAMED.findall(PAGE.read_text())))


def test_promises_name_their_tests() -> None:
    assert len(named()) > 20


@pytest.mark.parametrize("name", named())
def test_what_holds_a_promise_is_there(name: str) -> None:
    if name.endswith("/"):
        assert (TESTS.parent / name).is_dir()
    elif name.endswith(".py"):
        assert list(TESTS.rglob(Path(name).name))
    else:
        files = TESTS.glob("*/test_*.py")
        assert any(name in _DEFINED.findall(file.read_text()) for file in files)
