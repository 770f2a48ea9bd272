"""The program ``lab`` without an engine: help, examples, JSON, errors and exit codes."""

from __future__ import annotations

import gc
import json
import os
import re
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from lab_runner.cli import complete, version
from lab_runner.cli.main import app
from lab_runner.cli.plain import plain
from lab_runner.cli.screen import out
from lab_runner.cli.verbs import VERBS, load
from lab_runner.errors import EngineError

DATA = Path(__file__).parent.parent / "data"
LAB = [sys.executable, "-c", "from lab_runner.cli.main import main; main()"]
SCENARIO = "far-side-unreachable"
#: What the SDK does to a socket that could not be connected.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
HEAVY = ("docker", "pydantic", "jinja2", "yaml", "rich", "sqlite3", "psutil")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("LAB_ATTEMPT", "DOCKER_HOST", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BREAKFIX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BREAKFIX_LABS", str(DATA / "labs"))
    monkeypatch.setenv("BREAKFIX_SCENARIOS", str(DATA / "scenarios"))
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    yield
    # The SDK leaves a socket open that could not be connected; it goes here, not in a later test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def lab(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), prog_name="lab")


# --- help ---------------------------------------------------------------------


def test_help_names_every_verb() -> None:
    result = lab("--help")
    assert result.exit_code == 0
    for name, verb in VERBS.items():
        assert re.search(rf"^  {name} +{re.escape(verb.summary)}$", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", VERBS)
def test_help_of_a_verb_ends_with_an_example(name: str) -> None:
    result = lab(name, "--help")
    assert result.exit_code == 0
    assert re.search(r"Examples?:", result.stdout)
    assert VERBS[name].examples[0] in result.stdout


@pytest.mark.parametrize("example", [e for verb in VERBS.values() for e in verb.examples])
def test_examples_are_understood(example: str) -> None:
    """An example that its own verb does not take is worse than none."""
    words = shlex.split(re.split("[|>]", example)[0])
    assert words[0] == "lab"
    command: Any = load(words[1])
    context = command.make_context(words[1], words[2:])
    if hasattr(command, "commands"):
        inner = command.commands[words[2]]
        inner.make_context(words[2], words[3:], parent=context)


@pytest.mark.parametrize("name", ["build", "list", "prune"])
def test_help_of_the_images_verbs(name: str) -> None:
    result = lab("images", name, "--help")
    assert result.exit_code == 0
    assert f"lab images {name}" in result.stdout


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from lab_runner.cli.main import main\ntry: main()\nfinally: "
    code += "print(sorted({m.partition('.')[0] for m in sys.modules}), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True
    )
    assert [name for name in HEAVY if f"'{name}'" in done.stderr] == []


def test_a_lab_is_taken_away_without_a_plan() -> None:
    """Planning is half of what a command imports, and a scenario may be broken or gone."""
    code = "import sys; from lab_runner.cli import main, screen, stop; "
    code += "from lab_runner.attempts import finding, stopping; "
    code += "print(sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = [name for name in HEAVY if f"'{name}'" in done.stdout]
    assert heavy == ["docker", "rich", "sqlite3"]


def test_help_is_quick() -> None:
    """Processor time, so that a busy machine does not count."""

    def once() -> float:
        before = os.times()
        subprocess.run([*LAB, "--help"], capture_output=True, check=True)
        after = os.times()
        user = after.children_user - before.children_user
        return user + after.children_system - before.children_system

    assert statistics.median(once() for _ in range(5)) < 0.3


def test_no_command_shows_help() -> None:
    result = lab()
    assert result.exit_code == 2
    assert "Usage: lab" in result.stdout


@pytest.mark.parametrize("words", [("version",), ("--version",)])
def test_version(words: tuple[str]) -> None:
    result = lab(*words)
    assert result.exit_code == 0
    assert re.fullmatch(r"breakfix \d+\.\d+\.\d+\n", result.stdout)


# --- output -------------------------------------------------------------------


def test_list_json_has_the_documented_keys() -> None:
    rows = json.loads(lab("list", "--json").stdout)
    keys = {"id", "title", "lab", "topics", "level", "minutes", "ref"}
    assert all(keys <= row.keys() for row in rows)
    assert SCENARIO in [row["id"] for row in rows]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--topic", "routing"), True),
        (("--topic", "basics", "--level", "1", "--lab", "pair"), True),
        (("--level", "5", "--lab", "pair"), False),
    ],
)
def test_list_is_narrowed(words: tuple[str, ...], found: bool) -> None:
    assert (SCENARIO in lab("list", *words).stdout) is found


def test_show_json_spoils_nothing() -> None:
    result = lab("show", SCENARIO, "--json")
    data = json.loads(result.stdout)
    assert data["ticket"].startswith("Since this morning")
    assert {"alice", "gw", "carol"} == {node["name"] for node in data["nodes"]}
    assert {"symptom", "guard"} == {check["role"] for check in data["checks"]}
    for word in ("ip_forward", "diagnosis", "solution", "hints"):
        assert word not in result.stdout


