"""Parametric pose non-maximum suppression: which poses are the same person's, by joints and their confidence.

Source: Fang et al., "RMPE: Regional Multi-person Pose Estimation", ICCV 2017, §3.2, with the constants that were
learned for AlphaPose. Greedy from the pose of the highest mean confidence on: whoever resembles it falls to it. A joint
of another pose matches where it lies in a small box around the joint of the same name; of two measures either is
enough:

    d(P_i, P_j) = Σ_n tanh(c_i^n / σ1) tanh(c_j^n / σ1) [joint n matches] + λ Σ_n exp(−|k_i^n − k_j^n|² / σ2) > η

and the number of joints that match.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from stages.core.params import Section

Floats = NDArray[np.float32]
DROPPED = -1
"""Owner of poses that are nobody's."""


class PoseNmsParams(Section):
    """The `pose_nms` section: when two poses are one person's. The defaults are AlphaPose's.

    Args:
        sigma_confidence: σ1 (delta1), in units of confidence. Larger counts unsure joints for less.
        sigma_distance: σ2 (delta2), px². Larger counts joints that are further apart.
        weight: λ (mu), how much distance counts beside confidence.
        similar: η (gamma), d from which two poses are one person. Of 17 joints, d is at most 9.9 + 17 λ = 38.8. Lower
            merges more.
        matched: joints that have to match for two poses to be one person whatever d is.
        reach: side of the box around a joint, in longer sides of the person's box. Larger lets more joints match.
        least: poses none of whose joints has this confidence are dropped.
    """

    sigma_confidence: float = Field(default=1.0, gt=0)
    sigma_distance: float = Field(default=2.65, gt=0)
    weight: float = Field(default=1.7, ge=0)
    similar: float = Field(default=22.48, ge=0)
    matched: int = Field(default=5, ge=1)
    reach: float = Field(default=0.1, gt=0)
    least: float = Field(default=0.3, ge=0)


def suppress(
    boxes: Floats, scores: Floats, keypoints: Floats, params: PoseNmsParams
) -> tuple[NDArray[np.intp], Floats, int]:
    """Make one of the poses that are the same person's: the surest, with what the others add to it.

    Args:
        boxes: `(n, 4)` as x, y, w, h in px.
        scores: `(n,)`, the detector's.
        keypoints: `(n, V, 3)`: x and y in px, confidence.
        params: see `PoseNmsParams`.

    Returns:
        Rows to keep, ascending; `(n, V, 3)`, the poses, merged; and how many were dropped without a sure joint.
    """
    owner = owners(boxes, scores, keypoints, params)
    nobody = owner == DROPPED
    return np.unique(owner[~nobody]), merged(boxes, keypoints, owner, params), int(nobody.sum())


def owners(boxes: Floats, scores: Floats, keypoints: Floats, params: PoseNmsParams) -> NDArray[np.intp]:
    """Row of the pose that each falls to, its own if it stays, `(n,)`; `DROPPED` for poses without a sure joint.

    Args:
        boxes: `(n, 4)` as x, y, w, h in px.
        scores: `(n,)`, the detector's; of two poses of the same mean confidence the higher one stays.
        keypoints: `(n, V, 3)`: x and y in px, confidence.
        params: see `PoseNmsParams`.
    """
    same = _same(boxes, keypoints, params)
    owner = np.full(len(boxes), DROPPED, dtype=np.intp)
    sure = _sure(keypoints, params)
    for row in np.lexsort((-scores, -keypoints[..., 2].mean(axis=1))):
        if sure[row] and owner[row] == DROPPED:
            owner[same[row] & sure & (owner == DROPPED)] = row
    return owner


def merged(boxes: Floats, keypoints: Floats, owner: NDArray[np.intp], params: PoseNmsParams) -> Floats:
    """Poses with what those that fell to them add: each joint the mean of those that match, weighted by confidence.

    Args:
        boxes: `(n, 4)` as x, y, w, h in px.
        keypoints: `(n, V, 3)`: x and y in px, confidence.
        owner: `(n,)` of `owners`.
        params: see `PoseNmsParams`.

    Returns:
        `(n, V, 3)`; confidence is the highest of the joints that match. Poses that did not stay are as they were.
    """
    theirs = (owner == np.arange(len(owner))[:, None])[:, :, None] & _matching(boxes, keypoints, params)
    weight = np.where(theirs, keypoints[None, ..., 2], 0)  # (n, n, V)
    total = weight.sum(axis=1)[..., None]
    places = np.einsum("ijv,jvc->ivc", weight, keypoints[..., :2]) / np.where(total > 0, total, 1)
    stays = (owner == np.arange(len(owner)))[:, None, None] & (total > 0)
    both = np.concatenate([places, weight.max(axis=1, initial=0)[..., None]], axis=2)
    return np.where(stays, both, keypoints).astype(np.float32)


def _sure(keypoints: Floats, params: PoseNmsParams) -> NDArray[np.bool_]:
    return np.asarray(keypoints[..., 2].max(axis=1, initial=0) >= params.least)


def _same(boxes: Floats, keypoints: Floats, params: PoseNmsParams) -> NDArray[np.bool_]:
    """Whether pose j falls to pose i where i is the surer, `(n, n)`; each falls to itself."""
    matching = _matching(boxes, keypoints, params)
    trust = np.tanh(keypoints[..., 2] / params.sigma_confidence)  # (n, V)
    sure = (matching * trust[:, None] * trust[None]).sum(axis=2)
    near = np.exp(-_squared(keypoints) / params.sigma_distance).sum(axis=2)
    same = (sure + params.weight * near > params.similar) | (matching.sum(axis=2) >= params.matched)
    return np.asarray(same | np.eye(len(boxes), dtype=bool))


def _matching(boxes: Floats, keypoints: Floats, params: PoseNmsParams) -> NDArray[np.bool_]:
    """Whether a joint of pose j lies in the box around that of pose i, `(n, n, V)`."""
    reach = params.reach * boxes[:, 2:].max(axis=1) / 2  # to each side
    apart = np.abs(keypoints[:, None, :, :2] - keypoints[None, ..., :2]).max(axis=3)
    return np.asarray(apart <= reach[:, None, None])


def _squared(keypoints: Floats) -> Floats:
    return np.asarray(((keypoints[:, None, :, :2] - keypoints[None, ..., :2]) ** 2).sum(axis=3))
