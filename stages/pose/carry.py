"""Boxes carried between detections: the detector looks at every n-th frame, in between boxes follow the poses.

A single-person pose network finds the person again in a crop where they were a frame ago, which is how MoveNet's own
demo follows one person (Votel & Li 2021, "Next-Generation Pose Detection with MoveNet and TensorFlow.js", on crop
regions). Here each box moves and grows as its pose did, so that it stays the kind of box the detector gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.core.skeleton import BODY
from stages.pose.base import Detector, Floats, Image, People, PeopleParams, Poser, TopDown, keep

SURE = 0.2
"""Confidence from which a joint says where its person went; others are guesses that would drag the box along."""

FEWEST = 3
"""Sure joints below which a box stays where it is: two would let it grow with every twitch of an arm."""

GROWTH = 1.1
"""Most that a box grows or shrinks from one frame to the next; nobody comes nearer faster, a wrong pose does."""


@dataclass(frozen=True)
class Carried:
    """A detector and a pose network, of which the detector looks at the first frame of each stretch alone.

    Args:
        detector: frame → boxes and scores.
        poser: frame and boxes → keypoints.
        params: thresholds, as in `TopDown`.
        version: as in `Estimator`.
        stretch: frames per detection, ≥ 1; with 1 it gives what `TopDown` gives.
    """

    detector: Detector
    poser: Poser
    params: PeopleParams
    version: str
    stretch: int

    def __call__(self, image: Image) -> People:
        """Find everybody in a frame by itself."""
        return self.several([image])[0]

    def several(self, images: Sequence[Image]) -> list[People]:
        """Find everybody in consecutive frames; whoever is dropped in one by the rule of `gate` is tried in the next.

        Args:
            images: `(height, width, 3)`, BGR; the detector looks at the first.

        Returns:
            One result per frame. Scores are those of the detection that a box was carried from.
        """
        boxes, scores = self.detector(images[0])
        keypoints = self.poser(images[0], boxes)
        crowd, rows = keep(boxes, scores, keypoints, self.params)
        found = [crowd]
        boxes, scores, keypoints = boxes[rows], scores[rows], keypoints[rows]  # junk of the first frame stays away
        for image in images[1:]:
            seen = self.poser(image, boxes)
            boxes, keypoints = carry(boxes, keypoints, seen), seen
            found.append(keep(boxes, scores, keypoints, self.params)[0])
        return found


def carried(top_down: TopDown, every: int) -> TopDown | Carried:
    """A backend whose detector looks at every n-th frame; the backend itself where n is 1."""
    if every == 1:
        return top_down
    return Carried(top_down.detector, top_down.poser, top_down.params, top_down.version, every)


def carry(boxes: Floats, before: Floats, after: Floats) -> Floats:
    """Move and scale each box as its person's sure joints moved and spread.

    Args:
        boxes: `(n, 4)` as x, y, w, h in px, around the poses `before`.
        before: `(n, 17, 3)`, the poses a frame ago.
        after: `(n, 17, 3)`, the same people's poses now.

    Returns:
        `(n, 4)`. The centre moves by the median of the joints' ways; the sides grow as the joints' distances
        from their middle do, by their median ratio, at most a factor of `GROWTH`.
    """
    carried = [_carry(*row) for row in zip(boxes, before[:, BODY], after[:, BODY], strict=True)]
    return np.array(carried, dtype=np.float32).reshape(-1, 4)


def _carry(box: Floats, before: Floats, after: Floats) -> Floats:
    sure = np.minimum(before[:, 2], after[:, 2]) >= SURE
    if sure.sum() < FEWEST:
        return box
    old, new = before[sure, :2], after[sure, :2]
    ratios = _reach(new) / _reach(old)
    growth = np.clip(np.median(ratios), 1 / GROWTH, GROWTH)
    size = box[2:] * growth
    centre = box[:2] + box[2:] / 2 + np.median(new - old, axis=0)
    return np.concatenate([centre - size / 2, size]).astype(np.float32)


def _reach(joints: Floats) -> Floats:
    """Distance of each joint `(n, 2)` from their middle, px, at least 1."""
    distances = np.linalg.norm(joints - np.median(joints, axis=0), axis=1)
    return np.asarray(np.maximum(distances, 1.0), dtype=np.float32)
