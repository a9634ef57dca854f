"""The first stage: refuses, with every mistake listed, what would fail or mislead later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import DatasetError, VideoError
from stages.core.normalization import NormalizeParams
from stages.core.params import (
    PipelinesParams,
    Run,
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
from stages.core.progress import log
from stages.core.storage import atomic_folder, sha256_file, write_text
from stages.core.windows import SegmentParams, WindowSpec
from stages.detectors.registry import DETECTORS, detector
from stages.evaluation.aggregate import EvaluateParams
from stages.pose.estimators import ExtractParams
from stages.pose.poseflow import TrackParams
from stages.pose.video import CheckParams, VideoInfo, probe
from stages.show.page import ReportParams

SECTIONS: dict[str, type[Section]] = {
    "check": CheckParams,
    "extract": ExtractParams,
    "track": TrackParams,
    "segment": SegmentParams,
    "normalize": NormalizeParams,
    "train": TrainParams,
    "score": ScoreParams,
    "evaluate": EvaluateParams,
    "report": ReportParams,
    "pipelines": PipelinesParams,
}
"""Sections with one model each."""

LISTS = ("datasets", "runs", "students", "windows", "detectors")
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
    if lacking := check_modalities(raw, datasets):
        raise params_error(lacking, project.params)
    with atomic_folder(project.checked("x").parent) as folder:
        for data in datasets.values():
            digests = check_videos(data, limits)
            write_text(folder / f"{data.name}.json", json.dumps({"clips": digests}, indent=2, sort_keys=True))
            log.info(f"{data.name}: {len(data.clips)} clips, {len(data.labels)} labelled intervals, all as declared")


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
    problems += _detector_problems(raw)
    problems += _run_problems(raw)
    if problems:
        raise params_error(problems, project.params)


def check_videos(data: Dataset, limits: CheckParams) -> dict[str, dict[str, str]]:
    """Hold each clip's file against what clips.csv declares; returns path and sha256 per clip.

    Raises:
        DatasetError: a file is missing, unreadable, too large or not as declared; lists all of them.
    """
    problems, digests = [], {}
    for _, row in data.clips.iterrows():
        try:
            path = data.video(row["clip"])
            found = probe(path)
            problems += [f"{row['clip']}: {text}" for text in [*limits.problems(found), *_differences(row, found)]]
            digests[row["clip"]] = {"path": str(row["path"]), "sha256": sha256_file(path)}
        except VideoError as error:
            problems.append(f"{row['clip']}: {error.what}" + (f" ({error.fix})" if error.fix else ""))
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise DatasetError(
            f"{len(problems)} of the clips' files are not as declared:\n{listed}",
            where=str(data.folder / "clips.csv"),
            fix="mend the files or the rows of clips.csv, then run `normotion check`",
        )
    return digests


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
        if params is not None and params.window not in cut:
            problems.append(
                f"detectors.{name}.window: {params.window!r} is not among segment.windows: {', '.join(map(str, cut))}"
            )
    return problems


def _run_problems(raw: Mapping[str, Any]) -> list[str]:
    problems = [f"{key}: name at least one" for key in ("datasets", "runs") if not raw.get(key)]
    datasets = [str(name) for name in raw.get("datasets") or []]
    problems += [
        f"datasets: {name!r} must be letters, digits, '.', '_' and '-'" for name in datasets if not NAME.fullmatch(name)
    ]
    known = {"dataset": datasets, "detector": list(_entries(raw, "detectors", [])), "base": list(DETECTORS)}
    seen: list[Any] = []
    for key, model in (("runs", Run), ("students", Student)):
        for number, item in enumerate(raw.get(key) or []):
            found, run_ = parse(item, f"{key}[{number}]", model)
            problems += found
            for field, value in (run_.model_dump() if run_ else {}).items():
                if value not in known[field]:
                    problems.append(f"{key}[{number}].{field}: {value!r} is not set up; {nearest(value, known[field])}")
            if item in seen:
                problems.append(f"{key}[{number}]: {item} stands there twice")
            seen.append(item)
    return problems


def check_modalities(raw: Mapping[str, Any], datasets: Mapping[str, Dataset]) -> list[str]:
    """Pairs of dataset and detector of which the dataset lacks what the detector looks at."""
    return [
        f"{item['detector']} needs {need.value}, which dataset {item['dataset']!r} lacks"
        for item in [*(raw.get("runs") or []), *(raw.get("students") or [])]
        for need in detector(item["detector"]).needs
        if need.value == "rgb" and datasets[item["dataset"]].description.modality != "video"
    ]


def _differences(declared: Any, found: VideoInfo) -> list[str]:
    """What clips.csv says of a clip against what its file's header says."""
    pairs = {"frames": found.frames, "width": found.width, "height": found.height, "fps": found.fps}
    return [
        f"clips.csv says {name} {declared[name]:g}, the file says {value:g}"
        for name, value in pairs.items()
        if abs(float(declared[name]) - value) > 0.01
    ]
