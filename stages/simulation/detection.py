"""What a pose estimator would report of a view: noisy keypoints and boxes, people missed, and people who are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.core.skeleton import COCO17
from stages.simulation.cameras import Doubles
from stages.simulation.noise import Chance, NoiseParams
from stages.simulation.observation import View, overlaps
from stages.simulation.occlusion import Bools

SPOTS = 3
"""Places in a clip's picture that are at times taken for people."""
LEAST_CONFIDENCE = 0.02
FALSE_CONFIDENCE = 0.2
"""About which that of false people's keypoints lies."""
OVERLAP = 0.1
"""Intersection over union from which on two people's limbs and identities can be confused."""
Columns = tuple[NDArray[np.int64], NDArray[np.int64], Doubles, Doubles]
"""Frames, people, keypoints and boxes of detections."""
_ENDS = {"wrist": 1.5, "ankle": 1.4, "elbow": 1.2, "knee": 1.1, "eye": 0.7, "ear": 0.7, "nose": 0.7}
_WIDER = np.array([_ENDS.get(joint.rpartition("_")[2], 1.0) for joint in COCO17.joints])
"""Ends of limbs are found less well than hips and shoulders, the head better."""
_LIMBS = tuple(
    [COCO17.joints.index(f"{side}_{joint}") for joint in joints]
    for joints in (("elbow", "wrist"), ("knee", "ankle"))
    for side in ("left", "right")
)
"""Left and right arm, left and right leg."""
_STANDING = np.array([
    (0, .07), (.02, .055), (-.02, .055), (.045, .07), (-.045, .07), (.11, .18), (-.11, .18), (.14, .34), (-.14, .34),
    (.15, .48), (-.15, .48), (.07, .5), (-.07, .5), (.075, .73), (-.075, .73), (.08, .95), (-.08, .95),
])  # fmt: skip
"""COCO-17 of somebody who stands, x from the middle and y from the crown, in heights: what false people look like."""


@dataclass(frozen=True)
class Detections:
    """What was found in a clip, R people in frames, in the order of the frames.

    Args:
        frames: `(R,)`.
        people: `(R,)` index of the person in the view; -1 - k for a false one at the clip's spot k.
        keypoints: `(R, 17, 3)` px and confidence.
        boxes: `(R, 4)` px: x1, y1, x2, y2.
        scores: `(R,)` 0 … 1, mean confidence of the keypoints.
    """

    frames: NDArray[np.int64]
    people: NDArray[np.int64]
    keypoints: NDArray[np.float32]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]


def detect(view: View, noise: NoiseParams) -> Detections:
    """Find people in a view as an estimator with these errors would; seeded by the clip alone."""
    chance = Chance(view.plan.seed, view.plan.fps, noise.memory)
    found = view.seen & ~_missed(view, noise, chance)
    keypoints = _keypoints(view, noise, chance)
    frames, people = np.nonzero(found)
    real: Columns = (frames, people, keypoints[found], _boxes(view, noise, chance)[found])
    every = [np.concatenate(columns) for columns in zip(real, _false(view, noise, chance), strict=True)]
    order = np.argsort(every[0], kind="stable")
    when, who, points, boxes = (column[order] for column in every)
    scores = points[..., 2].mean(axis=-1)
    return Detections(when, who, *(values.astype(np.float32) for values in (points, boxes, scores)))


def _missed(view: View, noise: NoiseParams, chance: Chance) -> Bools:
    smaller = np.clip(1 - np.nan_to_num(view.heights) / noise.small, 0, 1)
    rate = noise.missed + noise.missed_hidden * view.hidden + noise.missed_small * smaller
    return chance.happens("missed", noise.rate(np.where(view.hidden > noise.limit, 1.0, rate)))


