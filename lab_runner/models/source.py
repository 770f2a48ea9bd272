"""A YAML file with the place of every value in it, so that an error can name its line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from lab_runner.errors import DefinitionError

Path_ = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")
#: Told of each finding; :func:`refuse` ends the work with the first.
Complain = Callable[[DefinitionError], None]
#: What pydantic calls a key that no field has, in a model and in a dataclass.
_UNKNOWN_KEY = {"extra_forbidden", "unexpected_keyword_argument"}
_BOOLEAN = "tag:yaml.org,2002:bool"

#: So many known names are listed; of more, those that are most alike.
_ALL, _ALIKE = 40, 5


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe, and with the booleans of YAML 1.2: ``on``, ``off``, ``yes`` and ``no`` are words."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOLEAN]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    _BOOLEAN, re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF"
)


@dataclass(frozen=True)
class Document:
    """One parsed file.

    Attributes:
        path: The file.
        data: Its content, plain Python values.
        marks: Line and column (from 1) of each value, by its path from the top.
    """

    path: Path
    data: dict[str, Any]
    marks: dict[Path_, tuple[int, int]] = field(default_factory=dict)

    def error(self, message: str, where: Path_ = (), *, hint: str = "") -> DefinitionError:
        """The error for a value, placed at it or at the nearest thing around it."""
        while where and where not in self.marks:
            where = where[:-1]
        line, column = self.marks.get(where, (1, 1))
        return DefinitionError(message, path=str(self.path), line=line, column=column, hint=hint)


def parse(path: Path) -> Document:
    """Read one YAML file.

    Raises:
        DefinitionError: It cannot be read, is not YAML, has a key twice, or is no mapping.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise DefinitionError(f"cannot be read: {exc}", path=str(path)) from exc
    try:
        document = _loaded(path, _Loader(text))
    except yaml.YAMLError as exc:
        raise _syntax_error(path, exc) from exc
    if not isinstance(document.data, dict):
        raise document.error("the file is not a mapping of keys to values")
    return document


def _loaded(path: Path, loader: _Loader) -> Document:
    """Values and their places, from one reading."""
    marks: dict[Path_, tuple[int, int]] = {}
    try:
        root = loader.get_single_node()
        data: Any = None  # of an empty file
        if root is not None:
            _collect(path, root, (), marks)
            data = loader.construct_document(root)
        return Document(path, data, marks)
    finally:
        loader.dispose()


def _syntax_error(path: Path, exc: yaml.YAMLError) -> DefinitionError:
    mark = getattr(exc, "problem_mark", None)
    problem = getattr(exc, "problem", None) or str(exc)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return DefinitionError(f"not YAML: {problem}", path=str(path), line=line, column=column)


def _collect(path: Path, node: yaml.Node, at: Path_, marks: dict[Path_, tuple[int, int]]) -> None:
    marks[at] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _collect(path, child, (*at, index), marks)
    elif isinstance(node, yaml.MappingNode):
        _collect_mapping(path, node, at, marks)


def _collect_mapping(
    path: Path, node: yaml.MappingNode, at: Path_, marks: dict[Path_, tuple[int, int]]
) -> None:
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise DefinitionError(
                "a key that is no word; a value that begins with '{{' stands in quotes",
                path=str(path),
                line=key.start_mark.line + 1,
                column=key.start_mark.column + 1,
            )
        here = (*at, key.value)
        if here in marks:
            raise DefinitionError(
                f"{key.value!r} is given twice",
                path=str(path),
                line=key.start_mark.line + 1,
                column=key.start_mark.column + 1,
            )
        _collect(path, value, here, marks)
        marks[here] = (key.start_mark.line + 1, key.start_mark.column + 1)


def refuse(error: DefinitionError) -> None:
    """Let the first finding end the work; who wants them all passes another function."""
    raise error


def piece(work: Callable[[], Result], complain: Complain) -> Result | None:
    """One piece of the work; what is wrong with it is complained of, and the rest goes on."""
    try:
        return work()
    except DefinitionError as exc:
        complain(exc)
        return None


def validated(model: type[Model], data: Any, document: Document, at: Path_ = ()) -> Model:
    """Make a model from data that came from ``document``, at ``at`` in it.

    Raises:
        DefinitionError: For the first finding, with the known values where a name is unknown.
    """
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        raise findings(exc, model, document, at)[0] from exc


def findings(
    exc: ValidationError,
    model: type[BaseModel],
    document: Document,
    at: Path_ = (),
    *,
    unfilled: bool = False,
) -> list[DefinitionError]:
    """Everything that is wrong with data for a model, the most telling first.

    Args:
        exc: What pydantic found.
        model: What the data was to become.
        document: Where the data came from, and ``at`` where in it.
        at: See there.
        unfilled: The data may still hold templates, of which no type is known yet.
    """
    # A misspelt key is also a missing one: the misspelling says more.
    rows = sorted(exc.errors(), key=lambda one: one["type"] not in _UNKNOWN_KEY)
    told: list[DefinitionError] = []
    misspelt: set[Path_] = set()
    for row in rows:
        where = tuple(row["loc"])
        if where in misspelt or (unfilled and _is_template(row["input"])):
            continue
        if row["type"] in _UNKNOWN_KEY:
            meant = nearest(str(where[-1]), _known_keys(model, where[:-1]))
            misspelt.add((*where[:-1], meant))
        told.append(document.error(_sentence(dict(row), model), (*at, *where)))
    return told


def _is_template(value: Any) -> bool:
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def _sentence(finding: Mapping[str, Any], model: type[BaseModel]) -> str:
    where = tuple(finding["loc"])
    key = str(where[-1]) if where else ""
    message = str(finding["msg"]).removeprefix("Value error, ")
    if finding["type"] in _UNKNOWN_KEY:
        return unknown(f"key {key!r}", key, _known_keys(model, where[:-1]))
    if finding["type"] in {"missing", "missing_keyword_only_argument"}:
        return f"{key!r} is missing"
    return f"{key}: {message}" if where and isinstance(where[-1], str) else message


def _known_keys(model: Any, where: Path_) -> list[str]:
    """The keys that are known at ``where`` inside ``model``, as far as types tell."""
    for step in where:
        model = _inner(model, step)
    described = getattr(model, "model_fields", None)
    if described is not None:
        return [info.alias or name for name, info in described.items()]
    return [field.name for field in fields(model)] if is_dataclass(model) else []


def _inner(model: Any, step: str | int) -> Any:
    described: Mapping[str, Any] = getattr(model, "model_fields", {})
    for name, info in described.items():
        if step in {name, info.alias}:
            return _unwrapped(info.annotation)
    return model


def _unwrapped(annotation: Any) -> Any:
    """The model inside ``list[...]``, ``dict[..., ...]`` or ``... | None``."""
    for argument in reversed(getattr(annotation, "__args__", ())):
        if argument is not type(None):
            return _unwrapped(argument)
    return annotation


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """A sentence for an unknown name: the nearest known one, and all of them or the most alike."""
    names = sorted(known)
    near = nearest(name, names)
    guess = f" Did you mean {near!r}?" if near else ""
    if len(names) > _ALL:
        alike = difflib.get_close_matches(name, names, n=_ALIKE, cutoff=0.0)
        return f"{what} is unknown.{guess} Most alike of {len(names)}: {', '.join(alike)}"
    return f"{what} is unknown.{guess} Known: {', '.join(names) or 'none'}"


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant; empty if none is near."""
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return near[0] if near else ""
