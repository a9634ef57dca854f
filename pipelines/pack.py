"""A trained model as a folder that judges cameras: `normotion pack DATASET DETECTOR OUT`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines import models
from pipelines.registry import card_of
from stages.core.clip_windows import clip_windows
from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import DatasetError, ModelError
from stages.core.params import load_section
from stages.core.paths import Project, clip_file
from stages.core.progress import log
from stages.core.schemas import TRACKS, Rows
from stages.core.storage import sha256_text
from stages.core.tables import read
from stages.core.windows import Windows
from stages.detectors import registry
from stages.detectors.base import Modality
from stages.detectors.neighbours import Normals
from stages.evaluation.params import EvaluateParams
from stages.evaluation.protocol import Rules
from stages.live.model import CameraCard, Model, digest, refuse_others
from stages.live.reference import refer
from stages.pose.estimators import ExtractParams
from stages.pose.poseflow import TrackParams


def run(project: Project, dataset: str, detector: str, out: str, seed: str | None = None) -> None:
    """Pack one model. `seed` names it; without it the first of `train.seeds`. See `pack`.

    Raises:
        ModelError: there is something else than a packed model at `out`; or see `pack`.
    """
    refuse_others(Path(out))  # before the work, which takes long
    model = pack(project, dataset, detector, seed)
    model.save(Path(out))
    reference = model.reference
    log.info(
        f"{out}: {model.origin}; normal footage: {reference.footage}, {reference.hours * 60:.1f} min. Try it: "
        f"`normotion run VIDEO --out DIR --model {out}`"
    )


def pack(project: Project, dataset: str, detector: str, seed: str | int | None = None) -> Model:
    """Gather what judging a camera takes: detector, windows, poses, rules, and how high normal footage scores.

    Normal footage is the validation split, which no model learned from, or, where there is none, the training split.

    Args:
        project: where it was trained.
        dataset: what it was trained on.
        detector: its name.
        seed: of the training; None takes the first of `train.seeds`.

    Raises:
        ModelError: the detector looks at more than poses, or there is no such model.
        DatasetError: the dataset is of other poses than `extract` finds in a video.
        ParamsError: a section is wrong.
    """
    if registry.detector(detector).needs != {Modality.POSE}:
        raise ModelError(
            f"{detector} looks at pictures, and a camera is judged by poses",
            fix="choose a detector of poses, such as stg_nf, or score footage through the stages: `normotion repro`",
        )
    number, folder = models.find(project, dataset, detector, seed)
    given = card_of(project, dataset, detector, number, folder)
    if (given.layout, given.coordinates, given.units) != ("coco17", "xy", "px"):
        raise DatasetError(
            f"{detector} was trained on poses of layout {given.layout}, {given.coordinates} in {given.units}, and in "
            "videos coco17, xy in px are found",
            where=str(project.raw(dataset)),
            fix="train it on videos of yours",
        )
    card = CameraCard.model_validate_json(json.dumps(given.model_dump(mode="json") | _sections(project, dataset)))
    if reason := card.rules.relative(registry.detector(detector).parts):
        raise ModelError(
            f"a camera has no end, and {reason}",
            where="evaluate.normalization in params.yaml",
            fix="choose rules without normalization, such as evaluate.protocol: normotion",
        )
    data = load_dataset(project, dataset)
    split = "train" if data.split("validation").empty else "validation"
    clips = _normal(data, split)
    footage = f"{split} clips of {dataset}" + (", which the model learned from" if split == "train" else "")
    trained = registry.detector(detector).load(folder)
    reference = refer(trained, card, clips, _tracks(project, data, clips), footage)
    normals = Normals.choose(_windows(card, project, data))
    origin = f"{detector} of {dataset}, seed {number}"
    return Model(trained, card, reference, normals, origin, sha256_text(digest(folder), card.text()))


def _sections(project: Project, dataset: str) -> dict[str, object]:
    evaluate = load_section(project, "evaluate", EvaluateParams).on(dataset)
    return {
        "people": load_section(project, "extract", ExtractParams).model_dump(mode="json"),
        "track": load_section(project, "track", TrackParams).model_dump(mode="json"),
        "rules": evaluate.model_dump(mode="json", include=set(Rules.model_fields)),
        "alarms": evaluate.calibration.model_dump(mode="json"),
    }


def _normal(data: Dataset, split: str) -> pd.DataFrame:
    """Clips of a split in which nothing is labelled abnormal.

    Raises:
        DatasetError: there is none.
    """
    clips = data.split(split)
    quiet = [not (data.frame_labels(str(clip)) == 1).any() for clip in clips["clip"]]
    if not any(quiet):
        raise DatasetError(
            f"no {split} clip is without abnormal frames, so nothing says how high normal footage scores",
            where=str(data.folder / "labels.csv"),
            fix="add normal clips",
        )
    return clips[quiet]


def _tracks(project: Project, data: Dataset, clips: pd.DataFrame) -> list[Rows]:
    return [read(clip_file(project.tracks(data.name), str(clip)), TRACKS) for clip in clips["clip"]]


def _windows(card: CameraCard, project: Project, data: Dataset) -> Windows:
    """All windows of normal training clips, to keep some of."""
    clips = _normal(data, "train")
    rows = zip(clips["clip"], clips["fps"], _tracks(project, data, clips), strict=True)
    found = [
        clip_windows(str(clip), tracks, float(fps), card.window, card.normalize, data.name)
        for clip, fps, tracks in rows
    ]
    index = pd.concat([windows.index for windows in found], ignore_index=True)
    poses = np.concatenate([windows.poses for windows in found])
    return Windows(index, poses, found[0].channels, found[0].layout)
