"""The tree of errors: drawn, documented, and complete."""

from __future__ import annotations

import errno
import hashlib
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path

import docker.errors
import pytest
import requests.exceptions

from lab_runner import errors
from lab_runner.engine.docker import mapped
from lab_runner.errors import DefinitionError, LabRunnerError

CLASSES = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, LabRunnerError)
]


def drawn() -> Iterator[tuple[str, str]]:
    """Each class of the drawing with the one that it hangs from."""
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^([ │├└─]*)([A-Z]\w+)(  |$)", line)
        if found:
            depth = (len(found[1]) - 4) // 4
            above[depth] = found[2]
            yield found[2], above.get(depth - 1, "Exception")


def test_the_drawing_is_the_tree() -> None:
    assert dict(drawn()) == {cls.__name__: cls.__bases__[0].__name__ for cls in CLASSES}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_docstring_is_the_message(cls: type[LabRunnerError]) -> None:
    assert cls.__doc__
    first = cls.__doc__.splitlines()[0]
    assert first.endswith(".")
    assert cls("").hint == ""
    assert str(cls("")) == first
    assert str(cls("what happened", hint="what to do")) == "what happened"
    assert cls("", hint="what to do").hint == "what to do"


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_exit_codes(cls: type[LabRunnerError]) -> None:
    wrong_input = issubclass(cls, errors.UsageError | errors.DefinitionError)
    assert cls.exit_code == (2 if wrong_input else 3)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (DefinitionError("wrong", path="a.yml", line=3, column=7), "a.yml:3:7: wrong"),
        (DefinitionError("wrong", path="a.yml"), "a.yml: wrong"),
        (DefinitionError("wrong"), "wrong"),
    ],
)
def test_a_definition_error_names_its_place(error: DefinitionError, text: str) -> None:
    assert str(error) == text


def refused(cause: OSError) -> requests.exceptions.ConnectionError:
    error = requests.exceptions.ConnectionError("('Connection aborted.')")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        (docker.errors.ImageNotFound("no such image"), errors.ImageMissing),
        (docker.errors.NotFound("no such container"), errors.EngineError),
        (docker.errors.APIError("conflict"), errors.EngineError),
        (docker.errors.APIError("write: no space left on device"), errors.DiskFull),
        (docker.errors.DockerException("Error while fetching"), errors.EngineUnavailable),
        (refused(OSError(errno.EACCES, "Permission denied")), errors.EnginePermission),
        (refused(OSError(errno.ENOENT, "No such file")), errors.EngineUnavailable),
        (requests.exceptions.ReadTimeout("Read timed out."), errors.EngineUnavailable),
        (ConnectionResetError(), errors.EngineUnavailable),
    ],
    ids=lambda value: value.__name__ if inspect.isclass(value) else type(value).__name__,
)
def test_foreign_errors_become_ours(foreign: Exception, ours: type[LabRunnerError]) -> None:
    with pytest.raises(errors.EngineError) as caught, mapped():
        raise foreign
    assert type(caught.value) is ours
    assert caught.value.__cause__ is foreign
    assert caught.value.hint


def test_an_engine_that_refuses_to_say_its_version_is_there() -> None:
    with pytest.raises(errors.EngineError, match="no memory to speak of") as caught, mapped():
        raise docker.errors.DockerException("500 Server Error") from docker.errors.APIError(
            "500", explanation="no memory to speak of"
        )
    assert type(caught.value) is errors.EngineError


def test_the_engine_of_a_context_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As docker-context(1) writes it.
    meta = tmp_path / "contexts/meta" / hashlib.sha256(b"far").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    address = "ssh://me@far.example"
    endpoints = {"docker": {"Host": address, "SkipTLSVerify": False}}
    meta.write_text(json.dumps({"Name": "far", "Metadata": {}, "Endpoints": endpoints}))
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "far"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    for told, hint in (("", f"export DOCKER_HOST={address}"), ("unix:///other", "Start Docker")):
        if told:
            monkeypatch.setenv("DOCKER_HOST", told)
        with pytest.raises(errors.EngineUnavailable) as caught, mapped():
            raise ConnectionRefusedError
        assert hint in caught.value.hint


SDK = [
    value
    for value in vars(docker.errors).values()
    if inspect.isclass(value) and value.__module__ == "docker.errors"
]


@pytest.mark.parametrize("cls", SDK, ids=lambda cls: cls.__name__)
def test_no_error_of_the_sdk_is_unmapped(cls: type[Exception]) -> None:
    error = cls.__new__(cls)
    error.args = ("said the engine",)
    for detail in ("explanation", "msg", "message", "param", "name"):
        setattr(error, detail, "said the engine")
    with pytest.raises(errors.EngineError), mapped():
        raise error
