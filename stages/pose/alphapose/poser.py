"""FastPose as a pose estimator: frames and boxes → joints, crops of all frames in one batch.

Source: crop and heat map as in Xiao et al. 2018, "Simple Baselines for Human Pose Estimation and Tracking"
(arXiv:1804.06208, §3 and its release's evaluation), with the constants of AlphaPose's documentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stages.core.skeleton import COCO17
from stages.pose.base import Floats, Image

if TYPE_CHECKING:
    from stages.pose.alphapose.engine import Engine

HEIGHT, WIDTH = 256, 192
"""Of the network's input, px."""

MARGIN = 1.25
"""Sides of the crop in sides of the box."""

CELL = 4
"""Px of the input per cell of the heat maps."""


@dataclass(frozen=True)
class FastPoser:
    """The estimator.

    Args:
        engine: runs FastPose: `(n, 256, 192, 3)` uint8 → `(n, 17, 3)`, as `heatmaps.peaks` gives it.
        bgr: give colours to the network in the frames' order; else as RGB.
    """

    engine: Engine
    bgr: bool = False

    def __call__(self, image: Image, boxes: Floats) -> Floats:
        """Estimate one pose per box of one frame; see `several`."""
        return self.several([image], [boxes])[0]

    def several(self, images: Sequence[Image], boxes: Sequence[Floats]) -> list[Floats]:
        """Estimate one pose per box.

        Args:
            images: `(height, width, 3)`, BGR.
            boxes: per frame `(n, 4)` as x, y, w, h in px.

        Returns:
            Per frame `(n, 17, 3)`: x and y in px, confidence ≥ 0 (the heat map's peak, about 0–1).
        """
        windows = [crop_windows(rows) for rows in boxes]
        crops = [self._crop(image, row) for image, rows in zip(images, windows, strict=True) for row in rows]
        if not crops:
            return [np.zeros((0, len(COCO17), 3), dtype=np.float32) for _ in images]
        joints = uncrop(self.engine(np.stack(crops)), np.concatenate(windows))
        return np.split(joints, np.cumsum([len(rows) for rows in windows])[:-1])

    def _crop(self, image: Image, window: Floats) -> Image:
        cropped = crop(image, window)
        return cropped if self.bgr else cropped[:, :, ::-1]


def crop_windows(boxes: Floats) -> Floats:
    """Windows around the boxes' centres that have the input's proportions and hold 1.25 × the box.

    Args:
        boxes: `(n, 4)` as x, y, w, h in px.

    Returns:
        `(n, 4)`: centre x, y, width, height in px.
    """
    aspect = WIDTH / HEIGHT
    width = np.maximum(boxes[:, 2], boxes[:, 3] * aspect)
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    size = MARGIN * np.stack([width, width / aspect], axis=1)
    return np.hstack([centres, size]).astype(np.float32)


def crop(image: Image, window: Floats) -> Image:
    """Cut a window out and scale it to the network's input; what lies outside the picture is black.

    Args:
        image: `(height, width, 3)`.
        window: centre x, y, width, height in px; its centre becomes pixel (96, 128) of the result.

    Returns:
        `(256, 192, 3)`, channels as in `image`.
    """
    import cv2

    x, y, width, _ = (float(number) for number in window)
    scale = WIDTH / max(width, 1.0)
    way = np.array([[scale, 0, WIDTH / 2 - x * scale], [0, scale, HEIGHT / 2 - y * scale]])
    cropped = cv2.warpAffine(image, way, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(cropped, dtype=np.uint8)


def uncrop(joints: Floats, windows: Floats) -> Floats:
    """Bring joints from cells of the heat maps back to px of the picture.

    Args:
        joints: `(n, 17, 3)`: x, y in cells, confidence.
        windows: `(n, 4)` as `crop_windows` gives them.
    """
    cells = np.array([WIDTH / CELL, HEIGHT / CELL], dtype=np.float32)
    centres, sizes = windows[:, None, :2], np.maximum(windows[:, None, 2:], (1.0, HEIGHT / WIDTH))
    xy = centres + (joints[..., :2] - cells / 2) * sizes / cells
    return np.concatenate([xy, joints[..., 2:]], axis=2).astype(np.float32)