def _keypoints(view: View, noise: NoiseParams, chance: Chance) -> Doubles:
    """Keypoints with confidence, `(F, N, 17, 3)`."""
    shape, tall = view.keypoints.shape, view.heights[..., None]
    wide = np.hypot(noise.spread * tall, noise.floor) * _WIDER * np.where(view.visible, 1, noise.hidden)
    far = chance.happens("outliers", np.broadcast_to(noise.rate(noise.outliers), shape[:3]))
    error = np.sqrt(noise.steady) * chance.steady("steady", shape)
    error += np.sqrt(1 - noise.steady) * chance.fresh("fresh", shape)
    error *= (noise.level * wide * np.where(far, noise.far, 1))[..., None]
    points = _swapped(_mixed(view, noise, chance), noise, chance) + error
    off = np.linalg.norm(points - view.keypoints, axis=-1) / (noise.tolerance * tall)
    trust = np.exp(-off - noise.level * noise.doubt * ~view.visible)
    trust += noise.level * noise.wavering * chance.fresh("wavering", shape[:3])
    return np.concatenate([points, np.clip(trust, LEAST_CONFIDENCE, 1)[..., None]], axis=-1)


def _mixed(view: View, noise: NoiseParams, chance: Chance) -> Doubles:
    """Keypoints in which limbs of people took the place of those of somebody who stands before them."""
    points = view.keypoints.copy()
    if points.shape[1] < 2:
        return points
    shared = overlaps(view.boxes) * (view.depth[:, None] < view.depth[:, :, None])
    rival = shared.argmax(axis=-1)  # (F, N): whom it overlaps most
    rate = np.where(shared.max(axis=-1) > OVERLAP, noise.rate(noise.mixed), 0)
    mixed = chance.happens("mixed", np.repeat(rate[..., None], len(_LIMBS), axis=-1))
    theirs = np.take_along_axis(view.keypoints, rival[..., None, None], axis=1)
    for index, limb in enumerate(_LIMBS):
        points[:, :, limb] = np.where(mixed[..., index, None, None], theirs[:, :, limb], points[:, :, limb])
    return points


def _swapped(points: Doubles, noise: NoiseParams, chance: Chance) -> Doubles:
    """Keypoints in which left and right arms, or legs, were taken for each other."""
    swapped = chance.happens("swapped", np.broadcast_to(noise.rate(noise.swapped), (*points.shape[:2], 2)))
    result = points.copy()
    for pair in range(2):
        left, right = _LIMBS[2 * pair], _LIMBS[2 * pair + 1]
        now = swapped[..., pair, None, None]
        result[:, :, left] = np.where(now, points[:, :, right], points[:, :, left])
        result[:, :, right] = np.where(now, points[:, :, left], points[:, :, right])
    return result


def _boxes(view: View, noise: NoiseParams, chance: Chance) -> Doubles:
    """Boxes whose edges are off, within the frame and never turned inside out."""
    size = np.tile(view.boxes[..., 2:] - view.boxes[..., :2], 2)
    moved = view.boxes + noise.level * noise.box * size * chance.steady("boxes", view.boxes.shape)
    start, end = moved[..., :2], moved[..., 2:]
    return _in_frame(np.concatenate([np.minimum(start, end), np.maximum(start, end)], axis=-1), view)


def _false(view: View, noise: NoiseParams, chance: Chance) -> Columns:
    """People who are not there, at the same spots throughout the clip."""
    random, frames = chance.stream("spots"), view.plan.frames
    size = np.array([view.plan.camera.width, view.plan.camera.height])
    crown = random.uniform(size * (0.1, 0.1), size * (0.9, 0.7), (SPOTS, 2))
    tall = random.uniform(0.15, 0.4, (SPOTS, 1, 1)) * size[1]
    found = chance.happens("false", np.broadcast_to(noise.rate(noise.false / SPOTS), (frames, SPOTS)))
    shaken = 0.06 * chance.fresh("shape", (SPOTS, 17, 2)) + 0.02 * chance.fresh("shaken", (frames, SPOTS, 17, 2))
    points = crown[:, None] + tall * (_STANDING + shaken)  # (F, S, 17, 2)
    trust = FALSE_CONFIDENCE + noise.wavering * chance.fresh("weak", (frames, SPOTS, 17))
    keypoints = np.concatenate([points, np.clip(trust, LEAST_CONFIDENCE, 1)[..., None]], axis=-1)
    boxes = np.concatenate([points.min(axis=2), points.max(axis=2)], axis=-1)
    when, spot = np.nonzero(found)
    return when, -1 - spot, keypoints[found], _in_frame(boxes[found], view)


def _in_frame(boxes: Doubles, view: View) -> Doubles:
    width, height = view.plan.camera.width, view.plan.camera.height
    return np.clip(boxes, 0, np.array([width, height, width, height], dtype=np.float64))
