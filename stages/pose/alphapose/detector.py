"""YOLOX as a person detector: frames → boxes with scores, several frames and tiles in one batch.

Source: the pre- and post-processing of YOLOX's release (github.com/Megvii-BaseDetection/YOLOX, Apache-2.0); thresholds
as AlphaPose's documentation sets them for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stages.pose.base import Floats, Image
from stages.pose.tiling import Tile, cut, merge, place, suppress, tiles

if TYPE_CHECKING:
    from stages.pose.alphapose.engine import Engine

GREY = 114
"""Fills the rest of the square, as in the training."""

PERSON = 0
"""The person's place among the classes."""

CROWD = 100
"""Boxes above which suppression is done again with a stricter overlap."""

STRICTER = 0.05
"""By how much."""


@dataclass(frozen=True)
class YoloxDetector:
    """The detector.

    Args:
        engine: runs YOLOX: `(n, S, S, 3)` uint8 BGR → `(n, cells, 85)`.
        size: S, side of the network's input, px; a multiple of 32.
        confidence: lowest score of a box that is given.
        overlap: boxes whose intersection over union exceeds this are one person.
        tile_above: frames whose longer side exceeds this, px, are looked at in 2 × 2 tiles too; None: never.
    """

    engine: Engine
    size: int
    confidence: float
    overlap: float
    tile_above: int | None

    def __call__(self, image: Image) -> tuple[Floats, Floats]:
        """Find people in one frame; see `several`."""
        return self.several([image])[0]

    def several(self, images: Sequence[Image]) -> list[tuple[Floats, Floats]]:
        """Find people in frames.

        Args:
            images: `(height, width, 3)`, BGR.

        Returns:
            Per frame boxes `(n, 4)` as x, y, w, h in px and scores `(n,)` in `[confidence, 1]`, highest first.
        """
        looks = [(frame, tile) for frame, image in enumerate(images) for tile in self._tiles(image)]
        squares, scales = zip(*(letterbox(cut(images[frame], tile), self.size) for frame, tile in looks), strict=True)
        outputs = self.engine(np.stack(squares))
        found: list[list[tuple[Floats, Floats]]] = [[] for _ in images]
        for (frame, tile), scale, output in zip(looks, scales, outputs, strict=True):
            boxes, scores = self._kept(*decode(output, self.confidence))
            found[frame].append((place(boxes, tile, scale), scores))
        return [parts[0] if len(parts) == 1 else merge(parts, self.overlap) for parts in found]

    def _tiles(self, image: Image) -> list[Tile]:
        return tiles(image.shape[1], image.shape[0], self.tile_above)

    def _kept(self, boxes: Floats, scores: Floats) -> tuple[Floats, Floats]:
        kept = suppress(boxes, scores, self.overlap)
        if len(kept) > CROWD:
            kept = suppress(boxes, scores, self.overlap - STRICTER)
        return boxes[kept], scores[kept]


def letterbox(image: Image, size: int) -> tuple[Image, float]:
    """Shrink or enlarge a picture into the top left of a grey square, its proportions kept.

    Args:
        image: `(height, width, 3)`, BGR.
        size: side of the square, px.

    Returns:
        `(size, size, 3)`, BGR, 0–255, and the factor from px of `image` to px of the square.
    """
    import cv2

    scale = size / max(image.shape[:2])
    height, width = (max(int(side * scale), 1) for side in image.shape[:2])
    square = np.full((size, size, 3), GREY, dtype=np.uint8)
    square[:height, :width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return square, scale


def decode(output: Floats, least: float) -> tuple[Floats, Floats]:
    """The people among the cells' boxes.

    Args:
        output: `(cells, 5 + classes)`: centre x, y, width and height in px of the input, the probability that the box
            holds anything, and those of the classes.
        least: lowest score to keep: that of anything × that of the likeliest class, where that is the person.

    Returns:
        Boxes `(n, 4)` as x, y, w, h in px of the input and scores `(n,)`, overlapping ones not yet merged.
    """
    kinds = output[:, 5:]
    scores = output[:, 4] * kinds[:, PERSON]
    kept = np.flatnonzero((scores >= least) & (kinds.argmax(axis=1) == PERSON))
    boxes = output[kept, :4]
    boxes = np.hstack([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, 2:]])
    return boxes.astype(np.float32), scores[kept].astype(np.float32)
