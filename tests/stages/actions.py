"""A dataset of actions with made-up windows, for the coarse-grained protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from stages.core.paths import Project, split_file
from stages.core.schemas import NORMALIZED
from stages.core.tables import writing
from tests.stages.toy import JOINTS, SAMPLES

KINDS = {"sit": 0.0, "stand": 1.0, "run": 6.0, "jump": 9.0}
"""Classes, and where the windows of each lie."""
SPLITS = {"calm": (("sit", "stand"), True), "drawn": (("sit", "jump"), False), "mixed": (("stand", "run"), False)}
CLIPS = 3
"""Clips of each class in train, and in test."""


def gym(root: Path, detector: str = "marker", **coarse: Any) -> Project:
    """A project with params.yaml, the dataset `gym` and its windows: two persons of two windows a clip."""
    here = Project(root)
    params = {
        "datasets": ["gym"],
        "train": {"seeds": [5], "device": "cpu"},
        "score": {"batch": 3},
        "detectors": {detector: {"window": "w"}},
        "coarse": {"runs": [{"dataset": "gym", "detector": detector}], **coarse},
    }
    here.params.write_text(yaml.safe_dump(params))
    folder = here.raw("gym")
    folder.mkdir(parents=True)
    about = {"name": "A gym", "source": "nowhere", "licence": "CC0", "modality": "poses", "task": "actions"}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(about))
    (folder / "labels.csv").write_text("clip,start_frame,end_frame\n")
    clips().to_csv(folder / "clips.csv", index=False)
    splits(here)
    for split in ("train", "test"):
        windows(here, split)
    return here


def clips() -> pd.DataFrame:
    """clips.csv."""
    rows = [
        {"clip": f"{kind}_{split}_{number}", "split": split, "kind": kind, "camera": f"cam{number}"}
        for kind in KINDS
        for split in ("train", "test")
        for number in range(CLIPS)
    ]
    measures: dict[str, Any] = {"scene": "gym", "fps": 10.0, "width": 100, "height": 100, "frames": 40}
    table = pd.DataFrame(rows).assign(**measures)
    return table.assign(path="poses/" + table["clip"] + ".parquet")


def splits(here: Project, **others: tuple[tuple[str, ...], bool]) -> None:
    """splits.yaml."""
    listed = [
        {"name": name, "classes": list(classes), "meaningful": meaningful}
        for name, (classes, meaningful) in (others or SPLITS).items()
    ]
    (here.raw("gym") / "splits.yaml").write_text(yaml.safe_dump({"splits": listed}))


def windows(here: Project, split: str, *, without: tuple[str, ...] = (), shift: float = 0.0) -> None:
    """Windows of a split, a row group per clip; clips in `without` have none."""
    random = np.random.default_rng(len(split))
    listed = clips()
    path = split_file(here.normalized("gym", "w"), split)
    with writing(path, NORMALIZED, {"layout": "coco17", "channels": "x,y"}) as out:
        for row in listed[listed["split"] == split].itertuples():
            count = 0 if row.clip in without else 4
            values = random.normal(KINDS[str(row.kind)] + shift, 0.1, (count, 2, SAMPLES, JOINTS)).astype(np.float32)
            unknown = pd.array([pd.NA] * count, dtype="Int8")
            columns: dict[str, Any] = {"clip": row.clip, "step": 1.0, "length": SAMPLES, "missing": 0}
            table = pd.DataFrame({"track": np.arange(count) // 2, "start_frame": np.arange(count) % 2 * 4.0})
            out.append(table.assign(**columns, label=unknown, person_label=unknown), values)
