"""Bodies in their own measure: places in body heights, tilt, extent and speed, for every joint layout.

Sources: lengths of segments in shares of the stature from Winter, "Biomechanics and Motor Control of Human Movement",
4th edition, 2009, figure 4.1, after Drillis and Contini 1966.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import DatasetError
from stages.core.skeleton import Layout

Floats = NDArray[np.float32]

TORSO, THIGH, SHIN, UPPER_ARM, FOREARM = 0.288, 0.245, 0.246, 0.186, 0.146
"""Lengths in shares of the stature; the torso from the shoulders to the hips."""
LIMBS = (
    ("hip", "knee", THIGH), ("knee", "ankle", SHIN), ("shoulder", "elbow", UPPER_ARM), ("elbow", "wrist", FOREARM),
)  # fmt: skip
INSTEAD = {"ankle": ("foot", 0.039), "wrist": ("hand", 0.054)}
"""What stands for a joint in layouts that lack it, and by how much the segment is longer with it."""
SHORT = TORSO / 3
"""Body heights below which a torso points at the camera, so that its angle in the picture is mostly noise."""
LONG = 2 / 3
"""Quantile of what a window's segments say the stature is.

A camera only makes segments shorter, so long ones are believed; but not the longest, since one joint out of place makes
two of nine too long.
"""


def coordinates(channels: Sequence[str]) -> list[int]:
    """Which channels are x, y and, where there is one, z.

    Raises:
        DatasetError: there are no x and y: what windows of pictures hold has no place.
    """
    if not {"x", "y"} <= set(channels):
        raise DatasetError(
            f"windows of {', '.join(channels) or 'whole frames'} say nothing of where joints are",
            fix="compare windows of poses",
        )
    return [list(channels).index(name) for name in ("x", "y", "z") if name in channels]


def in_body_heights(poses: Floats, channels: Sequence[str], joints: Layout) -> Floats:
    """Bring windows to one place and size: the median joint is the origin, a body height the unit.

    Args:
        poses: `(N, C, T, V)`, normalized in whatever way; one aspect of x and y for all.
        channels: names of the C channels.
        joints: layout of the V joints.

    Returns:
        `(N, T, V, D)` x, y and, where there is one, z. A window whose joints are all in one place stays so.

    Raises:
        DatasetError: see `coordinates`.
    """
    places = np.ascontiguousarray(poses[:, coordinates(channels)].transpose(0, 2, 3, 1), dtype=np.float32)
    places = places - np.median(places, axis=(1, 2), keepdims=True)
    height = stature(places, joints)
    return np.asarray(places / np.where(height > 0, height, 1.0)[:, None, None, None], dtype=np.float32)


def stature(places: Floats, joints: Layout) -> Floats:
    """How tall people are by their torso and limbs, `(N,)` in the unit of `places`, `(N, T, V, D)`.

    It is that of somebody who stands up straight, also of one who does not.
    """
    found = [np.linalg.norm(torso(places, joints), axis=-1) / TORSO]
    for side in ("left", "right"):
        for upper, lower, share in LIMBS:
            longer = 0.0
            if f"{side}_{lower}" not in joints.joints:
                lower, longer = INSTEAD[lower]
            ends = (places[:, :, joints.joints.index(f"{side}_{name}")] for name in (upper, lower))
            found.append(np.linalg.norm(next(ends) - next(ends), axis=-1) / (share + longer))
    return np.asarray(np.quantile(np.stack(found, axis=-1), LONG, axis=(1, 2)), dtype=np.float32)


def torso(places: Floats, joints: Layout) -> Floats:
    """From the middle of the hips to the middle of the shoulders, `(N, T, D)` of `(N, T, V, D)`."""
    shoulders, hips = (
        (places[:, :, joints.joints.index(f"left_{name}")] + places[:, :, joints.joints.index(f"right_{name}")]) / 2
        for name in ("shoulder", "hip")
    )
    return np.asarray(shoulders - hips)


def tilt(places: Floats, joints: Layout) -> NDArray[np.float64]:
    """Angles of the torso in the picture, degrees: 0 upright, 90 lying to the right, 180 upside down.

    They are followed over the samples, so a full turn is from 0 to 360 or -360. Where the torso points at the camera,
    it has no angle in the picture, and the sample is left out.

    Args:
        places: `(T, V, D)` body heights.
        joints: layout of the V joints.

    Returns:
        `(≤ T,)`.
    """
    x, y = torso(places[None], joints)[0, :, :2].astype(np.float64).T
    seen = np.hypot(x, y) >= SHORT
    return np.asarray(np.degrees(np.unwrap(np.arctan2(x, -y)[seen])))  # y points down


def extent(places: Floats) -> NDArray[np.float64]:
    """From the highest joint to the lowest, mean over the samples, `(N,)` in the unit of `places`."""
    y = places[..., 1].astype(np.float64)
    return np.asarray((y.max(axis=2) - y.min(axis=2)).mean(axis=1))


def speed(places: Floats) -> NDArray[np.float64]:
    """Mean way of a joint from one sample to the next, `(N,)`; 0 where there is a single sample."""
    if places.shape[1] < 2:
        return np.zeros(len(places))
    return np.asarray(np.linalg.norm(np.diff(places.astype(np.float64), axis=1), axis=-1).mean(axis=(1, 2)))