def test_show_draws_the_network() -> None:
    result = lab("show", SCENARIO)
    assert "ticket: Alice cannot reach Carol any more" in result.stdout
    assert "━━" in result.stdout


@pytest.mark.parametrize("words", [("list",), ("show", SCENARIO), ("--help",), ("start", "nope")])
def test_a_pipe_gets_no_escapes(words: tuple[str, ...]) -> None:
    done = subprocess.run([*LAB, *words], capture_output=True, text=True, check=False)
    assert "\x1b" not in done.stdout + done.stderr


@given(st.text())
def test_text_from_a_node_cannot_steer_the_terminal(text: str) -> None:
    shown = plain(text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\rb", "ab"),
        ("\u202eabc", "abc"),
        ("[bold]stays[/bold]\tas\nit is", "[bold]stays[/bold]\tas\nit is"),
    ],
)
def test_escapes_are_taken_out_whole(told: str, shown: str) -> None:
    assert plain(told) == shown


# --- completion ---------------------------------------------------------------


def test_scenarios_are_completed() -> None:
    assert list(complete.scenarios("far-")) == [(SCENARIO, "Alice cannot reach Carol any more")]


def test_completion_without_an_engine_is_empty(no_engine: None) -> None:
    for completer in (complete.attempts, complete.nodes, complete.places):
        assert list(completer("")) == []


def test_the_shell_gets_completions() -> None:
    environment = {
        **os.environ,
        "_LAB_COMPLETE": "complete_bash",
        "COMP_WORDS": "lab start far",
        "COMP_CWORD": "2",
    }
    done = subprocess.run(LAB, env=environment, capture_output=True, text=True, check=False)
    assert SCENARIO in done.stdout


# --- errors -------------------------------------------------------------------


def test_unknown_scenario_suggests_the_nearest() -> None:
    result = lab("show", "far-side-unreachabel")
    assert result.exit_code == 2
    assert f"Did you mean '{SCENARIO}'?" in result.stderr
    assert "lab list" in result.stderr


def test_unknown_scenario_is_seen_before_the_engine_works(no_engine: None) -> None:
    assert lab("prove", "nope").exit_code == 2


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "scenarios/basics/broken"
    shutil.copytree(DATA / "scenarios/basics" / SCENARIO, folder)
    monkeypatch.setenv("BREAKFIX_SCENARIOS", str(tmp_path / "scenarios"))
    return folder / "scenario.yml"


def test_unknown_key_is_placed_and_the_known_are_named(broken: Path) -> None:
    broken.write_text(broken.read_text().replace("level: 1", "level: 1\nlvel: 2"))
    result = lab("show", "broken")
    assert result.exit_code == 2
    message = " ".join(result.stderr.split())
    assert f"{broken}:5:1: key 'lvel' is unknown. Did you mean 'level'?" in message
    assert "minutes" in message


def test_what_is_not_yaml_is_placed(broken: Path) -> None:
    broken.write_text("title: [never closed\nlab: pair\n")
    result = lab("show", "broken")
    assert result.exit_code == 2
    assert f"{broken}:2:" in result.stderr


ENGINE_VERBS = [
    ("start", SCENARIO),
    ("status",),
    ("check",),
    ("check", "--json"),
    ("map",),
    ("shell", "gw"),
    ("exec", "gw", "--", "true"),
    ("hint",),
    ("capture", "near"),
    ("reboot", "--all"),
    ("reset",),
    ("solve",),
    ("debrief",),
    ("submit",),
    ("stop",),
    ("stop", "--all"),
    ("doctor",),
    ("images", "list"),
    ("demo",),
]


@pytest.mark.parametrize("words", ENGINE_VERBS, ids=" ".join)
def test_absent_engine(words: tuple[str, ...], no_engine: None) -> None:
    result = lab(*words)
    assert result.exit_code == 3
    assert "No Docker engine answers at unix:///nonexistent/docker.sock" in result.stderr
    assert "lab doctor" in result.stderr
    assert "Traceback" not in result.output


@pytest.fixture
def closed_socket() -> Iterator[str]:
    # pytest's own folders are closed to other users, which would be another error.
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        Path(folder).chmod(0o755)
        path = f"{folder}/docker.sock"
        server.bind(path)
        server.listen()
        Path(path).chmod(0)
        yield path


