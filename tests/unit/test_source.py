"""YAML with places: every message has the line to go to."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_runner.errors import DefinitionError
from lab_runner.models.checks import Check
from lab_runner.models.scenario import Scenario
from lab_runner.models.source import Document, parse, unknown, validated


def written(folder: Path, text: str) -> Path:
    file = folder / "file.yml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2\n", "2:1: not YAML: did not find expected ',' or ']'"),
        ("a: 1\n b: 2\n", "2:3: not YAML: mapping values are not allowed in this context"),
        ("a: 1\nb: 2\na: 3\n", "3:1: 'a' is given twice"),
        ("a:\n  b: 1\n  b: 2\n", "3:3: 'b' is given twice"),
        ("- {a: 1}\n- {b: 2, c: 3, b: 4}\n", "2:16: 'b' is given twice"),
        ("- 1\n- 2\n", "1:1: the file is not a mapping of keys to values"),
        ("", "1:1: the file is not a mapping of keys to values"),
        ("just words", "1:1: the file is not a mapping of keys to values"),
        ("a: !!python/object:os.system 1\n", "1:4: not YAML: could not determine a constructor"),
        ("a: *nothing\n", "1:4: not YAML: found undefined alias"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(DefinitionError) as caught:
        parse(file)
    assert str(caught.value).startswith(f"{file}:{message}")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="cannot be read"):
        parse(tmp_path / "nothing.yml")
    file = tmp_path / "file.yml"
    file.write_bytes(b"a: \xff\xfe\n")
    with pytest.raises(DefinitionError, match="cannot be read"):
        parse(file)


def test_places(tmp_path: Path) -> None:
    document = parse(written(tmp_path, "a:\n  - b: 1\n  - {c: 2, d: 3}\n"))
    assert document.data == {"a": [{"b": 1}, {"c": 2, "d": 3}]}
    assert document.marks["a", 1, "d"] == (3, 12)
    error = document.error("wrong", ("a", 1, "nowhere", 5))
    assert (error.line, error.column) == (3, 5)
    assert document.error("wrong", ("z",)).line == 1


CHECK = {"id": "desk-finds-it", "title": "The desk finds it", "from": "desk"}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"tcp": {"to": "x", "port": 1}, "colour": 1}, r"key 'colour' is unknown\. Known: .*title"),
        ({"tcp": {"to": "x", "prot": 1}}, r"key 'prot' is unknown\. Did you mean 'port'\?"),
        ({"tcp": {"to": "x"}}, "'port' is missing"),
        ({"tcp": {"to": "x", "port": "ssh"}}, "port: Input should be a valid integer"),
        ({}, "a check has exactly one probe of: dns, tcp"),
        ({"tcp": {"to": "x", "port": 1}, "udp": {"to": "x", "port": 1}}, "exactly one probe"),
        ({"tcp": {"to": "x", "port": 1}, "withn": 2}, r"Did you mean 'within'\?"),
        ({"tcp": {"to": "x", "port": 1}, "id": "Not An Id"}, "id: String should match pattern"),
        ({"tcp": {"to": "x", "port": 1, "expect": "opened"}}, "expect: Input should be 'open'"),
        ({"ssh": {"to": "x", "forward": "x:http"}}, "forward: 'x:http' is no host:port"),
    ],
)
def test_a_check_that_is_wrong(raw: dict[str, object], message: str) -> None:
    document = Document(Path("x.yml"), {}, {})
    with pytest.raises(DefinitionError, match=message):
        validated(Check, {**CHECK, **raw}, document)


@pytest.mark.parametrize("word", ["dns", "http", "capture", "ssh", "nat", "file", "command"])
def test_unknown_keys_of_probes_list_the_known_ones(word: str) -> None:
    document = Document(Path("x.yml"), {}, {})
    with pytest.raises(DefinitionError) as caught:
        validated(Check, {**CHECK, word: {"zzz": 1}}, document)
    text = str(caught.value)
    assert "is missing" in text or "key 'zzz' is unknown" in text


def test_nested_lists_have_their_own_keys() -> None:
    document = Document(Path("x.yml"), {}, {})
    with pytest.raises(DefinitionError, match=r"key 'titel' is unknown\. Did you mean 'title'\?"):
        validated(Scenario, {"solutions": [{"titel": "x"}]}, document)


@pytest.mark.parametrize(
    ("name", "known", "sentence"),
    [
        ("srv2", ["gw", "srv"], "node 'srv2' is unknown. Did you mean 'srv'? Known: gw, srv"),
        ("zebra", ["gw", "pc1"], "node 'zebra' is unknown. Known: gw, pc1"),
        ("gw", [], "node 'gw' is unknown. Known: none"),
    ],
)
def test_unknown(name: str, known: list[str], sentence: str) -> None:
    assert unknown(f"node {name!r}", name, known) == sentence


@given(st.text(max_size=60))
def test_no_text_ends_in_anything_but_our_error(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.yml"
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        with contextlib.suppress(DefinitionError):
            assert isinstance(parse(file).data, dict)


def test_of_many_known_names_only_the_most_alike_are_told() -> None:
    names = [f"site-{number}-is-slow" for number in range(60)]
    told = unknown("scenario 'site-7-is-slwo'", "site-7-is-slwo", names)
    assert "Did you mean 'site-7-is-slow'?" in told
    assert "of 60: site-7-is-slow, " in told
    assert told.count("site-") == 2 + 5
