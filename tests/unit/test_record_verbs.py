"""``lab record``, ``lab replay`` and ``lab progress`` as people meet them, without a lab."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner

from lab_runner.attempts import recording
from lab_runner.attempts.casts import CastWriter
from lab_runner.attempts.keeping import export
from lab_runner.attempts.store import Kind, Store
from lab_runner.cli.main import app
from lab_runner.errors import UsageError

RUN = CliRunner()
EVIL = "\x1b]0;evil\x07\x1b[31mred\x1b[0m\u202e"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BREAKFIX_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with Store(home / "attempts.sqlite3") as opened:
        yield opened


@pytest.fixture
def work(store: Store) -> Store:
    """An attempt that is over, with a terminal, and a drill that is not."""
    facts = {"scenario": "no-site-opens-by-name", "lab": "branch", "seed": 4}
    store.append("a1b2c3", Kind.START, recording.at_start(facts))
    with CastWriter(recording.next_terminal("a1b2c3", "gw"), width=80, height=24) as cast:
        cast.output(f"hello {EVIL}\r\n".encode())
    store.append("a1b2c3", Kind.CHECK, {"passed": True, "checks": []})
    store.append("a1b2c3", Kind.STOP)
    store.append("d00001", Kind.START, recording.at_start(facts | {"drill": True}))
    return store


def lab(*words: str) -> tuple[int, str]:
    done = RUN.invoke(app, list(words))
    return done.exit_code, done.output


def test_nothing_yet() -> None:
    assert "Nothing is kept yet." in lab("record", "show")[1]
    assert "Nothing was tried yet." in lab("progress")[1]
    code, said = lab("replay")
    assert code != 0
    assert "No terminal was recorded yet" in said


@pytest.mark.usefixtures("work")
def test_show_tells_what_where_and_how_big(home: Path) -> None:
    said = lab("record", "show")[1]
    assert str(home) in said.replace("\n", "")
    assert "a1b2c3" in said
    assert "a drill" in said
    assert said.count("no-site-opens-by-name") == 1
    assert "1-gw.cast" in lab("record", "show", "a1")[1]
    told = json.loads(lab("record", "show", "--json")[1])
    assert told["on"] is True
    assert [one["scenario"] for one in told["attempts"]] == ["no-site-opens-by-name", ""]


@pytest.mark.usefixtures("work")
def test_replay_into_a_pipe_is_text() -> None:
    code, said = lab("replay", "a1")
    assert code == 0
    assert "hello red\n" in said
    assert "\x1b" not in said
    assert "evil" not in said


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("replay", "zz"), "Nothing is kept of an attempt 'zz'"),
        (("replay", "d0"), "No terminal of d00001 was recorded"),
        (("replay", "a1", "--terminal", "9"), "has no terminal 9"),
        (("record", "show", "zz"), "Nothing is kept of an attempt 'zz'"),
        (("record", "export"), "Name attempts, or say --all"),
        (("record", "export", "a1", "--all"), "Name attempts, or say --all"),
        (("record", "export", "d0"), "names its scenario"),
        (("record", "delete", "a1"), "Nobody can be asked here"),
    ],
)
def test_what_cannot_be_done_is_said(words: tuple[str, ...], says: str) -> None:
    code, said = lab(*words)
    assert code in {2, 3}
    assert says in " ".join(said.replace("│", " ").split())


def test_progress_counts(work: Store) -> None:
    said = lab("progress")[1]
    assert "1 of 1 cases solved" in said
    told = json.loads(lab("progress", "--json")[1])
    assert (told["attempts"], told["solved"], told["streak_days"]) == (2, 1, 1)
    assert told["topics"]["dns"]["solved"] == 1
    work.append("a1b2c3", Kind.HINT, {"number": 1})
    assert json.loads(lab("progress", "--json")[1])["solved_without_hints"] == 0


def test_off_names_what_is_recorded_all_the_same(work: Store) -> None:
    told = {"scenario": "x", "course": "net-1", "assignment": "one"}
    work.append("c00001", Kind.START, recording.at_start(told))
    said = lab("record", "off")[1]
    assert "not recorded any more" in said
    assert "c00001 belongs to a course" in said
    assert "d00001" not in said
    assert "not recorded. `lab record on`" in " ".join(lab("record", "show")[1].split())
    assert "is recorded from now on" in lab("record", "on")[1]


def test_export_and_delete(work: Store, tmp_path: Path) -> None:
    code, said = lab("record", "export", "a1", "--to", "out")
    assert code == 0
    assert "1 attempt with 1 terminal" in said
    assert (tmp_path / "out/a1b2c3/1-gw.cast").exists()
    code, said = lab("record", "delete", "a1", "--yes")
    assert code == 0
    assert "Deleted: 1 attempt" in said
    assert {event.attempt for event in work.events()} == {"d00001"}


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_an_export_that_comes_too_late_takes_nothing_away(
    work: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It looked whether the name is free in the last moment in which it was."""
    export(work, ["a1b2c3"], tmp_path / name)
    monkeypatch.setattr(Path, "exists", lambda _: False)
    with pytest.raises(UsageError, match="is there already"):
        export(work, ["a1b2c3"], tmp_path / name)
    if name.endswith(".zip"):
        assert "a1b2c3/1-gw.cast" in ZipFile(tmp_path / name).namelist()
    else:
        assert (tmp_path / name / "a1b2c3/1-gw.cast").is_file()