def test_closed_socket(
    closed_socket: str, no_engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an unprivileged user; in a child, for there is no way back."""
    lab("status")  # everything is imported while it can still be read
    monkeypatch.setenv("DOCKER_HOST", f"unix://{closed_socket}")
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        result = lab("status")
        os.write(writer, result.stderr.encode())
        os._exit(result.exit_code)
    os.close(writer)
    with os.fdopen(reader) as told:
        message = told.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    assert "may not be opened by this user" in message
    assert "usermod -aG docker" in message


@pytest.mark.parametrize(
    "words",
    [("start",), ("nonsense",), ("start", "--seed", "x", SCENARIO), ("list", "--level", "9")],
)
def test_wrong_usage(words: tuple[str, ...]) -> None:
    assert lab(*words).exit_code == 2


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("strat", "start"), ("chek", "check"), ("valdiate", "validate"), ("Stop", "stop")],
)
def test_a_mistyped_verb_suggests_the_nearest(typed: str, meant: str) -> None:
    result = lab(typed, "x")
    assert result.exit_code == 2
    assert f"No such command '{typed}'. Did you mean '{meant}'?" in result.stderr


def test_a_verb_that_is_like_none() -> None:
    result = lab("zzz")
    assert result.exit_code == 2
    assert "No such command 'zzz'. `lab --help` shows the verbs." in result.stderr


def test_an_option_that_is_none_is_no_verb() -> None:
    result = lab("--strat")
    assert result.exit_code == 2
    assert "No such option" in result.stderr


def test_a_bug_is_called_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble() -> None:
        raise RuntimeError("stumbled")

    monkeypatch.setattr(version, "command", stumble)
    result = lab("version")
    assert result.exit_code == 3
    assert "This is a bug in breakfix" in result.stderr
    file = re.search(r"(/\S+breakfix-bug-\S+\.txt)", result.stderr)
    assert file is not None
    traceback = Path(file[1])
    assert "RuntimeError: stumbled" in traceback.read_text()
    traceback.unlink()


def test_a_known_error_has_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise EngineError("It [red]refused[/red].", hint="Do this.")

    monkeypatch.setattr(version, "command", refuse)
    result = lab("version")
    assert result.exit_code == 3
    assert result.stderr == "error: It [red]refused[/red].\n→ Do this.\n"


def test_interrupted_says_what_is_left(no_engine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    lab("status")  # imports the engine's part
    monkeypatch.setattr(version, "command", interrupt)
    result = lab("version")
    assert result.exit_code == 130
    assert "Interrupted" in result.stderr
    assert "lab status" in result.stderr


@pytest.mark.parametrize("told", [True, False])
def test_a_terminal_that_is_gone_is_no_bug(tmp_path: Path, told: bool) -> None:
    code = "import sys, time\nimport lab_runner.cli.version as v\n"
    code += "def wait():\n  print('here', flush=True); sys.stdin.readline()\n"
    code += "  print('there', flush=True)\nv.command = wait\nsys.argv = ['lab', 'version']\n"
    code += "from lab_runner.cli.main import main; main()"
    ours, its = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=its,
        stderr=its,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        os.close(its)
        assert os.read(ours, 64).startswith(b"here")
        os.close(ours)
        if told:  # by the kernel, if the terminal was its own
            process.send_signal(signal.SIGHUP)
        process.communicate(b"\n", timeout=30)
    assert process.returncode == 129
    assert list(tmp_path.iterdir()) == []  # nothing to report


def test_interrupted_before_the_engine_was_spoken_to() -> None:
    code = "import lab_runner.cli.version as v\ndef stop(): raise KeyboardInterrupt\n"
    code += "v.command = stop\nfrom lab_runner.cli.main import main; main()"
    command = [sys.executable, "-c", code, "version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert "Nothing was started" in done.stderr


def test_reader_that_goes_away() -> None:
    script = f"{shlex.join([*LAB, 'list', '--json'])} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


def test_a_report_that_cannot_be_written_is_told_before_anything_starts(tmp_path: Path) -> None:
    for option in ("--report", "--junit"):
        result = lab("prove", SCENARIO, option, str(tmp_path / "none/report"))
        assert result.exit_code == 2
        assert "cannot be written: No such file or directory" in result.output


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("--all NAME", "--all and named scenarios at once."),
        ("NAME --watch --seeds 2 --json", "--watch has no use for --seeds and --json."),
        ("NAME --watch --pairs", "--watch has no use for --pairs."),
        ("--pairs --repetitions 3", "--pairs has no use for --repetitions."),
        ("NAME --watch --mutate", "--watch has no use for --mutate."),
        ("--pairs --mutate", "--pairs has no use for --mutate."),
        ("--mutate --seeds 3", "--mutate has no use for --seeds."),
        ("--mutate two-things-on-one-morning", "two-things-on-one-morning is a composite itself."),
        ("--pairs NAMEX", f"scenario '{SCENARIO}X' is unknown. Did you mean '{SCENARIO}'?"),
        ("--pairs two-things-on-one-morning", "two-things-on-one-morning is a composite itself."),
    ],
)
def test_options_without_effect_are_refused(line: str, complaint: str) -> None:
    result = lab("prove", *line.replace("NAME", SCENARIO).split())
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_an_ipv6_address_is_no_picture(capsys: pytest.CaptureFixture[str]) -> None:
    out().print("[dim]2001:db8:1d4:a:10::80[/]")
    assert capsys.readouterr().out == "2001:db8:1d4:a:10::80\n"
