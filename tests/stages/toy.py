"""Toy detectors and a project of made-up windows, for the stages that train and score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from stages.core.paths import Project, split_file
from stages.core.schemas import NORMALIZED
from stages.core.tables import writing
from stages.core.windows import Windows
from stages.detectors.base import DetectorParams, FitReport, Log, Modality, silent

SAMPLES, JOINTS = 4, 17


class MarkerParams(DetectorParams):
    """Its own.

    Args:
        shift: added to every score.
    """

    shift: float = 0.0


class Marker:
    """Scores a window by its first value, which the tests set; learns nothing but what it was given."""

    Params: ClassVar[type[DetectorParams]] = MarkerParams
    needs: ClassVar[frozenset[Modality]] = frozenset({Modality.POSE})
    parts: ClassVar[tuple[str, ...]] = ("score",)
    supervised: ClassVar[bool] = False
    unit: ClassVar[str] = "marks"
    fitted: ClassVar[list[Windows]] = []
    watched: ClassVar[list[Windows | None]] = []
    batches: ClassVar[list[int]] = []

    def __init__(self, params: MarkerParams, *, device: str = "auto", seed: int = 0) -> None:
        self.params, self.device, self.seed = params, device, seed

    def fit(
        self,
        train: Windows,
        *,
        validation: Windows | None = None,
        base: Mapping[str, Path] | None = None,  # noqa: ARG002
        log: Log = silent,
    ) -> FitReport:
        """Remember what was given."""
        self.fitted.append(train)
        self.watched.append(validation)
        log("learning")
        return FitReport(len(train), 1, {"loss": [2.0, 1.0]})

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """The first value, plus the seed, plus the shift."""
        self.batches.append(len(windows))
        marks = windows.poses[:, 0, 0, 0] + np.float32(self.seed + self.params.shift)
        return {part: marks.astype(np.float32) for part in self.parts}

    def save(self, folder: Path) -> None:
        """Write the seed."""
        (folder / "marker.json").write_text(json.dumps({"shift": self.params.shift, "seed": self.seed}))

    @classmethod
    def load(cls, folder: Path, *, device: str = "auto") -> Self:
        """Read it."""
        card = json.loads((folder / "marker.json").read_text())
        return cls(MarkerParams(window="w", shift=card["shift"]), device=device, seed=card["seed"])


class Supervised(Marker):
    """Takes labels."""

    supervised = True


class EveryFrame(Marker):
    """Scores each sample of a window, in two parts."""

    parts = ("motion", "place")

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """`(N, T)`: the mark, rising by 0.1 a sample."""
        rise = (np.arange(SAMPLES) / 10).astype(np.float32)
        return {part: values[:, None] + rise for part, values in super().score(windows).items()}


def project(root: Path, *, seeds: tuple[int, ...] = (0,), batch: int = 100, **detector: Any) -> Project:
    """A project with params.yaml and no windows yet."""
    params = {
        "train": {"seeds": list(seeds), "device": "cpu"},
        "score": {"device": "cpu", "batch": batch},
        "detectors": {"marker": {"window": "w", **detector}},
    }
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    return Project(root)


def put(here: Project, split: str, pieces: Mapping[str, list[tuple[float, int | None]]]) -> None:
    """Write a split: per clip a list of (mark, label), one row group per clip."""
    path = split_file(here.normalized("d", "w"), split)
    with writing(path, NORMALIZED, {"layout": "coco17", "channels": "x,y"}) as out:
        for clip, marks in {"": [], **pieces}.items():
            values = np.zeros((len(marks), 2, SAMPLES, JOINTS), dtype=np.float32)
            values[:, 0, 0, 0] = [mark for mark, _ in marks]
            columns = {"clip": clip, "track": 5, "step": 2.5, "length": SAMPLES, "missing": 0}
            labels = pd.array([pd.NA if label is None else label for _, label in marks], dtype="Int8")
            frame = pd.DataFrame({"start_frame": 10.0 * np.arange(len(marks)), **columns, "label": labels})
            out.append(frame.assign(person_label=labels), values)
