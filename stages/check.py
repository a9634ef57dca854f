"""The first stage: refuses, with every mistake listed, what would fail or mislead later."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from stages.core.action_splits import action_splits
from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import DatasetError
from stages.core.frame_cache import FramesParams
from stages.core.normalization import NormalizeParams
from stages.core.pairs import ACTIONS, coarse, listed, pair_problems, task_problems
from stages.core.params import (
    ScoreParams,
    Section,
    Student,
    TrainParams,
    dig,
    load_section,
    nearest,
    params_error,
    parse,
    read_params,
)
from stages.core.paths import NAME, Project
from stages.core.pipelines_params import PipelinesParams
from stages.core.progress import log
from stages.core.skeleton import convert, layout
from stages.core.storage import atomic_folder, sha256_file, write_text
from stages.core.truth import REGIONS_FILE, regions
from stages.core.windows import SegmentParams, WindowSpec
from stages.detectors.base import Modality
from stages.detectors.registry import DETECTORS, detector
from stages.evaluation.coarse import CoarseParams, cases
from stages.evaluation.params import EvaluateParams
from stages.pose.estimators import ExtractParams
from stages.pose.poseflow import TrackParams
from stages.pose.video import CheckParams
from stages.pose.vouching import Vouched, check_files
from stages.show.page import ReportParams
from stages.simulation.planning import SimulateParams

SECTIONS: dict[str, type[Section]] = {
    "simulate": SimulateParams,
    "check": CheckParams,
    "extract": ExtractParams,
    "frames": FramesParams,
    "track": TrackParams,
    "segment": SegmentParams,
    "normalize": NormalizeParams,
    "train": TrainParams,
    "score": ScoreParams,
    "evaluate": EvaluateParams,
    "coarse": CoarseParams,
    "report": ReportParams,
    "pipelines": PipelinesParams,
}
"""Sections with one model each."""

LISTS = ("datasets", "runs", "students", "windows", "detectors")
KEYS = {Modality.PATCHES: "patches", Modality.RGB: "frames", Modality.CROPS: "crops"}
"""What a window spec says that holds what a detector of that modality reads."""
HELD = {"": "coordinates", "patches": "pictures of joints", "frames": "whole frames", "crops": "pictures of people"}
"""What windows hold, by what their spec says."""
"""Top-level keys that hold lists or named entries."""


def run(project: Project) -> None:
    """Check params.yaml, then every dataset it names; write what is vouched for.

    Raises:
        ParamsError, DatasetError, VideoError: lists every mistake found.
    """
    check_params(project)
    limits = load_section(project, "check", CheckParams)
    raw = read_params(project)
    datasets = {name: load_dataset(project, name) for name in raw["datasets"]}
    for data in datasets.values():
        regions(data)  # refuses boxes that cannot be
        if data.description.task == ACTIONS:
            cases(action_splits(data), data.clips, data.folder / "clips.csv")  # refuses splits that cannot be judged
    if unfit := check_pairs(raw, datasets):
        raise params_error(unfit, project.params)
    vouched = check_files(datasets.values(), limits)
    if unfit := check_windows(raw, vouched, datasets):
        raise params_error(unfit, project.params)
    with atomic_folder(project.checked("x").parent) as folder:
        for name, found in vouched.items():
            data = datasets[name]
            file = data.folder / REGIONS_FILE
            beside = {REGIONS_FILE: sha256_file(file)} if file.is_file() else {}
            told = {"clips": found.clips, "beside": beside}
            write_text(folder / f"{name}.json", json.dumps(told, indent=2, sort_keys=True))
            log.info(f"{name}: {len(data.clips)} clips, {len(data.labels)} labelled intervals, all as declared")


def check_params(project: Project) -> None:
    """Validate params.yaml as a whole.

    Raises:
        ParamsError: lists every unknown, missing or ill-typed key, each with the nearest valid name.
    """
    raw = read_params(project)
    known = [*SECTIONS, *LISTS]
    problems = [f"{key}: unknown section; {nearest(str(key), known)}" for key in raw if key not in known]
    for name, model in SECTIONS.items():
        problems += parse(raw.get(name), name, model)[0]
    for name, section in _entries(raw, "windows", problems).items():
        problems += parse(section, f"windows.{name}", WindowSpec)[0]
    datasets = [str(name) for name in raw.get("datasets") or []]
    problems += [
        f"evaluate.of.{name}: no such dataset; {nearest(str(name), datasets)}"
        for name in _entries(_entries(raw, "evaluate", []), "of", problems)
        if name not in datasets
    ]
    problems += _detector_problems(raw)
    problems += _run_problems(raw)
    if problems:
        raise params_error(problems, project.params)


def check_windows(raw: Mapping[str, Any], vouched: Mapping[str, Vouched], datasets: Mapping[str, Dataset]) -> list[str]:
    """Window specs that cannot be cut from a dataset's poses, for want of a way between their layouts or of pixels.

    Args:
        raw: params.yaml.
        vouched: what was found, by dataset.
        datasets: the same; a spec may be for some alone.
    """
    problems = []
    for window in dig(raw, "segment.windows") or []:
        _, spec = parse(raw["windows"][window], f"windows.{window}", WindowSpec)
        for name, found in vouched.items():
            data = datasets[name]
            if spec is None or not spec.cuts(data.description.task, filmed=data.filmed):
                continue
            for (skeleton, coordinates, _), clip in found.forms.items():
                text = _unfit(spec, skeleton, coordinates)
                problems += [f"windows.{window}: {text}, as dataset {name!r} has them (clip {clip!r})"] if text else []
    return problems


def _unfit(spec: WindowSpec, skeleton: str, coordinates: str) -> str:
    """Why poses of that kind cannot become windows of a spec; empty if they can."""
    if spec.frames:
        return ""  # poses have no part in them
    if coordinates != "xy" and spec.normalization.frame_size is not None:
        return f"normalization.frame_size has no sense for {coordinates} coordinates"
    if coordinates != "xy" and (spec.patches or spec.crops):
        return f"pictures have no place in footage for {coordinates} coordinates"
    try:
        convert(np.zeros((1, len(layout(skeleton)), len(coordinates) + 1), np.float32), skeleton, spec.layout)
    except DatasetError as error:
        return f"{error.what}; {error.fix}, or a `task` for it"
    return ""


def _entries(raw: Mapping[str, Any], key: str, problems: list[str]) -> Mapping[str, Any]:
    """A section of named entries, e.g. `windows`; adds a problem when it is anything else."""
    value = raw.get(key) or {}
    if isinstance(value, Mapping):
        return value
    problems.append(f"{key}: must be a mapping of names to settings, got {value!r}")
    return {}


def _detector_problems(raw: Mapping[str, Any]) -> list[str]:
    problems: list[str] = []
    cut = dig(raw, "segment.windows") or []
    specs = _entries(raw, "windows", [])
    problems += [
        f"segment.windows: no window spec {name!r}; {nearest(str(name), list(specs))}"
        for name in cut
        if name not in specs
    ]
    for name, section in _entries(raw, "detectors", problems).items():
        if name not in DETECTORS:
            problems.append(f"detectors.{name}: unknown detector; {nearest(str(name), list(DETECTORS))}")
            continue
        found, params = parse(section, f"detectors.{name}", detector(name).Params)
        problems += found
        if params is not None:
            problems += [f"detectors.{name}.window: {text}" for text in _window_problems(raw, name, params.window)]
    return problems


def _window_problems(raw: Mapping[str, Any], name: str, window: str) -> Iterator[str]:
    """Why a detector cannot read a window spec; one that reads no windows of its own may name one that is not cut."""
    specs, cut = list(_entries(raw, "windows", [])), dig(raw, "segment.windows") or []
    elsewhere = {} if dig(raw, "coarse.window") else coarse(raw)
    run = name in {run.detector for run in (*listed(raw)[0].values(), *elsewhere.values())}
    if window not in (cut if run else specs):
        yield f"{window!r} is not among {'segment.windows' if run else 'windows'}: {', '.join(cut if run else specs)}"
    reads = next((key for need, key in KEYS.items() if need in detector(name).needs), "")
    holds = next((key for key in KEYS.values() if dig(raw, f"windows.{window}.{key}") is not None), "")
    if reads != holds and (reads or holds != "crops"):  # beside pictures of people there are coordinates
        mend = f"name a spec with `{reads}: {{…}}`" if reads else f"name a spec without `{holds}`"
        yield f"{name} reads {HELD[reads]}, and {window!r} holds {HELD[holds]}; {mend}"


def _run_problems(raw: Mapping[str, Any]) -> list[str]:
    problems = [] if raw.get("datasets") else ["datasets: name at least one"]
    problems += [] if raw.get("runs") or dig(raw, "coarse.runs") else ["runs: name at least one, or one in coarse.runs"]
    window, cut = dig(raw, "coarse.window"), dig(raw, "segment.windows") or []
    if window is not None and window not in cut:
        problems.append(f"coarse.window: {window!r} is not among segment.windows: {', '.join(map(str, cut))}")
    datasets = [str(name) for name in raw.get("datasets") or []]
    bad = [name for name in datasets if not NAME.fullmatch(name)]
    problems += [f"datasets: {name!r} must be letters, digits, '.', '_' and '-'" for name in bad]
    return [*problems, *pair_problems(raw, datasets, list(_entries(raw, "detectors", []))), *_base_problems(raw)]


def _base_problems(raw: Mapping[str, Any]) -> Iterator[str]:
    """Students whose base reads windows of another kind."""
    for place, run in listed(raw)[0].items():
        if not isinstance(run, Student):
            continue
        names = [str(dig(raw, f"detectors.{name}.window")) for name in (run.base, run.detector)]
        theirs, own = (parse(dig(raw, f"windows.{name}"), name, WindowSpec)[1] for name in names)
        if theirs and own and not own.reads_like(theirs):
            yield (
                f"{place}.base: {run.base} reads windows.{names[0]} and {run.detector} windows.{names[1]}, which "
                f"differ in what a model learns from: rate, length, layout or normalization"
            )


def check_pairs(raw: Mapping[str, Any], datasets: Mapping[str, Dataset]) -> list[str]:
    """Pairs of dataset and detector whose dataset is for another task, or lacks what the detector looks at."""
    pairs = [*listed(raw)[0].values(), *coarse(raw).values()]
    lacking = [
        f"{pair.detector} needs {need.value}, which dataset {pair.dataset!r} lacks"
        for pair in pairs
        for need in detector(pair.detector).needs
        if need is not Modality.POSE and not datasets[pair.dataset].filmed
    ]
    return task_problems(raw, {name: data.description.task for name, data in datasets.items()}) + lacking
