"""Evidence from its stored form, so that it can be judged again."""

from __future__ import annotations

import functools
import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lab_runner.errors import ProbeError
from lab_runner.models.evidence import EVIDENCE, VERSION, Evidence


@functools.cache
def _adapter(word: str) -> TypeAdapter[Any]:
    """Made when first needed: one takes some milliseconds, and few are needed at a time."""
    return TypeAdapter(EVIDENCE[word])


def evidence_from_json(data: dict[str, Any]) -> tuple[str, Evidence]:
    """The probe's word and its evidence, from what ``to_json`` has written.

    Raises:
        ProbeError: It is of another version or probe, or a field is wrong.
    """
    if not isinstance(data, dict):
        raise ProbeError("evidence is a JSON object")
    fields = dict(data)
    word, version = fields.pop("probe", None), fields.pop("version", None)
    if version != VERSION:
        raise ProbeError(f"evidence of version {version!r}; this kit reads version {VERSION}")
    if word not in EVIDENCE:
        raise ProbeError(f"evidence of {word!r}; known are {', '.join(EVIDENCE)}")
    try:
        evidence: Evidence = _adapter(word).validate_json(json.dumps(fields), strict=True)
    except ValidationError as exc:
        raise ProbeError(f"evidence of {word}: {_first(exc)}") from exc
    return word, evidence


def _first(exc: ValidationError) -> str:
    error = exc.errors()[0]
    return f"{'.'.join(map(str, error['loc'])) or 'evidence'}: {error['msg']}"
