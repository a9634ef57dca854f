"""From a suite to jobs: what each variant changes, and the key by which its result is known."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

import stages
from pipelines.suites.registry import variants
from pipelines.suites.variants import Suite, Variant
from stages.core.errors import DatasetError, PipelineError
from stages.core.pairs import lineage
from stages.core.params import dig, nearest, params_error, parse, read_params
from stages.core.paths import Project
from stages.core.progress import log
from stages.core.storage import sha256_file, sha256_text
from stages.core.windows import WindowSpec
from stages.detectors import registry
from stages.detectors.base import DetectorParams
from stages.ingest.drafts import Draft
from stages.ingest.edits import TrainingOnly

DECODE = "frames"
"""Stage that runs once per dataset, where windows hold whole frames."""
PREPARE = ("segment", "normalize")
"""Stages that run once per dataset and window spec."""
MEASURE = ("train", "score", "evaluate")
"""Stages that run once per detector."""
RUN = "${item.run.detector}"
"""How dvc.yaml spells the detector of a stage."""

Digest = Callable[[Path], str]


@dataclass(frozen=True)
class Job:
    """One detector under one variant.

    Args:
        variant: which.
        detector: which.
        dataset: what is tested on.
        params: of params.yaml, overridden.
        windows: the window specs that are read: the detector's own, and those of what it starts from.
        framed: they show what footage alone has, which is taken along.
        bases: of a student, the detectors whose models it starts from, each after its own base.
        drafts: the datasets it takes, rearranged; that which is tested on comes first.
        data_key: of the windows: jobs that share it share their windows.
        model_key: of the scores: jobs that share it differ in how they are judged alone.
        key: of the figures.
        baseline: whether it is what params.yaml says.
        problem: why it cannot be run; empty where it can.
    """

    variant: Variant
    detector: str
    dataset: str
    params: Mapping[str, Any] = field(default_factory=dict)
    windows: tuple[str, ...] = ()
    framed: bool = False
    bases: tuple[str, ...] = ()
    drafts: tuple[Draft, ...] = ()
    data_key: str = ""
    model_key: str = ""
    key: str = ""
    baseline: bool = False
    problem: str = ""

    @property
    def trained_on(self) -> str:
        """The dataset that is learned from."""
        return self.variant.train_on or self.dataset


def plan(project: Project, suite: Suite, dataset: str, detectors: Sequence[str], seeds: Sequence[int]) -> list[Job]:
    """The jobs of a suite, variant by variant; those that cannot be run carry their reason.

    Raises:
        ParamsError: a detector is unknown or has no section in params.yaml.
        DatasetError: the dataset itself is wrong.
        SchemaError: its tracks are not there yet.
        PipelineError: the suite makes no sense on this dataset, or dvc.yaml cannot be read.
    """
    params = read_params(project)
    for detector in detectors:
        registry.detector(detector)
        if dig(params, f"detectors.{detector}") is None:
            known = nearest(detector, list(params.get("detectors") or {}))
            raise params_error([f"detectors.{detector}: missing; {known}"], project.params)
    params["train"] = {**(params.get("train") or {}), "seeds": list(seeds)}
    digest = functools.cache(sha256_file)
    intact = Draft.of(project, dataset)
    intact.digest(digest)
    code = _Code(project, digest)
    usual = {name: _job(Variant(""), name, (intact,), params, code, digest).key for name in detectors}
    jobs = []
    for variant in variants(suite, dataset, params.get("datasets") or []):
        drafts, problem = _drafts(project, intact, variant)
        for name in detectors:
            job = Job(variant, name, dataset, problem=problem)
            if not problem:
                job = _job(variant, name, drafts, params, code, digest, usual[name])
            jobs.append(job)
    return jobs


def _drafts(project: Project, intact: Draft, variant: Variant) -> tuple[tuple[Draft, ...], str]:
    """The datasets a variant takes, or why it cannot have them."""
    if variant.edits:
        log.info("%s:", variant.label)
    try:
        edited = functools.reduce(lambda draft, edit: edit(draft), variant.edits, intact)
        if not variant.train_on:
            return (edited,), ""
        return (edited, TrainingOnly()(Draft.of(project, variant.train_on))), ""
    except DatasetError as error:
        return (), error.what


def _job(
    variant: Variant,
    detector: str,
    drafts: tuple[Draft, ...],
    params: Mapping[str, Any],
    code: _Code,
    digest: Digest,
    usual: str = "",
) -> Job:
    """The job with its keys. What is left out in params.yaml is hashed with the code's defaults."""
    dataset = drafts[0].data.name
    window = str(dig(params, f"detectors.{detector}.window"))
    changed = overridden(params, variant.overrides, {"detector": detector, "window": window})
    window = str(dig(changed, f"detectors.{detector}.window"))
    line = lineage(params, dataset, detector)
    problems, spec = parse(dig(changed, f"windows.{window}"), f"windows.{window}", WindowSpec)
    chosen: dict[str, Any] = {}
    specs = {window: spec}
    for name in line:
        model: type[DetectorParams] = registry.detector(name).Params
        more, section = parse(dig(changed, f"detectors.{name}"), f"detectors.{name}", model)
        problems += more
        if section and section.window not in specs:
            theirs = f"windows.{section.window}"
            more, specs[section.window] = parse(dig(changed, theirs), theirs, WindowSpec)
            problems += more or _unlike(name, section.window, specs[section.window], window, spec)
        chosen[name] = section.model_dump(mode="json") if section else None
    used = [found for found in specs.values() if found is not None]
    if problems or not used:
        return Job(variant, detector, dataset, problem="; ".join(problems))
    framed = any(found.looks for found in used)
    data = [draft.digest(digest, footage=framed) for draft in drafts]
    before = (DECODE, *PREPARE) if framed else PREPARE
    sections = [changed.get(name) for name in ("normalize", *([DECODE] if framed else []))]
    data_key = _hash(data, *(found.model_dump(mode="json") for found in used), *sections, code.of(before, detector))
    *first, last = MEASURE
    scored = [changed.get(name) for name in first]
    model_key = _hash(data_key, chosen, variant.train_on, *scored, *(code.of(first, name) for name in line))
    key = _hash(model_key, changed.get(last), code.of([last], detector))
    changed |= {"datasets": [draft.data.name for draft in drafts], "runs": [{"dataset": dataset, "detector": detector}]}
    changed["segment"] = {"windows": list(specs)}
    learned = variant.train_on or dataset
    changed["students"] = [{"dataset": learned, "detector": name, "base": base} for base, name in pairwise(line)]
    return Job(
        variant, detector, dataset, changed, tuple(specs), framed, tuple(line[:-1]), drafts, data_key, model_key, key,
        key == usual,
    )  # fmt: skip


