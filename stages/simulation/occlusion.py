"""Which keypoints a camera cannot see: behind somebody's limbs or trunk, one's own too, or behind things.

Bodies hide as capsules around their bones: in the picture, a keypoint is hidden where it lies within a capsule's
outline and farther away than its axis.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stages.simulation.cameras import Doubles
from stages.simulation.world import POINT, Box

Bools = NDArray[np.bool_]

_SIDES = ("left", "right")
CAPSULES = (
    ("neck", "crown", 0.11),
    ("neck", "pelvis", 0.14),
    ("left_hip", "right_hip", 0.10),
    *((f"{side}_shoulder", f"{side}_hip", 0.08) for side in _SIDES),
    *((f"{side}_shoulder", f"{side}_elbow", 0.055) for side in _SIDES),
    *((f"{side}_elbow", f"{side}_wrist", 0.045) for side in _SIDES),
    *((f"{side}_hip", f"{side}_knee", 0.08) for side in _SIDES),
    *((f"{side}_knee", f"{side}_ankle", 0.055) for side in _SIDES),
)
"""Ends and radius in m of a person of average girth; clothes included."""
_FROM = [POINT[start] for start, _, _ in CAPSULES]
_TO = [POINT[end] for _, end, _ in CAPSULES]
_RADII = np.array([radius for _, _, radius in CAPSULES])
BEHIND = 0.6
"""Radii that a keypoint must lie farther away than a capsule's axis to be hidden by it: a knee is not by its thigh."""


def behind_people(keypoints: Doubles, pixels: Doubles, depth: Doubles, focal: float, girth: Doubles) -> Bools:
    """Keypoints hidden by people.

    Args:
        keypoints: how many points from the first on are asked about, given as their pixels `(F, N, V, 2)`.
        pixels: `(F, N, len(BODY), 2)` of all points of all people; NaN where somebody is not there.
        depth: `(F, N, len(BODY))` m.
        focal: of the camera, px.
        girth: of each person, `(N,)`.

    Returns:
        `(F, N, V)`; False where somebody is not there.
    """
    hidden = np.zeros(keypoints.shape[:-1], dtype=bool)
    away = depth[..., : keypoints.shape[2]]
    for person, wide in enumerate(girth):
        ends = pixels[:, person, None, None], depth[:, person, None, None]  # (F, 1, 1, P, …)
        hidden |= _within(keypoints, away, *ends, focal, _RADII * wide)
    return hidden


def _within(keypoints: Doubles, away: Doubles, pixels: Doubles, depth: Doubles, focal: float, radii: Doubles) -> Bools:
    start, end = pixels[..., _FROM, :], pixels[..., _TO, :]  # (F, 1, 1, C, 2)
    bone = end - start
    offset = keypoints[..., None, :] - start  # (F, N, V, C, 2)
    length = np.maximum((bone**2).sum(axis=-1), 1e-9)
    along = np.clip((offset * bone).sum(axis=-1) / length, 0, 1)
    gap = ((offset - along[..., None] * bone) ** 2).sum(axis=-1)
    axis = depth[..., _FROM] + along * (depth[..., _TO] - depth[..., _FROM])
    outline = (radii * focal / axis) ** 2
    return np.asarray(((gap < outline) & (away[..., None] > axis + BEHIND * radii)).any(axis=-1))


def behind_boxes(eye: tuple[float, float, float], points: Doubles, boxes: tuple[Box, ...]) -> Bools:
    """Points hidden by, or lying in, things that stand about.

    Args:
        eye: the camera's position, m.
        points: `(..., 3)` m; NaN is not hidden.
        boxes: the things.

    Returns:
        `(...)`. Slabs after Kay & Kajiya, "Ray tracing complex scenes", SIGGRAPH 1986.
    """
    origin = np.asarray(eye, dtype=np.float64)
    ray = points - origin
    hidden = np.zeros(points.shape[:-1], dtype=bool)
    for box in boxes:
        low = np.array([box.centre[0] - box.size[0] / 2, box.centre[1] - box.size[1] / 2, 0.0])
        high = low + box.size
        with np.errstate(divide="ignore", invalid="ignore"):  # a ray along an axis meets its slabs at infinity
            one, other = (low - origin) / ray, (high - origin) / ray
        enters = np.minimum(one, other).max(axis=-1)
        leaves = np.maximum(one, other).min(axis=-1)
        hidden |= (enters < leaves) & (leaves > 0) & (enters < 1)
    return hidden
