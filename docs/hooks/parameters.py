"""Tables of parameters, from the pydantic models that `normotion check` holds params.yaml to."""

from __future__ import annotations

import inspect
import json
import re
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from docs.hooks.cells import row

HEAD = """# Parameters

Written from the models' own docstrings. `normotion check` refuses unknown and ill-typed keys, all at once. params.yaml
says what the shipped project sets; what it leaves out has the default.

"""
NULL = " or `null`"
SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def parameters_page(sections: Mapping[str, type[BaseModel]], windows: type[BaseModel]) -> str:
    """The page of all sections but the detectors', whose own are on the pages of methods.

    Args:
        sections: the top-level sections of params.yaml by name.
        windows: the model of one window spec.
    """
    parts = [HEAD]
    for name, model in sections.items():
        parts.append(f"## {name}\n\n{about(model)}\n\n{section_table(model)}\n")
        if name == "segment":
            parts.append(f"## windows.NAME\n\n{about(windows)}\n\n{section_table(windows)}\n")
    parts.append("## detectors.NAME\n\nEach detector has its own section: see [its method](../methods/index.md).\n")
    return "\n".join(parts)


def section_table(model: type[BaseModel]) -> str:
    """The fields of a section, those of sections in it with dots: key, values, default, meaning."""
    rows = [row(f"`{key}`", kind, default, meaning) for key, kind, default, meaning in _fields(model, "", ())]
    if not rows:
        return "It has no keys."
    return "\n".join(["| key | values | default | meaning |", "|---|---|---|---|", *rows])


def about(model: type[BaseModel]) -> str:
    """A model's docstring up to its arguments; empty where it has none of its own."""
    if "__doc__" not in vars(model) or not model.__doc__:
        return ""
    return inspect.cleandoc(model.__doc__).partition("\n\nArgs:")[0].partition("\nArgs:")[0]


def documented(model: type[BaseModel]) -> dict[str, str]:
    """What the docstrings of a model and its bases say about each field."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        text = inspect.cleandoc(vars(kind).get("__doc__") or "")
        _, _, arguments = text.partition("Args:\n")
        for entry in re.split(r"\n(?=    \w)", "\n" + arguments.split("\n\n")[0]):
            name, colon, meaning = entry.strip().partition(":")
            if colon and name.isidentifier():
                found[name] = " ".join(meaning.split())
    return found


def _fields(
    model: type[BaseModel], prefix: str, above: tuple[type[BaseModel], ...]
) -> Iterator[tuple[str, str, str, str]]:
    meanings = documented(model)
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        inner = [kind for kind in sections(field.annotation) if kind not in above]
        meaning = meanings.get(name) or (about(inner[0]) if inner else "")
        yield key, _kind(field.annotation, field), _default(field), meaning
        for kind in inner:
            yield from _fields(kind, f"{key}.", (*above, model, kind))


def sections(annotation: Any) -> list[type[BaseModel]]:
    """The models in an annotation, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    found = [kind for argument in get_args(annotation) for kind in sections(argument)]
    return list(dict.fromkeys(found))


def _kind(annotation: Any, field: FieldInfo | None = None) -> str:
    """An annotation in words, with the bounds of its field."""
    bounds = [f"{SIGNS[sign]} {getattr(item, sign)}" for item in (field.metadata if field else ()) for sign in SIGNS
              if getattr(item, sign, None) is not None]  # fmt: skip
    words = _words(annotation)
    ends = f" {', '.join(bounds)}" if bounds else ""
    return f"{words.removesuffix(NULL)}{ends}{NULL}" if words.endswith(NULL) else f"{words}{ends}"


def _words(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " · ".join(f"`{json.dumps(value) if value is None else value}`" for value in arguments)
    if origin is Annotated:
        return _words(arguments[0])
    if origin in (Union, types.UnionType):
        return " or ".join(_words(argument) for argument in arguments)
    if origin in (tuple, list, frozenset, set):
        inner = [argument for argument in arguments if argument is not Ellipsis]
        return "list of " + ", ".join(dict.fromkeys(_words(argument) for argument in inner))
    if origin in (dict, Mapping) or getattr(origin, "__name__", "") == "Mapping":
        return f"{_words(arguments[1])} by name"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    plain = {int: "whole number", float: "number", str: "text", bool: "`true` · `false`", type(None): "`null`"}
    return plain.get(annotation, "anything" if annotation is Any else getattr(annotation, "__name__", str(annotation)))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        return ""
    if isinstance(value, (tuple, list)) and any(isinstance(item, BaseModel) for item in value):
        return f"{len(value)} entries"
    try:
        return f"`{json.dumps(value, ensure_ascii=False)}`"
    except TypeError:
        return f"`{value}`"
