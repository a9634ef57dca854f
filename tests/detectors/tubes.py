"""Pictures of stick people who walk: made-up windows of people, and abnormal ones that must stand out."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.skeleton import OPENPOSE18
from stages.core.windows import Windows
from tests.detectors import gait

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

ROLLS: dict[int, tuple[Pixels, Pixels]] = {}
"""Every tube `(T, 3, S, S)` and place `(3, 8, 8)` that was made, by the number under `film` in an index."""
CAMERAS = {"red": (160, 40, 40), "blue": (40, 40, 160)}
"""What places look like, RGB."""
SHIRT = (220, 220, 60)


def windows(
    keypoints: Floats, *, split: str = "train", side: int = 16, seed: int = 0,
    cameras: tuple[str, ...] = tuple(CAMERAS), cart: bool = False,
) -> Windows:  # fmt: skip
    """Windows of people, and pictures of them.

    Args:
        keypoints: `(N, T, 18, 3)` px.
        split: in the index.
        side: of a picture, px.
        seed: of the noise.
        cameras: before which they are, in turn.
        cart: they have a large bright thing with them, which their poses do not tell of.
    """
    found, draw = gait.windows(keypoints, split=split), np.random.default_rng(seed)
    where = [cameras[number % len(cameras)] for number in range(len(keypoints))]
    numbers = [_roll(one, side, CAMERAS[name], draw, cart=cart) for one, name in zip(keypoints, where, strict=True)]
    index = found.index.assign(camera=where, film=numbers)
    return replace(found, index=index, reader=tube, picture=(3, side, side), place=place)


def tube(row: pd.Series) -> Pixels:
    """The pictures of one window."""
    return ROLLS[row["film"]][0]


def place(row: pd.Series) -> Pixels:
    """The place of one window."""
    return ROLLS[row["film"]][1]


def _roll(keypoints: Floats, side: int, colour: tuple[int, int, int], draw: np.random.Generator, *, cart: bool) -> int:
    places = keypoints[..., :2]
    low, high = places.min(axis=(0, 1)), places.max(axis=(0, 1))
    wider = 0.2 * (high - low)
    shown = (places - low + wider) / (high - low + 2 * wider) * side
    film = np.empty((len(keypoints), side, side, 3), dtype=np.uint8)
    for image, joints in zip(film, shown, strict=True):
        image[:] = np.clip(np.array(colour) + draw.normal(0, 4, (side, side, 3)), 0, 255)
        for first, second in OPENPOSE18.bones:
            ends = [tuple(int(value) for value in joints[joint].round()) for joint in (first, second)]
            cv2.line(image, ends[0], ends[1], SHIRT, 1)
        if cart:
            x, y = (int(value) for value in joints.mean(axis=0))
            cv2.rectangle(image, (x, y), (x + side // 2, y + side // 3), (255, 255, 255), -1)
    number = len(ROLLS)
    here = np.broadcast_to(np.array(colour, dtype=np.uint8)[:, None, None], (3, 8, 8))
    ROLLS[number] = np.ascontiguousarray(film.transpose(0, 3, 1, 2)), here
    return number
