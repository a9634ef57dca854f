"""How much two people overlap, by their boxes, by their joints, and by image points matched between two frames.

A region is `left, right, top, bottom` in px; a person is one region (the box) or one per joint (squares around them).

Source: Xiu et al., "Pose Flow: Efficient Online Pose Tracking", BMVC 2018, and the conventions of its release: a side
of n px counts n + 1, regions overlap only where they strictly do, and points on an edge are inside.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAST = 1e-5
"""Added to every denominator, as published."""


def extent_boxes(keypoints: Floats, margin: float, size: tuple[int, int]) -> Floats:
    """Boxes around people: the extent of their joints, widened and clipped to the image.

    Args:
        keypoints: `(P, V, 2)` px.
        margin: share of the extent's width and height added on each side.
        size: width and height of the image in px.

    Returns:
        `(P, 4)` left, right, top, bottom in whole px.
    """
    low, high = keypoints.min(axis=1), keypoints.max(axis=1)
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
        keypoints: `(P, V, 2)` px.
        half: `(P,)` half the side of each person's squares in px. Larger forgives more motion.

    Returns:
        `(P, V, 4)` left, right, top, bottom in px, not clipped.
    """
    x, y = keypoints[..., 0], keypoints[..., 1]
    reach = half[:, None]
    return np.stack([x - reach, x + reach, y - reach, y + reach], axis=2)


def region_overlap(first: Floats, second: Floats) -> Floats:
    """Intersection over union of every pair of regions.

    Args:
        first: `(C, ..., 4)` left, right, top, bottom in px.
        second: `(P, ..., 4)`, the same in between.

    Returns:
        `(C, P, ...)` in [0, 1).
    """
    ours, theirs = first[:, None], second[None]
    width = np.minimum(ours[..., 1], theirs[..., 1]) - np.maximum(ours[..., 0], theirs[..., 0])
    height = np.minimum(ours[..., 3], theirs[..., 3]) - np.maximum(ours[..., 2], theirs[..., 2])
    intersection = np.where((width > 0) & (height > 0), (width + 1) * (height + 1), 0.0)
    return np.asarray(intersection / (_areas(ours) + _areas(theirs) - intersection + LEAST))


def matched_overlap(first: Floats, second: Floats, matches: Floats) -> Floats:
    """Of the matched image points that touch a pair of regions, the share that goes from the one into the other.

    Args:
        first: `(C, ..., 4)` regions in the earlier image.
        second: `(P, ..., 4)` regions in the later image, the same in between.
        matches: `(K, 4)` x, y of a point in the earlier image and x, y of its match in the later one, px.

    Returns:
        `(C, P, ...)` in [0, 1).
    """
    starts, ends = _inside(first, matches[:, :2]), _inside(second, matches[:, 2:])  # (C, ..., K), (P, ..., K)
    both = np.einsum("c...k,p...k->cp...", starts, ends)
    either = starts.sum(axis=-1)[:, None] + ends.sum(axis=-1)[None] - both
    return np.asarray(both / (either + LEAST))


def best_mean(overlaps: Floats, best: int) -> Floats:
    """Mean of the `best` largest values along the last axis, or of all where there are fewer.

    Args:
        overlaps: `(C, P, V)`.
        best: joints that count. Smaller forgives more joints that are wrong or hidden.

    Returns:
        `(C, P)`.
    """
    count = min(best, overlaps.shape[-1])
    return np.asarray(np.partition(overlaps, -count, axis=-1)[..., -count:].mean(axis=-1))


def _areas(regions: Floats) -> Floats:
    width, height = regions[..., 1] - regions[..., 0], regions[..., 3] - regions[..., 2]
    return np.asarray((width + 1) * (height + 1))


def _inside(regions: Floats, points: Floats) -> Floats:
    """1.0 where a point lies in a region, `(..., K)`."""
    left, right, top, bottom = np.moveaxis(regions[..., None], -2, 0)  # (..., 1) each
    x, y = points.T
    return np.asarray((x >= left) & (x <= right) & (y >= top) & (y <= bottom), dtype=np.float64)
