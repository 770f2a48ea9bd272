"""JSON Schema of labs and scenarios, for editors: the models, and templates where they may stand.

What only a filled-in file can show (names, ranges of what a template comes to) is
``lab validate``'s to say.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from lab_runner.models import checks, lab, parameters, scenario
from lab_runner.models.probes import PROBES

Schema = dict[str, Any]

#: A string that is filled in before it is read; of which type it then is, nobody knows here.
_TEMPLATE = {"type": "string", "pattern": r"\{[{%]", "description": "A template."}
_TEMPLATE_REF = {"$ref": "#/$defs/Template"}
_SCALARS = {"integer", "number", "boolean"}
#: What makes a string one of some kind.
_KINDS = {"enum", "const", "pattern", "format", "minLength", "maxLength"}
#: Drawn before anything can be filled in: no templates in these.
_DRAWN = {"Parameter", "SubnetRange", "IntegerRange", "Sample"}
_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)
_COMMENTED = re.compile(r"((?:^    #: .*\n)+)    (\w+):", re.MULTILINE)


class What(StrEnum):
    """Which of the two files."""

    LAB = "lab"
    SCENARIO = "scenario"


def schema(what: What) -> Schema:
    """The schema of a lab's or a scenario's file; the latter may be an exam."""
    defs: Schema = {}
    if what is What.LAB:
        top = _top(lab.Lab, defs)
    else:
        top = {
            "description": "One way in which a network breaks, or an exam of several.",
            "if": {"required": ["parts"]},
            "then": _reference(scenario.Exam, defs),
            "else": _reference(scenario.Scenario, defs),
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"breakfix {what}.yml",
        **top,
        "$defs": {**defs, "Template": _TEMPLATE},
    }


def _top(model: type[BaseModel], defs: Schema) -> Schema:
    """A model's own part; what that refers to is added to ``defs``."""
    raw = model.model_json_schema()
    defs |= {name: _definition(name, one) for name, one in raw.pop("$defs").items()}
    return _definition(model.__name__, raw)


def _reference(model: type[BaseModel], defs: Schema) -> Schema:
    defs[model.__name__] = _top(model, defs)
    return {"$ref": f"#/$defs/{model.__name__}"}


def _definition(name: str, raw: Schema) -> Schema:
    """One model's part: with its own words, and what its validators demand."""
    adjusted: Schema = _bare(raw) if name in _DRAWN else _with_templates(_bare(raw))
    described = _CLASSES.get(name)
    if described is not None:
        adjusted["description"] = _sentences(described)
        for key, words in _words(described).items():
            if key in adjusted.get("properties", {}):
                adjusted["properties"][key]["description"] = words
    return {**adjusted, **_EXACTLY_ONE.get(name, {})}


def _one_of(words: Any) -> Schema:
    return {"oneOf": [{"required": [word]} for word in words]}


#: Rules of the models' validators that a schema can say as well.
_EXACTLY_ONE: dict[str, Schema] = {
    "Check": _one_of(PROBES),
    "Step": _one_of(["run", "write", "link"]),
    "Parameter": {"minProperties": 1, "maxProperties": 1},
}


def _bare(raw: Schema) -> Schema:
    """Without the titles that are only the names again, which differ between versions."""
    kept = {key: value for key, value in raw.items() if key != "title"}
    for key in ("items", "additionalProperties"):
        if isinstance(kept.get(key), dict):
            kept[key] = _bare(kept[key])
    if "anyOf" in kept:
        kept["anyOf"] = [_bare(one) for one in kept["anyOf"]]
    if "properties" in kept:
        kept["properties"] = {name: _bare(one) for name, one in kept["properties"].items()}
    return kept


def _with_templates(raw: Schema) -> Schema:
    """Any scalar of a kind may be a template, which is a string."""
    if raw.get("type") in _SCALARS or (raw.get("type") == "string" and _KINDS & raw.keys()):
        outside = {key: raw[key] for key in raw if key in {"default", "description"}}
        inside = {key: value for key, value in raw.items() if key not in outside}
        return {"anyOf": [inside, _TEMPLATE_REF], **outside}
    made = dict(raw)
    for key in ("items", "additionalProperties"):
        if isinstance(made.get(key), dict):
            made[key] = _with_templates(made[key])
    if "anyOf" in made:
        made["anyOf"] = _flat([_with_templates(one) for one in made["anyOf"]])
    if "properties" in made:
        made["properties"] = {k: _with_templates(one) for k, one in made["properties"].items()}
    return made


def _flat(options: list[Schema]) -> list[Schema]:
    """Alternatives of alternatives, each once."""
    flat: list[Schema] = []
    for option in options:
        inner = option["anyOf"] if set(option) == {"anyOf"} else [option]
        flat += [one for one in inner if one not in flat]
    return flat


def _models() -> dict[str, type[Any]]:
    """The classes that files are made of, by the names under which a schema has them."""
    files = (parameters, checks, lab, scenario)
    found = [value for file in files for value in vars(file).values() if inspect.isclass(value)]
    ours = [cls for cls in found if cls.__module__.startswith("lab_runner.models")]
    return {cls.__name__: cls for cls in (*ours, *PROBES.values())}


_CLASSES = _models()


def _sentences(cls: type[Any]) -> str:
    """What a class's docstring says before it comes to the attributes."""
    return _plain((inspect.getdoc(cls) or "").partition("\n\nAttributes:")[0])


def _words(cls: type[Any]) -> dict[str, str]:
    """What is said of each key: in the docstring, or in ``#:`` lines above the field."""
    said: dict[str, str] = {}
    for one in cls.__mro__[::-1]:
        attributes = inspect.cleandoc(one.__doc__ or "").partition("Attributes:\n")[2]
        said |= dict(_ATTRIBUTE.findall(attributes))
    if dataclasses.is_dataclass(cls):
        source = inspect.getsource(cls)
        said |= {name: lines.replace("#: ", "") for lines, name in _COMMENTED.findall(source)}
    fields: dict[str, Any] = getattr(cls, "model_fields", {})
    names = {name: str(info.alias or name) for name, info in fields.items()}
    return {names.get(name, name): _plain(words) for name, words in said.items()}


def _plain(words: str) -> str:
    """Paragraphs on one line each; code in single backticks, as editors show it."""
    paragraphs = re.split(r"\n\s*\n", words.strip())
    return "\n\n".join(" ".join(one.split()) for one in paragraphs).replace("``", "`")
