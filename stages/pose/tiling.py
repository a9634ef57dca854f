"""Looking for small people: the whole frame, and 2 × 2 overlapping tiles of it, each enlarged to a detector's input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Tile = tuple[int, int, int, int]
"""A rectangle of a frame: x, y, w, h in px."""

OVERLAP = 0.2
"""Share of a tile that its neighbour sees too, so that a person up to that size is whole in one of them."""


def tiles(width: int, height: int, above: int | None) -> list[Tile]:
    """Where to look in a frame: the whole of it, and 2 × 2 overlapping tiles if its longer side exceeds `above`.

    Returns:
        Rectangles x, y, w, h in px, inside the frame; the whole frame comes first.
    """
    whole = (0, 0, width, height)
    if above is None or max(width, height) <= above:
        return [whole]
    wide, high = (int(np.ceil(side / (2 - OVERLAP))) for side in (width, height))
    return [whole, *((x, y, wide, high) for y in (0, height - high) for x in (0, width - wide))]


def cut(image: NDArray[np.uint8], tile: Tile) -> NDArray[np.uint8]:
    """The part of a frame that a tile names; a view."""
    left, top, width, height = tile
    return image[top : top + height, left : left + width]


def place(boxes: Floats, tile: Tile, scale: float) -> Floats:
    """Bring boxes from px of a detector's input to px of the frame.

    Args:
        boxes: `(n, 4)` as x, y, w, h in px of the input.
        tile: the part of the frame that was looked at, its top left corner in that of the input.
        scale: from px of the frame to px of the input.
    """
    placed = boxes / np.float32(scale)
    placed[:, :2] += np.array(tile[:2], dtype=np.float32)
    return placed


def merge(found: list[tuple[Floats, Floats]], overlap: float) -> tuple[Floats, Floats]:
    """Put what was found in a frame's tiles together; of boxes that overlap, also across tiles, the surest stays.

    Args:
        found: per tile, boxes `(n, 4)` in px of the frame and scores `(n,)`.
        overlap: as in `suppress`.

    Returns:
        Boxes `(n, 4)` and scores `(n,)`, highest first.
    """
    boxes, scores = (np.concatenate(part) for part in zip(*found, strict=True))
    kept = suppress(boxes, scores, overlap)
    return boxes[kept], scores[kept]


def suppress(boxes: Floats, scores: Floats, overlap: float) -> NDArray[np.intp]:
    """Greedy non-maximum suppression.

    Args:
        boxes: `(n, 4)` as x, y, w, h.
        scores: `(n,)`.
        overlap: intersection over union in `(0, 1]` above which the lower-scored box goes.

    Returns:
        Rows to keep, highest score first.
    """
    import cv2

    return np.asarray(cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), 0.0, overlap), dtype=np.intp).reshape(-1)
