"""The shells that steps are run in: one for each node, kept open."""

from __future__ import annotations

import pytest

from lab_runner.engine import shells
from lab_runner.engine.running import RunningLab
from lab_runner.errors import ExecFailed
from lab_runner.models.scenario import Step
from tests.docker.conftest import quiet, said


def ours(lab: RunningLab, node: str) -> str:
    return said(lab, node, "pgrep -fc '[r]ead -r -d' || true")


def test_each_script_has_its_own_end(lab: RunningLab) -> None:
    first = lab.shells.run("desk", "printf 'no newline'; printf complaint >&2; exit 7")
    assert (first.exit_status, first.stdout, first.stderr) == (7, b"no newline", b"complaint")
    second = lab.shells.run("desk", "cat; echo \"it's $((1 + 1))\"\n# 'a comment\necho done")
    assert (second.exit_status, second.stdout, second.stderr) == (0, b"it's 2\ndone\n", b"")


def test_scripts_do_not_know_of_each_other(lab: RunningLab) -> None:
    lab.shells.run("desk", "cd /tmp; set +e; known=yes; export known")
    assert lab.shells.run("desk", 'echo "$PWD ${known-no}"').stdout.split()[1] == b"no"


def test_what_a_script_leaves_running_disturbs_no_other(lab: RunningLab) -> None:
    lab.shells.run("desk", "(for n in 1 2 3 4; do sleep 0.05; echo late; done) & true")
    assert lab.shells.run("desk", "sleep 0.4; exit 3").exit_status == 3
    assert lab.shells.run("desk", "echo mine").stdout == b"mine\n"


def test_much_output_is_read_to_its_end(lab: RunningLab) -> None:
    assert len(lab.shells.run("desk", "head -c 3000000 /dev/zero").stdout) == 3_000_000


def test_no_environment_of_the_engine(lab: RunningLab) -> None:
    environment = lab.shells.run("desk", "env").stdout
    assert b"LAB_NODE" not in environment
    assert lab.attempt.encode() not in environment


def test_a_script_without_end_is_ended(
    own_lab: RunningLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shells, "_TIMEOUT_S", 1)
    with pytest.raises(ExecFailed, match="status 124"):
        own_lab.apply([Step(node="desk", run="sleep 60")])
    own_lab.apply([Step(node="desk", run="true")])


def test_a_shell_that_was_killed_is_told_of_and_replaced(own_lab: RunningLab) -> None:
    own_lab.apply([Step(node="desk", run="true")])
    said(own_lab, "desk", "pkill -KILL -f '[r]ead -r -d' || true")
    with pytest.raises(ExecFailed, match="desk does not run anything: its shell is gone"):
        own_lab.apply([Step(node="desk", run="true")])
    own_lab.apply([Step(node="desk", run="true")])


def test_steps_after_a_reboot_and_after_a_reset(own_lab: RunningLab) -> None:
    step = Step(node="desk", run='echo x >> /tmp/count; test "$(wc -l < /tmp/count)" = 1')
    own_lab.apply([step])
    own_lab.reboot(["desk"], quiet)
    own_lab.apply([step])
    own_lab.reset(quiet, ["desk"])
    own_lab.apply([step])


def test_a_node_that_is_off(own_lab: RunningLab) -> None:
    own_lab.client.api.stop(own_lab.container("desk"), timeout=1)
    with pytest.raises(ExecFailed, match="desk does not run anything"):
        own_lab.apply([Step(node="desk", run="true")])


def test_no_shell_stays_when_the_line_is_closed(own_lab: RunningLab) -> None:
    own_lab.apply([Step(node="desk", run="true")])
    assert ours(own_lab, "desk") == "1"
    own_lab.close()
    assert said(own_lab, "desk", "sleep 0.3; pgrep -fc '[r]ead -r -d' || true") == "0"
