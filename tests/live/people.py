"""People who walk through a frame, as a pose backend finds them, and a model that judges them without any learning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stages.core.normalization import NormalizeParams
from stages.core.windows import Windows, WindowSpec
from stages.detectors.base import Modality
from stages.evaluation.calibrate import CalibrationParams
from stages.evaluation.protocol import Rules
from stages.live.model import CameraCard, Model, Reference
from stages.pose.base import People
from stages.pose.estimators import ExtractParams
from stages.pose.poseflow import TrackParams
from tests.show.synthetic import FIGURE

SIZE = (640, 480)
WINDOW = WindowSpec(rate=10.0, seconds=0.8)


class Restless:
    """Scores how much a window's joints move from sample to sample."""

    needs: ClassVar[frozenset[Modality]] = frozenset({Modality.POSE})
    parts: ClassVar[tuple[str, ...]] = ("score",)
    supervised: ClassVar[bool] = False
    unit: ClassVar[str] = "deviations"

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        moved = np.abs(np.diff(windows.poses, axis=2)).mean(axis=(1, 2, 3))
        return {"score": moved.astype(np.float32)}


def model(*, spec: WindowSpec = WINDOW, rules: Rules | None = None, track: TrackParams | None = None) -> Model:
    card = CameraCard(
        dataset="made up", detector="restless", seed=0, layout="coco17", coordinates="xy", units="px", window=spec,
        normalize=NormalizeParams(), batch=64, people=ExtractParams(), track=track or TrackParams(),
        rules=rules or Rules(), alarms=CalibrationParams(),
    )  # fmt: skip
    reference = Reference(
        footage="none", hours=1.0, floor=0.0, median=0.02, threshold=0.1, count=1, ranks=(1,), scores=(0.1,)
    )
    return Model(Restless(), card, reference, None, "made up", "digest")  # type: ignore[arg-type]


def crowd(frame: int, fps: float, rng: np.random.Generator, *, people: int = 2, miss: float = 0.0) -> People:
    """Who is found in a frame: person i walks in lane i, swinging; each is missed now and then."""
    boxes, keypoints = [], []
    for lane in range(people):
        if rng.random() < miss:
            continue
        seconds = frame / fps
        place = np.array([40 + 60 * (seconds % 9) + 20 * lane, 60 + 130 * lane], dtype=np.float32)
        swing = np.sin(2 * np.pi * (1.0 + 0.3 * lane) * seconds + np.arange(len(FIGURE))) * 3
        joints = FIGURE * 2 + place + np.stack([swing, 0 * swing], axis=1) + rng.normal(0, 0.3, FIGURE.shape)
        left, top = joints.min(axis=0)
        boxes.append([left, top, *(joints.max(axis=0) - (left, top))])
        keypoints.append(np.concatenate([joints, np.full((len(joints), 1), 0.9)], axis=1))
    return People(
        np.array(boxes, dtype=np.float32).reshape(-1, 4),
        np.full(len(boxes), 0.9, dtype=np.float32),
        np.array(keypoints, dtype=np.float32).reshape(-1, len(FIGURE), 3),
    )


def walk(frames: int, fps: float, *, seed: int = 0, people: int = 2, miss: float = 0.0) -> Iterator[tuple[int, People]]:
    rng = np.random.default_rng(seed)
    for frame in range(frames):
        yield frame, crowd(frame, fps, rng, people=people, miss=miss)
