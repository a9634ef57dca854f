"""Two boxes, one person: finding poses that coincide.

A box around half a person, or around somebody who stands behind a sign, makes a single-person estimator find the whole
of the clearest person near by, whom another box holds already.

Source: object keypoint similarity of the COCO keypoint challenge (cocodataset.org/#keypoints-eval); suppression by it
after Papandreou et al. 2017, "Towards Accurate Multi-person Pose Estimation in the Wild", §3.3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stages.core.skeleton import BODY

SPREAD = 2 * np.array(
    [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89], dtype=np.float32
)[BODY] / 1000  # fmt: skip
"""How far apart COCO's annotators put a joint, `(12,)`, in square roots of a person's area: κ = 2σ."""


def similarity(keypoints: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Object keypoint similarity of each pair of poses, over the joints from the shoulders down.

    Args:
        keypoints: `(n, 17, C)`, COCO-17, first two channels x and y in px.
        boxes: `(n, 4)` as x, y, w, h in px; of two people the larger box's area counts.

    Returns:
        `(n, n)` in `[0, 1]`: 1 the same pose, 0 nothing in common.
    """
    joints = keypoints[:, BODY, :2]
    squared = ((joints[:, None] - joints[None]) ** 2).sum(axis=3)  # (n, n, 12)
    areas = boxes[:, 2] * boxes[:, 3]
    spread = 2 * np.maximum(areas[:, None], areas[None])[:, :, None] * SPREAD**2
    return np.asarray(np.exp(-squared / spread).mean(axis=2), dtype=np.float32)


def held(keypoints: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Share of each pose's joints from the shoulders down that lie in its own box, `(n,)` in `[0, 1]`."""
    joints, corner = keypoints[:, BODY, :2], boxes[:, None, :2]
    inside = (joints >= corner) & (joints <= corner + boxes[:, None, 2:])
    return np.asarray(inside.all(axis=2).mean(axis=1), dtype=np.float32)


def distinct(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], keypoints: NDArray[np.float32], same: float
) -> NDArray[np.intp]:
    """Keep one of the poses that coincide: that whose box is the surer one and holds the pose.

    Args:
        boxes: `(n, 4)` as x, y, w, h in px.
        scores: `(n,)`, the detector's.
        keypoints: `(n, 17, 3)`.
        same: similarity from which two poses are one person; lower merges people who walk behind one another.

    Returns:
        Rows to keep, ascending.
    """
    similar = similarity(keypoints, boxes) >= same
    kept: list[int] = []
    for row in np.argsort(-scores * held(keypoints, boxes), kind="stable"):
        if not similar[row, kept].any():
            kept.append(int(row))
    return np.sort(np.array(kept, dtype=np.intp))
