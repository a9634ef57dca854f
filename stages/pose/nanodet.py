"""NanoDet, an anchor-free person detector: one frame → boxes with scores.

Source: RangiLyu, NanoDet-g (github.com/RangiLyu/nanodet, Apache-2.0), trained on COCO. Its head is Generalized Focal
Loss (Li et al. 2020, arXiv:2006.04388): each side of a box is a distribution over distances, eq. 3–6.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.pose.onnx import WEIGHTS, Network
from stages.pose.tiling import Tile, cut, merge, place, tiles

NANODET = WEIGHTS / "nanodet.onnx"
"""NanoDet-g, 416 × 416, as it comes with the package."""

STRIDES = (8, 16, 32)
"""Pixels of the input between neighbouring cells of the three output grids."""

BINS = 11
"""Distances 0 … 10 strides over which each side of a box is a distribution."""

PERSON = 0
"""The person's place among the 80 classes of COCO."""

MEAN = np.array([103.53, 116.28, 123.675], dtype=np.float32)
STD = np.array([57.375, 57.12, 58.395], dtype=np.float32)
"""Of ImageNet's pixels in BGR, 0–255: what the network was trained with."""


@dataclass(frozen=True)
class NanoDet:
    """The detector.

    Args:
        network: NanoDet as ONNX: `(1, 3, S, S)` → per stride class scores `(1, n, 80)` and sides `(1, n, 44)`.
        least: lowest score of a box that is given; lower finds people in unusual postures, and more junk.
        overlap: boxes whose intersection over union exceeds this are one person.
        tile_above: frames whose longer side exceeds this, px, are looked at in 2 × 2 tiles too; None: never. Tiles find
            people that the whole frame, shrunk to the network's input, shows too small, and take five times as long.
    """

    network: Network
    least: float
    overlap: float
    tile_above: int | None

    def __call__(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Find people.

        Args:
            image: `(height, width, 3)`, BGR.

        Returns:
            Boxes `(n, 4)` as x, y, w, h in px of `image` and scores `(n,)` in `[least, 1]`, highest first.
        """
        found = [self._look(image, tile) for tile in tiles(image.shape[1], image.shape[0], self.tile_above)]
        return merge(found, self.overlap)

    def _look(self, image: NDArray[np.uint8], tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        size = self.network.shape[-1]
        pixels, scale = letterbox(cut(image, tile), size)
        boxes, scores = decode(self.network(pixels), size, self.least)
        return place(boxes, tile, scale), scores


def nanodet(least: float, overlap: float, tile_above: int | None, weights: Path = NANODET) -> NanoDet:
    """Load the detector that comes with the package.

    Raises:
        BackendError: onnxruntime or the weights are missing.
    """
    return NanoDet(Network(weights), least, overlap, tile_above)


def letterbox(image: NDArray[np.uint8], size: int) -> tuple[NDArray[np.float32], float]:
    """Shrink or enlarge a picture into the top left of a square, its proportions kept, and normalize its colours.

    Returns:
        `(1, 3, size, size)` for the network, and the factor from px of `image` to px of the square.
    """
    import cv2

    scale = size / max(image.shape[:2])
    height, width = (max(round(side * scale), 1) for side in image.shape[:2])
    square = np.zeros((size, size, 3), dtype=np.float32)
    square[:height, :width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(((square - MEAN) / STD).transpose(2, 0, 1)[None]), scale


def decode(
    outputs: list[NDArray[np.float32]], size: int, least: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Turn the network's outputs into boxes in px of its input.

    Args:
        outputs: in any order, per stride the scores `(1, n, 80)` and the sides' distributions `(1, n, 4 × 11)`, where
            n cells form a square grid.
        size: side of the network's input, px.
        least: lowest score to keep.

    Returns:
        Boxes `(n, 4)` as x, y, w, h and scores `(n,)`, all strides together, overlapping ones not yet merged.
    """
    by_shape = {output.shape[1:]: output[0] for output in outputs}
    found = [_decode_stride(by_shape, size // stride, stride, least) for stride in STRIDES]
    return np.concatenate([boxes for boxes, _ in found]), np.concatenate([scores for _, scores in found])


def _decode_stride(
    by_shape: dict[tuple[int, ...], NDArray[np.float32]], cells: int, stride: int, least: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    scores = by_shape[cells**2, 80][:, PERSON]
    kept = np.flatnonzero(scores >= least)
    centres = (np.stack([kept % cells, kept // cells], axis=1) + 0.5) * stride  # (n, 2)
    sides = by_shape[cells**2, 4 * BINS][kept].reshape(-1, 4, BINS)
    weight = np.exp(sides - sides.max(axis=2, keepdims=True))
    distance = (weight @ np.arange(BINS)) / weight.sum(axis=2) * stride  # (n, 4): left, top, right, bottom
    boxes = np.hstack([centres - distance[:, :2], distance[:, :2] + distance[:, 2:]])
    return boxes.astype(np.float32), scores[kept]
