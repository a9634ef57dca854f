"""`normotion export-model DATASET DETECTOR OUT`: a trained detector as a file for programs without normotion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines import models
from stages.core.errors import ModelError
from stages.core.paths import Project
from stages.core.progress import log
from stages.detectors import registry

KINDS = {".onnx": "onnx", ".pt2": "torch"}
"""What a file's ending says of its format."""


def run(
    project: Project,
    dataset: str,
    detector: str,
    out: str,
    seed: str | None = None,
    format: str | None = None,  # noqa: A002 the option's name
) -> None:
    """Write one model and say what it reads.

    Args:
        project: where the model was trained.
        dataset: what it was trained on.
        detector: its name.
        out: the file, relative to the working directory.
        seed: which model; the first of `train.seeds` without it.
        format: `onnx` or `torch`; what the file's ending says without it.

    Raises:
        ParamsError: there is no such detector.
        ModelError: there is no such model, the detector cannot be exported, the format is not told, or the packages
            that write it are not installed.
        StorageError: the file cannot be written.
    """
    kind, path = registry.detector(detector), Path(out).absolute()
    if not hasattr(kind, "export"):
        raise ModelError(
            f"{detector} cannot be exported: it is no network",
            fix=f"save it for MLflow, which takes every detector: `normotion pyfunc {dataset} {detector} FOLDER`",
        )
    if format is None and path.suffix not in KINDS:
        raise ModelError(
            f"the ending {path.suffix!r} names no format",
            where=str(path),
            fix=f"name the file {path.stem}.onnx or {path.stem}.pt2, or give --format",
        )
    number, folder = models.find(project, dataset, detector, seed)
    model: Any = kind.load(folder, device="cpu")
    model.export(path, format or KINDS[path.suffix])
    log.info(f"{path}: {detector} on {dataset}, seed {number}; windows (N, C, T, V) of float32 in, {kind.unit} out")
