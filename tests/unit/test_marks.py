"""Marks in a shell's output: read, taken out, and invisible to programs. With a real bash."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_runner.attempts.marks import Marks, environment

KEY = "0f3c"


class Told:
    """What marks told, and what was to be shown."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.ended: list[int] = []
        self.marks = Marks(KEY, self.began.append, self.ended.append)


def fed(*pieces: bytes) -> tuple[bytes, Told]:
    told = Told()
    shown = b"".join(told.marks.feed(piece) for piece in pieces)
    return shown + told.marks.rest(), told


SESSION = (
    b"root@gw:~# ls\r\n\x1b]133;C;0f3c;   12  ls\x07bin  etc\r\n"
    b"\x1b]133;D;0f3c;0\x07root@gw:~# \x1b]0;title\x07false\r\n"
    b"\x1b]133;C;0f3c;   13* false\x1b\\\x1b]133;D;0f3c;1\x1b\\root@gw:~# "
)


def test_commands_are_told_and_marks_not_shown() -> None:
    shown, told = fed(SESSION)
    assert (told.began, told.ended) == (["ls", "false"], [0, 1])
    assert shown == (
        b"root@gw:~# ls\r\nbin  etc\r\nroot@gw:~# \x1b]0;title\x07false\r\nroot@gw:~# "
    )


@given(st.lists(st.integers(0, len(SESSION))))
def test_however_the_output_is_cut_it_says_the_same(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(SESSION)]
    pieces = [SESSION[one:other] for one, other in pairwise(edges)]
    shown, told = fed(*pieces)
    assert shown == fed(SESSION)[0]
    assert (told.began, told.ended) == (["ls", "false"], [0, 1])


@given(
    st.lists(st.sampled_from([b"\x1b", b"]133;", b"C;", b"0f3c;", b"\x07", b"\\", b"x", b"D;1"]))
)
def test_nothing_is_lost_but_marks(pieces: list[bytes]) -> None:
    shown, _ = fed(*pieces)
    whole, _ = fed(b"".join(pieces))
    assert shown == whole
    assert len(shown) <= sum(map(len, pieces))


def test_marks_of_another_shell_say_nothing() -> None:
    shown, told = fed(b"a\x1b]133;C;ffff;  1  rm\x07b\x1b]133;A\x07c")
    assert (shown, told.began) == (b"ab\x1b]133;A\x07c", [])


def test_a_beginning_without_an_end_is_shown_before_it_grows() -> None:
    told = Told()
    assert told.marks.feed(b"\x1b]133;C;0f3c;" + b"x" * 20_000).endswith(b"x")


def typed(*lines: str, profile: str = "/dev/null") -> tuple[bytes, Told]:
    """What a real shell prints when somebody types."""
    told, shown = Told(), b""
    main, other = pty.openpty()
    plain = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TERM": "xterm", "PS1": "> "}
    bash: subprocess.Popen[Any] = subprocess.Popen(
        ["bash", "--rcfile", profile, "-i"],
        stdin=other,
        stdout=other,
        stderr=other,
        env=plain | environment(KEY),
        start_new_session=True,
    )
    os.close(other)
    try:
        for line in (*lines, "exit"):
            os.write(main, line.encode() + b"\n")
            until = time.monotonic() + 10
            ends = len(told.ended) + 1 + line.count("\n")
            while time.monotonic() < until and len(told.ended) <= ends and bash.poll() is None:
                if not select.select([main], [], [], 0.1)[0]:
                    continue
                try:
                    shown += told.marks.feed(os.read(main, 4096))
                except OSError:  # it has ended
                    break
                if len(told.ended) >= ends:
                    break
    finally:
        bash.kill()
        bash.wait()
        os.close(main)
    return shown, told


@pytest.mark.timeout(60)
def test_a_real_shell_tells_what_was_typed_and_how_it_ended() -> None:
    shown, told = typed("true", "false", 'echo "a;b" | tr a ä', "(exit 7)", "printf '\\a\\t'")
    assert told.began[:5] == ["true", "false", 'echo "a;b" | tr a ä', "(exit 7)", "printf '\\a\\t'"]
    assert told.ended[1:6] == [0, 1, 0, 7, 0]
    assert b"]133;" not in shown


@pytest.mark.timeout(60)
def test_programs_do_not_see_how_it_is_done() -> None:
    shown, _ = typed("env; echo $?-done")
    assert b"0-done" in shown
    assert b"PS0=" not in shown
    assert b"PROMPT_COMMAND=" not in shown


@pytest.mark.timeout(60)
def test_a_profile_with_a_prompt_command_of_its_own_keeps_it(tmp_path: Path) -> None:
    profile, saved = tmp_path / "profile", tmp_path / "history"
    profile.write_text(f"HISTFILE={saved}\nPROMPT_COMMAND='history -a'\n")
    lines = ("env; type history; echo $?-done", "(exit 7)", "true")
    shown, told = typed(*lines, profile=str(profile))
    assert told.began[:3] == list(lines)
    assert told.ended[-3:] == [0, 7, 0]
    assert b"0-done" in shown
    assert b"history is a shell builtin" in shown
    assert b"PS0=" not in shown
    assert "(exit 7)" in saved.read_text()


@pytest.mark.timeout(60)
def test_a_line_that_is_too_long_is_cut(tmp_path: Path) -> None:
    shown, told = typed("true " + "x" * 3000, "true")
    assert told.began[0].startswith("true xxx")
    assert len(told.began[0]) < 2010
    assert b"]133;" not in shown
