"""params.yaml: read once, checked whole, every mistake reported together with the nearest valid name.

Each section's model stands beside the code it steers; this file holds what they share and the top level.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stages.core.errors import ParamsError
from stages.core.paths import Project


class Section(BaseModel):
    """Base of every params section: frozen, strict about types, closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Run(Section):
    """One row of the comparison: this detector on this dataset."""

    dataset: str
    detector: str


class Student(Run):
    """A run whose detector starts from another's trained model."""

    base: str


class TrainParams(Section):
    """The `train` section.

    Args:
        seeds: one model is trained per seed; figures are reported as mean and deviation over them.
        device: `auto` takes a GPU when there is one; or `cpu`, `cuda`, `cuda:1` …
        together: train the models of all seeds side by side, as one batched model, where a detector can; others train
            one after the other. A GPU that a small model leaves idle gains most. Figures differ by rounding alone.
    """

    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    device: str = "auto"
    together: bool = False


class ScoreParams(Section):
    """The `score` section.

    Args:
        device: as in `train`.
        batch: windows held in memory at a time; results do not depend on it.
    """

    device: str = "auto"
    batch: int = Field(default=8192, ge=1)


S = TypeVar("S", bound=Section)


def read_params(project: Project) -> dict[str, Any]:
    """The raw mapping of params.yaml.

    Raises:
        ParamsError: the file is missing, is not YAML, or is not a mapping.
    """
    path = project.params
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ParamsError("params.yaml is missing", where=str(path), fix="git checkout params.yaml") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(
            f"params.yaml is not valid YAML: {error}", where=str(path), fix="mend the line it names"
        ) from error
    if not isinstance(loaded, dict):
        raise ParamsError("params.yaml holds no sections", where=str(path), fix="git checkout params.yaml")
    return loaded


def load_section(project: Project, name: str, model: type[S]) -> S:
    """One section, e.g. `load_section(project, "extract", ExtractParams)`; nested names take dots.

    Raises:
        ParamsError: the section is missing or any of its keys is unknown or ill-typed; lists all of them.
    """
    raw = dig(read_params(project), name)
    problems, section = parse(raw, name, model)
    if section is None:
        raise params_error(problems, project.params)
    return section


def dig(params: Mapping[str, Any], dotted: str) -> Any:
    """The value at `a.b.c`, or None where there is none."""
    value: Any = params
    for key in dotted.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def parse(raw: Any, name: str, model: type[S]) -> tuple[list[str], S | None]:
    """Validate one section; returns its problems as sentences, and the section when there are none.

    Goes through JSON because that is the mode in which strict validation takes lists for tuples.
    """
    if raw is None:
        raw = {}
    try:
        return [], model.model_validate_json(json.dumps(raw, default=str))
    except ValidationError as error:
        return [_sentence(name, model, problem) for problem in error.errors(include_url=False)], None


def params_error(problems: list[str], path: Path) -> ParamsError:
    """One error for all problems found."""
    count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    return ParamsError(
        f"{count} in params.yaml:\n" + "\n".join(f"  - {problem}" for problem in problems),
        where=str(path),
        fix="mend them and run `normotion check`",
    )


def nearest(name: str, known: list[str]) -> str:
    """A hint: the closest valid name, or all of them when none is close."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"valid names: {', '.join(sorted(known)) or 'none'}"


def _sentence(section: str, model: type[BaseModel], problem: Mapping[str, Any]) -> str:
    keys = [str(key) for key in problem["loc"]]
    where = ".".join([section, *keys])
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown parameter; {nearest(keys[-1], _names(model, keys[:-1]))}"
    if problem["type"] == "missing":
        return f"{where}: missing"
    if problem["type"] == "value_error":  # said by a validator of ours, which names what it was given
        return f"{where}: {str(problem['msg']).removeprefix('Value error, ')}"
    return f"{where}: {problem['msg']}, got {problem['input']!r}"


def _names(model: type[BaseModel], keys: list[str]) -> list[str]:
    """Field names of the (possibly nested) model at `keys`."""
    for key in keys:
        field = model.model_fields.get(key)
        annotation = field.annotation if field else None
        kinds = (annotation, *get_args(annotation))  # itself, or what stands beside None
        models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not models:
            break
        model = models[0]
    return list(model.model_fields)