def _unlike(base: str, theirs: str, read: WindowSpec | None, window: str, own: WindowSpec | None) -> list[str]:
    """Why a detector cannot start from a base that reads other windows; nothing where it can."""
    if read is None or own is None or own.reads_like(read):
        return []
    return [f"its base {base} reads windows.{theirs}, it itself windows.{window}, which are of another kind"]


def overridden(params: Mapping[str, Any], overrides: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A copy of the parameters with some of them set, by dotted name."""
    changed = copy.deepcopy(dict(params))
    for dotted, value in overrides.items():
        *sections, last = dotted.format(**names).split(".")
        section = changed
        for name in sections:
            section[name] = dict(section.get(name) or {})
            section = section[name]
        section[last] = value
    return changed


class _Code:
    """Hashes of the code that stages depend on, as dvc.yaml lists it."""

    def __init__(self, project: Project, digest: Digest) -> None:
        self._root, self._digest = code_root(project), digest
        path = project.root / "dvc.yaml"
        try:
            self._stages: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
        except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
            raise PipelineError("dvc.yaml cannot be read", where=str(path), fix="git checkout dvc.yaml") from error

    def of(self, verbs: Iterable[str], detector: str) -> str:
        """The hash for some stages of one detector."""
        named = {
            str(dep).replace(RUN, detector) for verb in verbs for dep in self._stages.get(verb, {}).get("deps", ())
        }
        paths = [self._root / name for name in named if name.startswith("stages/")]
        files = {file for path in paths for file in ([path] if path.is_file() else path.rglob("*.py"))}
        return sha256_text(*(f"{file.relative_to(self._root)} {self._digest(file)}" for file in sorted(files)))


def code_root(project: Project) -> Path:
    """The folder whose `stages` are run: the project's own, as DVC would, else those that are installed."""
    own = project.root / "stages" / "__main__.py"
    return project.root if own.is_file() else Path(str(stages.__file__)).resolve().parents[1]


def _hash(*parts: Any) -> str:
    return sha256_text(*(json.dumps(part, sort_keys=True, default=str) for part in parts))
