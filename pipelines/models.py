"""Trained models as the DAG left them: which one is meant, and where it is."""

from __future__ import annotations

from pathlib import Path

from stages.core.errors import ModelError, PipelineError
from stages.core.params import TrainParams, load_section
from stages.core.paths import Project, seed_folder
from stages.detectors.base import DETECTOR_FILE


def find(project: Project, dataset: str, detector: str, seed: str | int | None = None) -> tuple[int, Path]:
    """The seed and folder of one trained model.

    Args:
        project: where.
        dataset: what it was trained on.
        detector: its name.
        seed: of the training; None takes the first of `train.seeds`.

    Raises:
        PipelineError: the seed is no whole number.
        ModelError: there is no such model; names the seeds that there are.
        ParamsError: the section `train` is wrong.
    """
    if seed is not None and not str(seed).removeprefix("-").isdecimal():
        raise PipelineError(f"a seed is a whole number, not {seed!r}", fix="give one of train.seeds in params.yaml")
    number = load_section(project, "train", TrainParams).seeds[0] if seed is None else int(seed)
    folder = project.model(dataset, detector)
    found = seed_folder(folder, number)
    if not (found / DETECTOR_FILE).is_file():
        others = sorted(path.parent.name for path in folder.glob(f"seed-*/{DETECTOR_FILE}"))
        raise ModelError(
            f"there is no model of {detector} on {dataset} with seed {number}",
            where=str(found),
            fix=f"choose by --seed one of: {', '.join(others)}" if others else "train it: `dvc repro`",
        )
    return number, found
