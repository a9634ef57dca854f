"""Where in a frame a detector found fault: the errors of its pixels as a colour over the frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.show.overlay import Image, cv2_module
from stages.show.palette import Style, ramp

WIDTH = 360
"""Of one frame, px; the picture is two of them wide."""
GAP = 6
"""Between the two, px."""


@dataclass(frozen=True)
class ErrorPicture:
    """A clip's highest-scoring frame beside itself with its errors.

    Args:
        detector: whose errors.
        style: of its lines.
        frame: which frame of the clip.
        source: the picture as a data: URI.
        kind: what is labelled there; empty where the label has no kind, None where there is no label.
    """

    detector: str
    style: Style
    frame: int
    source: str
    kind: str | None


def scale_top(maps: NDArray[np.float32]) -> float:
    """The error that is drawn as strongest, the same for all of a detector's pictures: the 99.9 percentile.

    Args:
        maps: `(n, H, W)`, ≥ 0; n ≥ 1.
    """
    return max(float(np.percentile(maps, 99.9)), float(np.finfo(np.float32).tiny))


def draw_errors(image: Image, errors: NDArray[np.float32], top: float) -> Image:
    """A frame, and beside it the same frame in grey under its errors.

    Args:
        image: `(H, W, 3)` RGB.
        errors: of its pixels, of any size `(h, w)`, ≥ 0.
        top: error that is drawn as strongest.

    Returns:
        `(height, 2 · WIDTH + GAP, 3)` RGB; white between.
    """
    cv2 = cv2_module()
    size = (WIDTH, max(1, round(image.shape[0] * WIDTH / image.shape[1])))
    plain = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    share = np.clip(cv2.resize(errors, size, interpolation=cv2.INTER_LINEAR) / top, 0, 1)
    grey = plain.mean(axis=2, keepdims=True) * 0.8
    marked = grey * (1 - share[..., None]) + ramp(share) * share[..., None]
    between = np.full((size[1], GAP, 3), 255, dtype=np.uint8)
    return np.concatenate([plain, between, np.rint(marked).astype(np.uint8)], axis=1)
