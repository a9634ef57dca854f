"""Models + NORMALIZED → SCORES: how abnormal each window is that no model learned from, by every seed's model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from stages.core.loading import cameras_of, pictures_of, read_windows
from stages.core.params import ScoreParams, TrainParams, load_section
from stages.core.paths import Project, seed_folder, split_file
from stages.core.progress import bar, log
from stages.core.schemas import MAPS, SCORES
from stages.core.scoring import score_windows, table
from stages.core.storage import atomic_folder, sweep
from stages.core.tables import writing
from stages.core.windows import Windows
from stages.core.worst_frames import WorstFrames
from stages.detectors import registry
from stages.detectors.base import Detector, Mapped

SPLITS = ("test", "validation")
"""What is scored: the test split to be judged, the validation split to say how high normal footage scores."""


def run(project: Project, dataset: str, detector: str) -> None:
    """Score the test and the validation split with every seed's model, a row group at a time.

    Raises:
        ParamsError: no such detector, or a section is wrong.
        ModelError: a seed's model is missing or does not fit the windows.
        ScoreError: a score is NaN or infinite; the old scores, if any, stay.
    """
    kind = registry.detector(detector)
    params = load_section(project, f"detectors.{detector}", kind.Params)
    settings = load_section(project, "score", ScoreParams)
    seeds = load_section(project, "train", TrainParams).seeds
    folder = project.model(dataset, detector)
    models = {seed: kind.load(seed_folder(folder, seed), device=settings.device) for seed in seeds}
    meta = {"detector": detector, "dataset": dataset, "window": params.window, "unit": kind.unit}
    target = project.scores(dataset, detector)
    sweep(target.parent.parent)
    cameras = cameras_of(project, dataset)
    pictures = pictures_of(project, dataset, params.window) if registry.looks(kind) else None
    with atomic_folder(target.parent) as out:
        for split in SPLITS:
            source = split_file(project.normalized(dataset, params.window), split)
            windows = read_windows(source, dataset, split, cameras, pictures)
            groups = bar(windows, what=f"score {detector}, {split}", unit=" groups")
            worst = WorstFrames() if split == "test" and issubclass(kind, Mapped) else None
            path = out / project.scores(dataset, detector, split).name
            total = write_scores(path, groups, models, settings.batch, meta, worst)
            if worst:
                write_maps(out / project.maps(dataset, detector).name, worst, seeds[0], models[seeds[0]])
            log.info(
                f"{detector} on {dataset}, {split}: {total} windows scored by {len(models)} models, in {kind.unit}"
            )
            if not total and split == "test":
                log.warning(f"{detector} on {dataset}: the test split has no windows, so nothing is scored")


def write_scores(
    path: Path, groups: Iterable[Windows], models: Mapping[int, Detector], batch: int, meta: Mapping[str, str],
    worst: WorstFrames | None = None,
) -> int:  # fmt: skip
    """Score groups of windows by the model of each seed into one SCORES table.

    Args:
        path: of the table.
        groups: windows, a group at a time.
        models: by seed.
        batch: windows a model sees at a time.
        meta: of the table.
        worst: is shown the first seed's scores of the first part, frame by frame.

    Returns:
        How many windows there were.
    """
    total = 0
    with writing(path, SCORES, meta) as out:
        for windows in groups:
            for place, (seed, model) in enumerate(models.items()):
                scores = score_windows(model, windows, batch)
                out.append(table(windows, scores, seed))
                if worst and not place and len(windows):
                    worst.see(windows, scores[model.parts[0]])
            total += len(windows)
    return total


def write_maps(path: Path, worst: WorstFrames, seed: int, model: Detector) -> None:
    """Where in each clip's worst frame the score comes from: MAPS, if there is any clip."""
    if not worst.found or not isinstance(model, Mapped):
        return
    with writing(path, MAPS, {"part": model.parts[0], "seed": str(seed)}) as out:
        for clip, found in sorted(worst.found.items()):
            row = pd.DataFrame({"clip": [clip], "frame": [found.frame], "score": [found.score]})
            out.append(row, model.error_maps(found.window)[:, found.sample])
