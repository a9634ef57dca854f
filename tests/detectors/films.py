"""Films of a spot that crosses a floor: made-up windows of whole frames, and abnormal ones that must stand out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.windows import FRAME, Windows

Pixels = NDArray[np.uint8]

ROLLS: dict[int, Pixels] = {}
"""Every film that was made, `(T, C, H, W)`, by the number under `film` in an index."""


def windows(
    count: int, *, samples: int = 8, side: int = 24, channels: int = 1, seed: int = 0, size: int = 3,
    flicker: float = 0.0,
) -> Windows:  # fmt: skip
    """Windows of whole frames, one film each.

    Args:
        count: windows.
        samples: T.
        side: of a frame, px.
        channels: 1 grey, 3 RGB.
        seed: of where spots are and which way they go.
        size: of the spot, px.
        flicker: how far frames are lighter or darker than they should be, at random.
    """
    draw = np.random.default_rng(seed)
    numbers = [_roll(draw, samples, side, channels, size, flicker) for _ in range(count)]
    index = pd.DataFrame(
        {
            "dataset": "toy",
            "split": "train",
            "clip": "c1",
            "track": pd.array([pd.NA] * count, dtype="Int32"),
            "start_frame": 3.0 * np.arange(count),
            "step": 3.0,
            "length": samples,
            "missing": 0,
            "label": pd.array(np.zeros(count, dtype=np.int8), dtype="Int8"),
            "person_label": pd.array([pd.NA] * count, dtype="Int8"),
            "film": numbers,
        }
    )
    values = np.zeros((count, 1, samples, 1), dtype=np.float32)
    return Windows(index, values, (FRAME,), FRAME, read, (channels, side, side))


def read(row: pd.Series) -> Pixels:
    """The frames of one window."""
    return ROLLS[row["film"]]


def without(found: Windows) -> Windows:
    """The same windows with no frames to give."""
    return replace(found, reader=None, picture=())


def _roll(draw: np.random.Generator, samples: int, side: int, channels: int, size: int, flicker: float) -> int:
    floor = 0.3 + 0.1 * np.sin(np.arange(side)[:, None] / 2) * np.cos(np.arange(side)[None] / 3)
    film = np.repeat(floor[None], samples, axis=0) + draw.normal(0, 0.01, (samples, side, side))
    room = side - size - samples
    x, y = int(draw.integers(0, max(room, 1))), int(draw.integers(0, side - size))
    for sample in range(samples):  # a px a sample, to the right
        film[sample, y : y + size, x + sample : x + sample + size] = 0.9
    film += flicker * draw.uniform(-1, 1, (samples, 1, 1))
    number = len(ROLLS)
    ROLLS[number] = np.repeat((film.clip(0, 1) * 255).astype(np.uint8)[:, None], channels, axis=1)
    return number
