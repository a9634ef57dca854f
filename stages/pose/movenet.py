"""MoveNet, a single-person pose estimator: a square crop around one box → 17 COCO joints; with NanoDet a backend.

Source: Votel & Li 2021, "Next-Generation Pose Detection with MoveNet and TensorFlow.js" (Apache-2.0), and the model
card of MoveNet.SinglePose, which gives the input's form and the output's order.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.core.params import Section
from stages.core.skeleton import COCO17
from stages.core.storage import sha256_file
from stages.pose.base import PeopleParams, TopDown
from stages.pose.carry import Carried, carried
from stages.pose.nanodet import NANODET, nanodet
from stages.pose.onnx import WEIGHTS, Network

LIGHTNING = WEIGHTS / "movenet_lightning.onnx"
"""The variant that comes with the package: 192 × 192; docs/decisions/0003 says why."""

FILES = (NANODET, LIGHTNING)
"""The networks that the backend loads."""


@dataclass(frozen=True)
class MoveNet:
    """The estimator.

    Args:
        network: MoveNet as ONNX: RGB 0–255 `(1, S, S, 3)` int32 → `(1, 1, 17, 3)` as y, x, score in shares of S.
        margin: side of the crop in longer sides of the box. Too small cuts off stretched limbs, too large leaves few
            pixels for the person and lets neighbours in.
    """

    network: Network
    margin: float

    def __call__(self, image: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Estimate one pose per box.

        Args:
            image: `(height, width, 3)`, BGR.
            boxes: `(n, 4)` as x, y, w, h in px.

        Returns:
            `(n, 17, 3)`: x and y in px of `image`, confidence in `[0, 1]`. A joint may lie outside the picture.
        """
        joints = np.zeros((len(boxes), len(COCO17), 3), dtype=np.float32)
        for row, square in enumerate(squares(boxes, self.margin)):
            joints[row] = uncrop(self.network(crop(image, square, self.network.shape[1]))[0][0, 0], square)
        return joints


def movenet(margin: float, weights: Path = LIGHTNING) -> MoveNet:
    """Load the estimator that comes with the package.

    Raises:
        BackendError: onnxruntime or the weights are missing.
    """
    return MoveNet(Network(weights), margin)


def nanodet_movenet(params: PeopleParams, _: Section) -> TopDown | Carried:
    """Load NanoDet and MoveNet as the backend `movenet`, which needs no section of its own.

    Raises:
        BackendError: onnxruntime or the weights are missing.
    """
    detector = nanodet(params.weak, params.overlap, params.tile_above)
    poser = movenet(params.margin)
    version = ", ".join([poser.network.engine, *(f"{path.stem} {sha256_file(path)}" for path in FILES)])
    return carried(TopDown(detector, poser, params, version), params.detect_every)


def squares(boxes: NDArray[np.float32], margin: float) -> NDArray[np.float32]:
    """Squares around the boxes' centres, `margin` × the longer side.

    Args:
        boxes: `(n, 4)` as x, y, w, h.
        margin: ≥ 1 keeps the whole box inside.

    Returns:
        `(n, 3)`: left, top, side, px.
    """
    side = margin * boxes[:, 2:].max(axis=1, keepdims=True)
    return np.hstack([boxes[:, :2] + boxes[:, 2:] / 2 - side / 2, side])


def crop(image: NDArray[np.uint8], square: NDArray[np.float32], size: int) -> NDArray[np.int32]:
    """Cut a square out and scale it to the network's input; what lies outside the picture is black.

    Args:
        image: `(height, width, 3)`, BGR.
        square: left, top, side, px; need not be whole numbers.
        size: side of the result, px.

    Returns:
        `(1, size, size, 3)`, RGB, 0–255.
    """
    import cv2

    left, top, side = (float(number) for number in square)
    scale = size / side
    half = (scale - 1) / 2  # pixel centres stand at half units: (x + ½) × scale − ½
    way = np.array([[scale, 0, half - left * scale], [0, scale, half - top * scale]])
    pixels = cv2.warpAffine(image, way, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.ascontiguousarray(pixels[None, :, :, ::-1], dtype=np.int32)


def uncrop(joints: NDArray[np.float32], square: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring joints from shares of a crop back to px of the picture.

    Args:
        joints: `(17, 3)` as y, x, confidence; 0 is the crop's left or top edge, 1 its right or bottom one.
        square: left, top, side, px.

    Returns:
        `(17, 3)` as x, y, confidence.
    """
    xy = joints[:, 1::-1] * square[2] + square[:2]
    return np.hstack([xy, joints[:, 2:]])
