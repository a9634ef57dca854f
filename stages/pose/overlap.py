"""How much two people overlap, by their boxes, by their joints, and by image points matched between two frames.

A region is `left, right, top, bottom` in px; a person is a box and a square around each joint.

Source: Xiu et al., "Pose Flow: Efficient Online Pose Tracking", BMVC 2018, and the conventions of its release: a side
of n px counts n + 1, regions overlap only where they strictly do, and points on an edge are inside.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAST = 1e-5
"""Added to every denominator, as published."""
NOWHERE = -1e6
"""Where regions that are not known are put, px: there they overlap nothing and hold no image point."""
CHUNK = 16_384
"""Matched points that are sorted into regions at a time: bounds the memory where every pixel is matched."""


def extent_boxes(keypoints: Floats, margin: float, size: tuple[int, int]) -> Floats:
    """Boxes around people: the extent of their joints, widened and clipped to the image.

    Args:
        keypoints: `(P, V, 2)` px, NaN where a joint was not seen.
        margin: share of the extent's width and height added on each side.
        size: width and height of the image in px.

    Returns:
        `(P, 4)` left, right, top, bottom in whole px; NaN for people of whom no joint was seen.
    """
    low, high = np.fmin.reduce(keypoints, axis=1), np.fmax.reduce(keypoints, axis=1)
    widening = margin * (high - low)
    limit = np.array(size)[:, None] - 1.0
    ends = np.stack([low - widening, high + widening], axis=2)  # (P, axis, low or high)
    return np.asarray(np.trunc(np.clip(ends, 0.0, limit)).reshape(-1, 4))


def longer_sides(boxes: Floats) -> Floats:
    """Longer side of each box, `(P,)` px: a person's height that stays the same when they bend, lie or turn over."""
    return np.maximum(boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2])


def joint_squares(keypoints: Floats, half: Floats) -> Floats:
    """Squares around people's joints.

    Args:
        keypoints: `(P, V, 2)` px, NaN where a joint was not seen.
        half: `(P,)` half the side of each person's squares in px. Larger forgives more motion.

    Returns:
        `(P, V, 4)` left, right, top, bottom in px, not clipped; NaN for joints that were not seen.
    """
    return np.asarray(keypoints[..., _XXYY] + half[:, None, None] * _SIGNS)


def region_overlap(first: Floats, second: Floats) -> Floats:
    """Intersection over union of every pair of regions.

    Args:
        first: `(C, ..., 4)` left, right, top, bottom in px.
        second: `(P, ..., 4)`, the same in between.

    Returns:
        `(C, P, ...)` in [0, 1).
    """
    ours, theirs = first[:, None], second[None]
    shared = np.minimum(ours[..., 1::2], theirs[..., 1::2]) - np.maximum(ours[..., ::2], theirs[..., ::2])
    sides = (shared + 1) * (shared > 0)  # (C, P, ..., width and height)
    intersection = sides[..., 0] * sides[..., 1]
    return np.asarray(intersection / (_areas(ours) + _areas(theirs) - (intersection - LEAST)))


def matched_overlap(first: Floats, second: Floats, matches: Floats) -> Floats:
    """Of the matched image points that touch a pair of regions, the share that goes from the one into the other.

    Args:
        first: `(C, ..., 4)` regions in the earlier image.
        second: `(P, ..., 4)` regions in the later image, the same in between.
        matches: `(K, 4)` x, y of a point in the earlier image and x, y of its match in the later one, px.

    Returns:
        `(C, P, ...)` in [0, 1).
    """
    both = np.zeros((*first.shape[1:-1], len(first), len(second)))  # (..., C, P)
    either = np.zeros_like(both)
    for start in range(0, len(matches), CHUNK):
        points = matches[start : start + CHUNK]
        starts = np.moveaxis(_inside(first, points[:, :2]), 0, -2)  # (..., C, K)
        ends = np.moveaxis(_inside(second, points[:, 2:]), 0, -2)  # (..., P, K)
        both += starts @ np.swapaxes(ends, -1, -2)  # counts: exact in float32
        either += starts.sum(axis=-1)[..., None] + ends.sum(axis=-1)[..., None, :]
    return np.asarray(np.moveaxis(both / (either - both + LEAST), (-2, -1), (0, 1)))


def best_mean(overlaps: Floats, best: int) -> Floats:
    """Mean of the `best` largest values along the last axis, or of all where there are fewer.

    Args:
        overlaps: `(C, P, V)`.
        best: joints that count. Smaller forgives more joints that are wrong or hidden.

    Returns:
        `(C, P)`.
    """
    count = min(best, overlaps.shape[-1])
    return np.asarray(np.partition(overlaps, -count, axis=-1)[..., -count:].sum(axis=-1) / count)


def _areas(regions: Floats) -> Floats:
    sides = regions[..., 1::2] - regions[..., ::2] + 1
    return np.asarray(sides[..., 0] * sides[..., 1])


def _inside(regions: Floats, points: Floats) -> NDArray[np.float32]:
    """1.0 where a point lies in a region, `(..., K)`."""
    left, right, top, bottom = np.moveaxis(regions[..., None], -2, 0)  # (..., 1) each
    x, y = points.T
    return np.asarray((x >= left) & (x <= right) & (y >= top) & (y <= bottom), dtype=np.float32)


_XXYY, _SIGNS = np.array([0, 0, 1, 1]), np.array([-1.0, 1.0, -1.0, 1.0])
"""From x, y to left, right, top, bottom."""
