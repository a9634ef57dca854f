"""Per-window normalization: place and size go, posture and motion stay.

Source: Hirschorn and Avidan, "Normalizing Flows for Human Pose Anomaly Detection" (STG-NF), ICCV 2023, section 4,
and the released configuration: both coordinates are divided by the standard deviation of y alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from stages.core.params import Section


class NormalizationParams(Section):
    """How a window's values become comparable.

    Args:
        frame_size: `(width, height)` in px that x and y are divided by first; it only changes the body's aspect.
            Null keeps pixels square. The released STG-NF uses (856, 480) whatever the video.
        confidence: append the joints' confidence as a third channel, untouched.
    """

    frame_size: tuple[float, float] | None = None
    confidence: bool = False

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the C channels of a normalized window."""
        return ("x", "y", "confidence") if self.confidence else ("x", "y")


class NormalizeParams(Section):
    """The `normalize` section.

    Args:
        least_std: windows whose standard deviation of y is smaller (px) are no people; they are dropped and counted.
    """

    least_std: float = Field(default=1.0, gt=0)


def spread(keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
    """Standard deviation of y over a window's samples and joints, in px.

    Args:
        keypoints: `(N, T, V, ≥ 2)` px.

    Returns:
        `(N,)` px.
    """
    return np.asarray(keypoints[..., 1].std(axis=(1, 2)))


def normalize(keypoints: NDArray[np.float32], params: NormalizationParams) -> NDArray[np.float32]:
    """Centre each window on its mean over samples and joints and divide both coordinates by the deviation of y.

    Args:
        keypoints: `(N, T, V, 3)`: x, y in px, confidence. `spread` must be positive for every window.
        params: see `NormalizationParams`.

    Returns:
        `(N, C, T, V)` float32, in standard deviations of y.
    """
    size = np.asarray(params.frame_size or (1.0, 1.0), dtype=np.float32)
    places = keypoints[..., :2] / size
    places = places - places.mean(axis=(1, 2), keepdims=True)
    places = places / places[..., 1].std(axis=(1, 2))[:, None, None, None]
    values = np.concatenate([places, keypoints[..., 2:3]], axis=-1) if params.confidence else places
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2), dtype=np.float32)
