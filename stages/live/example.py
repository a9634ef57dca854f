"""Somebody who walks past, as a table of tracks: to try the Python API without a video."""

from __future__ import annotations

import numpy as np
import pandas as pd

STANDING = np.array(
    [(0, 8), (-2, 6), (2, 6), (-5, 8), (5, 8), (-12, 22), (12, 22), (-15, 42), (15, 42), (-15, 60), (15, 60), (-8, 62),
     (8, 62), (-9, 90), (9, 90), (-9, 118), (9, 118)],
    dtype=np.float64,
)  # fmt: skip
"""A standing person, COCO-17, 120 px tall."""
SWING = np.array([0, 0, 0, 0, 0, 0, 0, -4, 4, -10, 10, 0, 0, 8, -8, 18, -18], dtype=np.float64)
"""How far each joint swings along the walk, px: arms against legs."""


def walker(*, frames: int, fps: float, speed: float = 60.0) -> pd.DataFrame:
    """A person who walks from left to right.

    Args:
        frames: how long.
        fps: frames per second.
        speed: px per second.

    Returns:
        A row per frame: track, frame and keypoints, 17 × (x, y, confidence) in px.
    """
    seconds = np.arange(frames) / fps
    stride = np.sin(2 * np.pi * 0.9 * seconds)
    x = 50 + speed * seconds[:, None] + STANDING[:, 0] * 0.4 + stride[:, None] * SWING
    y = 100 + STANDING[:, 1] + 2 * np.abs(stride[:, None])
    points = np.stack([x, y, np.full_like(x, 0.9)], axis=-1).reshape(frames, -1)
    return pd.DataFrame({"track": 1, "frame": np.arange(frames), "keypoints": points.tolist()})
