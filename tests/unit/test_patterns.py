"""Authors' regular expressions on hostile text."""

import re
import time

import pytest

from lab_runner.errors import ProbeError
from lab_runner.patterns import found
from lab_runner.switchboard.probes._search import Endless, Pattern

#: Each would take hours for the text beside it.
SLOW = [("(a|aa)+$", "a" * 80 + "b"), (".*a.*b.*c.*d.*e", "abcd" * 9000)]


@pytest.mark.parametrize(("pattern", "text"), SLOW)
def test_a_search_that_would_not_end_finds_nothing(pattern: str, text: str) -> None:
    began = time.process_time()
    assert not found(pattern, text)
    assert 0.5 < time.process_time() - began < 2.5  # the kernel counts such timers by its ticks


@pytest.mark.parametrize(("pattern", "text"), SLOW)
def test_a_probe_gives_up_as_well(pattern: str, text: str) -> None:
    wanted, began = Pattern(pattern), time.process_time()
    with pytest.raises(Endless):
        wanted.found(text)
    assert 0.5 < time.process_time() - began < 2.5  # the kernel counts such timers by its ticks
    assert Pattern("a").found(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^Server: nginx$", "HTTP/1.1 200 OK\nServer: nginx\nDate: x"),
        (r"\bfrag(mentation)?\b", "needs fragmentation"),
        (r"(?i)WELCOME", "welcome"),
        (r"a{2,3}$", "baaa"),
        ("^$", ""),
    ],
)
def test_what_re_finds_is_found(pattern: str, text: str) -> None:
    assert re.search(pattern, text, re.MULTILINE)
    assert found(pattern, text)
    assert not found(f"{pattern}never", text)


def test_letters_of_any_size() -> None:
    assert found("dns", "It was DNS", re.IGNORECASE)
    assert not found("dns", "It was DNS")


def test_no_expression() -> None:
    with pytest.raises(ProbeError, match=r"'\(' is no regular expression: missing \)"):
        found("(", "x")
