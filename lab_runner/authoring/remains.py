"""What is right in a file that is wrong elsewhere, so that all of it can be looked at."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from lab_runner.models.source import Complain, Document, Path_, findings

Model = TypeVar("Model", bound=BaseModel)


def remains(
    model: type[Model], data: dict[str, Any], document: Document, complain: Complain
) -> Model:
    """A model of all that is right in ``data``; the rest is complained of and left out."""
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        for error in findings(exc, model, document, unfilled=True):
            complain(error)
        return _built(model, data, [tuple(row["loc"]) for row in exc.errors()])


def _built(model: type[Model], data: dict[str, Any], wrong: Iterable[Path_]) -> Model:
    values: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        below = [where[1:] for where in wrong if where[:1] == (name,)]
        values[name] = _value(info, data.get(info.alias or name), below)
    return model.model_construct(**values)


def _value(info: FieldInfo, raw: Any, wrong: list[Path_]) -> Any:
    kind: Any = info.annotation
    if _is_model(kind) and isinstance(raw, dict):
        return _built(kind, raw, wrong)
    try:
        return TypeAdapter(kind).validate_python(_sound(raw, wrong))
    except ValidationError:
        return _empty(info)


def _sound(raw: Any, wrong: list[Path_]) -> Any:
    """The members of a list or mapping of which nothing is wrong."""
    bad = {where[0] for where in wrong if where}
    if isinstance(raw, list):
        return [item for index, item in enumerate(raw) if index not in bad and item != ""]
    if isinstance(raw, dict):
        return {key: item for key, item in raw.items() if key not in bad}
    return raw


def _empty(info: FieldInfo) -> Any:
    if not info.is_required():
        return info.get_default(call_default_factory=True)
    kind: Any = typing.get_origin(info.annotation) or info.annotation
    if _is_model(kind):
        return _built(kind, {}, ())
    return None if kind is typing.Literal else kind()


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
