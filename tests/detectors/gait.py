"""Stick people who walk: made-up windows that tests train on, and clearly abnormal ones that must stand out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.normalization import NormalizationParams, normalize
from stages.core.skeleton import OPENPOSE18, coco_to_openpose
from stages.core.windows import Windows

Floats = NDArray[np.float32]

RATE = 10.0
"""Samples per second."""

LIMBS = {5: (0.0, -50.0), 7: (0.0, -32.0), 9: (0.0, -15.0), 11: (0.0, 0.0), 13: (0.0, 25.0), 15: (0.0, 50.0)}
"""Left joints of a standing COCO person, (x, y) from the hip in hundredths of the height; y points down."""

SWING = {7: -8.0, 9: -16.0, 13: 10.0, 15: 22.0}
"""How far each joint swings forth and back, in hundredths of the height; arms against legs."""


def walkers(count: int, *, samples: int = 8, seed: int = 0, speed: float = 1.0) -> Floats:
    """People who walk left or right, `(count, samples, 18, 3)` px in the openpose18 layout.

    Args:
        count: people.
        samples: T.
        seed: of sizes, gaits, directions and keypoint noise.
        speed: times a walker's pace; 3 runs impossibly fast.
    """
    draw = np.random.default_rng(seed)
    height, pace, phase = draw.uniform(80, 160, count), draw.uniform(0.8, 1.1, count), draw.uniform(0, 2 * np.pi, count)
    time = np.arange(samples) / RATE
    angle = phase[:, None] + 2 * np.pi * speed * pace[:, None] * time  # (count, samples)
    body = np.zeros((count, samples, 17, 2))
    body[:, :, :5] = [(2.0, -64.0), (3.0, -66.0), (1.0, -66.0), (0.0, -65.0), (-1.0, -65.0)]
    for left, (x, y) in LIMBS.items():
        for joint, side, lean in ((left, 1.0, 3.0), (left + 1, -1.0, -3.0)):
            swing = SWING.get(left, 0.0) * side * np.sin(angle)
            lift = np.maximum(0.0, -0.3 * SWING.get(left, 0.0) * side * np.cos(angle)) if left >= 13 else 0.0
            body[:, :, joint, 0] = x + lean + swing
            body[:, :, joint, 1] = y - lift
    body[..., 1] += 1.5 * np.cos(2 * angle)[..., None]
    body[..., 0] += 90 * speed * pace[:, None, None] * time[:, None]
    facing = np.where(draw.random(count) < 0.5, -1.0, 1.0)
    body[..., 0] *= facing[:, None, None]
    places = body / 100 * height[:, None, None, None] + draw.normal(0, 0.6, body.shape)
    keypoints = np.concatenate([places + 500, np.full((count, samples, 17, 1), 0.9)], axis=-1)
    return coco_to_openpose(keypoints.astype(np.float32))


def windows(keypoints: Floats, *, split: str = "train", confidence: bool = False, label: int = 0) -> Windows:
    """Normalize `(N, T, V, 3)` px into windows of one clip, all labelled alike: 1 abnormal, 0 normal."""
    count, samples = keypoints.shape[:2]
    params = NormalizationParams(confidence=confidence)
    index = pd.DataFrame(
        {
            "dataset": "toy",
            "split": split,
            "clip": "c1",
            "track": pd.array(np.arange(count), dtype="Int32"),
            "start_frame": 3.0 * np.arange(count),
            "step": 3.0,
            "length": samples,
            "missing": 0,
            "label": pd.array(np.full(count, label), dtype="Int8"),
            "person_label": pd.array(np.full(count, label), dtype="Int8"),
        }
    )
    return Windows(index, normalize(keypoints, params, OPENPOSE18), params.channels(), "openpose18")


def joined(*pieces: Windows) -> Windows:
    """Windows of one kind after another."""
    index = pd.concat([piece.index for piece in pieces], ignore_index=True)
    poses = np.concatenate([piece.poses for piece in pieces])
    return replace(pieces[0], index=index, poses=poses)


def upside_down(keypoints: Floats) -> Floats:
    """The same people standing on their heads."""
    return keypoints * np.array([1, -1, 1], dtype=np.float32)


def shuffled(keypoints: Floats, seed: int = 0) -> Floats:
    """The same people with their samples in a random order, jumping about."""
    order = np.random.default_rng(seed).permuted(np.tile(np.arange(keypoints.shape[1]), (len(keypoints), 1)), axis=1)
    return np.take_along_axis(keypoints, order[:, :, None, None], axis=1)
