"""NORMALIZED → a model folder per seed: fits one detector to one dataset's training windows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from stages.core.errors import TrainingError
from stages.core.loading import cameras_of, load_windows, pictures_of
from stages.core.pairs import base_of
from stages.core.params import TrainParams, load_section, read_params
from stages.core.paths import Project, seed_folder, split_file
from stages.core.progress import log
from stages.core.storage import atomic_folder, sweep, write_text
from stages.core.windows import Windows
from stages.detectors import registry
from stages.detectors.base import Detector, DetectorParams, FitReport, Together

FIT_FILE = "fit.json"


def run(project: Project, dataset: str, detector: str) -> None:
    """Fit one detector, once per seed; a student starts from its base's model of the same seed.

    Raises:
        ParamsError: no such detector, or its section or `train` is wrong.
        ModelError: the base is not trained, or is no base for this detector.
        SchemaError: there are no windows yet, or of another version.
        TrainingError: the windows do not suffice; models of earlier runs stay.
    """
    kind = registry.detector(detector)
    params = load_section(project, f"detectors.{detector}", kind.Params)
    settings = load_section(project, "train", TrainParams)
    train, validation = _windows(project, dataset, kind, params)
    folder = project.model(dataset, detector)
    sweep(folder)
    models = [kind(params, device=settings.device, seed=seed) for seed in settings.seeds]
    base = base_of(read_params(project), dataset, detector)
    if settings.together and issubclass(kind, Together) and not base:
        log.info(f"{detector} on {dataset}: seeds {', '.join(map(str, settings.seeds))} together, {len(train)} windows")
        reports = kind.fit_together(models, train, validation=validation, log=log.info)
        for model, report in zip(models, reports, strict=True):
            _save(model, report, seed_folder(folder, model.seed))
    else:
        for number, model in enumerate(models, start=1):
            log.info(f"{detector} on {dataset}: seed {model.seed} ({number} of {len(models)}), {len(train)} windows")
            start = {base: seed_folder(project.model(dataset, base), model.seed)} if base else None
            report = model.fit(train, validation=validation, base=start, log=log.info)
            _save(model, report, seed_folder(folder, model.seed))
    _forget(folder, settings.seeds)


def _windows(
    project: Project, dataset: str, kind: type[Detector], params: DetectorParams
) -> tuple[Windows, Windows | None]:
    folder, cameras = project.normalized(dataset, params.window), cameras_of(project, dataset)
    pictures = pictures_of(project, dataset, params.window) if registry.looks(kind) else None
    keep: Callable[[Windows], Windows] = _labelled if kind.supervised else _normal
    train = keep(load_windows(split_file(folder, "train"), dataset, "train", cameras, pictures))
    validation = keep(load_windows(split_file(folder, "validation"), dataset, "validation", cameras, pictures))
    if not len(train):
        raise TrainingError(
            "there are no windows to learn from",
            where=str(split_file(folder, "train")),
            fix="give normal clips that show people the split `train` in clips.csv, or shorten the window spec",
        )
    return train, validation if len(validation) else None


def _normal(windows: Windows) -> Windows:
    """Without the windows that touch a labelled abnormal frame; unknown labels count as normal."""
    abnormal = (windows.index["label"] == 1).fillna(False).to_numpy(dtype=bool)  # noqa: FBT003
    unknown = windows.index["label"].isna().to_numpy(dtype=bool)
    split = windows.index["split"].iloc[0] if len(windows) else ""
    if abnormal.any():
        log.info(f"{split}: {int(abnormal.sum())} windows that touch labelled abnormal frames are left out")
    if unknown.any():
        log.info(f"{split}: {int(unknown.sum())} windows without a label are taken for normal")
    return windows.take(np.flatnonzero(~abnormal)) if abnormal.any() else windows


def _labelled(windows: Windows) -> Windows:
    return windows


def _save(model: Detector, report: FitReport, folder: Path) -> None:
    with atomic_folder(folder) as temporary:
        model.save(temporary)
        write_text(temporary / FIT_FILE, json.dumps(asdict(report), indent=2, sort_keys=True, allow_nan=False))


def _forget(folder: Path, seeds: tuple[int, ...]) -> None:
    """Remove models of seeds that are no longer listed."""
    listed = {seed_folder(folder, seed) for seed in seeds}
    for path in sorted(folder.glob("seed-*")):
        if path not in listed:
            shutil.rmtree(path)
            log.info(f"removed {path.name}: the seed is no longer in train.seeds")
