"""Scripts in pieces, and scripts that lack one."""

from __future__ import annotations

import subprocess

import pytest

from lab_runner.catalogue import Catalogue
from lab_runner.planning.composite import is_exam
from lab_runner.planning.plan import make_plan
from lab_runner.proving.scripts import commands, lines_that_say_something, without_one
from tests.conftest import NOW

SCRIPT = """\
# First the file
cd /etc
sed -i \\
  -e 's/a/b/' \\
  -e '/it # is/d' \\
  one.conf
cat > two.conf <<'END'
first {
    # not this
    second;
}
END
if grep -q 'done' one.conf; then
    echo "more
lines"
fi
for one in 1 2; do echo $one; done; { echo last; }
systemctl restart one
"""


def test_a_command_has_all_of_its_lines() -> None:
    every = commands(SCRIPT)
    assert [one.split()[0] for one in every] == ["cd", "sed", "cat", "if", "for", "systemctl"]
    assert "".join(every) == SCRIPT.partition("\n")[2]


def test_an_indented_document_ends_with_an_indented_word() -> None:
    assert commands("cat <<-END\n\tone\n\tEND\ntrue\n") == ["cat <<-END\n\tone\n\tEND\n", "true\n"]


def test_what_is_never_closed_is_one_command() -> None:
    assert commands("echo 'a\nb\n") == ["echo 'a\nb\n"]


def test_one_thing_is_missing_at_a_time() -> None:
    gone = [" ".join(words.split())[:22] for words, _ in without_one(SCRIPT)]
    assert gone == [
        "sed -i \\ -e 's/a/b/' \\",  # not cd: the rest would be about other files
        "cat > two.conf <<'END'",
        "if grep -q 'done' one.",
        "for one in 1 2; do ech",
        "systemctl restart one",
        "-e 's/a/b/' \\",
        "-e '/it # is/d' \\",
        "first {",
        "second;",
    ]
    whole = "".join(commands(SCRIPT))
    for words, rest in without_one(SCRIPT):
        assert rest != whole
        assert len(rest) == len(whole) - len(words)


def test_an_expression_is_missing() -> None:
    script = "sed -i 's/a/b/; /c/d' file\n"
    assert dict(without_one(script)) == {
        "s/a/b/": "sed -i '/c/d' file\n",
        "/c/d": "sed -i 's/a/b/' file\n",
    }


@pytest.mark.parametrize("script", ["true\n", "sed -i \\\n  -e 's/a/b/' \\\n  file\n"])
def test_what_is_one_thing_lacks_nothing(script: str) -> None:
    assert not list(without_one(script))


def test_a_document_s_only_line_stays() -> None:
    assert not list(without_one("cat > file <<'END'\none\nEND\n"))


def test_lines_of_a_file() -> None:
    content = "# why\none {\n  two;\n}\n\n"
    assert dict(lines_that_say_something(content)) == {
        "one {\n": "# why\n  two;\n}\n\n",
        "  two;\n": "# why\none {\n}\n\n",
    }


def test_every_shipped_repair_comes_apart_into_commands_that_bash_reads(
    shipped: Catalogue,
) -> None:
    every = [
        command
        for source in shipped.scenarios()
        if not is_exam(source)
        for solution in _solutions(shipped, source.id)
        for command in solution
    ]
    assert len(every) > 300
    # The shell reads all of them, and runs none.
    functions = "\n".join(f"f{number}() {{\n{text}}}" for number, text in enumerate(every))
    read = subprocess.run(
        ["bash", "-n"], check=False, input=functions, text=True, capture_output=True
    )
    assert (read.returncode, read.stderr) == (0, "")


def _solutions(catalogue: Catalogue, name: str) -> list[list[str]]:
    scenario = make_plan(catalogue, name, 1, now=NOW).scenario
    assert scenario is not None
    scripts = [[step.run for step in one.steps if step.run] for one in scenario.solutions]
    return [[c for script in one for c in commands(script)] for one in scripts]
