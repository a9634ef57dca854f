"""Per-window normalization: place and size go, posture and motion stay.

Source: Hirschorn and Avidan, "Normalizing Flows for Human Pose Anomaly Detection" (STG-NF), ICCV 2023, section 4,
and the released configuration: both coordinates are divided by the standard deviation of y alone. Markovitz et al.,
"Graph Embedded Pose Clustering" (GEPC), CVPR 2020, keeps the size in half frames; Morais et al., "Learning Regularity
in Skeleton Trajectories" (MPED-RNN), CVPR 2019, keeps pixels.
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from stages.core.errors import DatasetError, SchemaError
from stages.core.params import Section
from stages.core.skeleton import Layout


class NormalizationParams(Section):
    """How a window's values become comparable.

    Args:
        frame_size: `(width, height)` in px that x and y are divided by first; it only changes the body's aspect.
            Null keeps pixels square. The released STG-NF and GEPC use (856, 480) whatever the video. Not for xyz.
        centre: subtract the window's mean over samples and joints.
        scale: `deviation`: divide all coordinates by the standard deviation of y, so that near and far people are
            alike. `half_frame`: keep the size, in halves of the frame (GEPC as released); needs a frame size. `none`:
            as they come.
        neck: whether the neck, which is made of the shoulders, counts in mean and deviation. False is GEPC as released.
        confidence: append the joints' confidence as the last channel, untouched.
    """

    frame_size: tuple[float, float] | None = None
    centre: bool = True
    scale: Literal["deviation", "half_frame", "none"] = "deviation"
    neck: bool = True
    confidence: bool = False

    @model_validator(mode="after")
    def _of_a_frame(self) -> Self:
        if self.scale == "half_frame" and self.frame_size is None:
            raise ValueError("scale half_frame needs a frame_size, e.g. [856, 480]")
        return self

    def channels(self, coordinates: str = "xy") -> tuple[str, ...]:
        """Names of the C channels of a normalized window whose coordinates are `xy` or `xyz`."""
        return (*coordinates, "confidence") if self.confidence else tuple(coordinates)

    def unit(self, units: str) -> str:
        """Unit of normalized coordinates that were in `units`."""
        if self.scale == "deviation":
            return "standard deviations of y"
        if self.scale == "half_frame":
            return "half frames"
        return units if self.frame_size is None else "frames"


class NormalizeParams(Section):
    """The `normalize` section.

    Args:
        least_std: windows whose standard deviation of y is smaller (px) are no people; they are dropped and counted.
        least_std_metres: the same for poses whose unit is the metre.
    """

    least_std: float = Field(default=1.0, gt=0)
    least_std_metres: float = Field(default=0.01, gt=0)

    def least(self, units: str) -> float:
        """The limit for poses in `px` or `m`.

        Raises:
            SchemaError: another unit.
        """
        limits = {"px": self.least_std, "m": self.least_std_metres}
        if units not in limits:
            raise SchemaError(f"poses in {units!r}; known units are {', '.join(limits)}", fix="import them in px or m")
        return limits[units]


def spread(keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
    """Standard deviation of y over a window's samples and joints.

    Args:
        keypoints: `(N, T, V, ≥ 2)` px or m.

    Returns:
        `(N,)`, in the same unit.
    """
    return np.asarray(keypoints[..., 1].std(axis=(1, 2)))


def normalize_people(
    keypoints: NDArray[np.float32], params: NormalizationParams, least: float, joints: Layout
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Normalize the windows that can show a person.

    Args:
        keypoints: `(N, T, V, D + 1)`, as of `normalize`.
        params: see `NormalizationParams`.
        least: smallest `spread` of a person, in the keypoints' unit; see `NormalizeParams.least`.
        joints: layout of the V joints.

    Returns:
        Which windows are kept, `(N,)`, and the values of those, as of `normalize`.

    Raises:
        DatasetError: as `normalize`.
    """
    keep = spread(keypoints) >= least
    return keep, normalize(keypoints[keep], params, joints)


def normalize(keypoints: NDArray[np.float32], params: NormalizationParams, joints: Layout) -> NDArray[np.float32]:
    """Centre each window on its mean over samples and joints and divide all coordinates by the deviation of y.

    Args:
        keypoints: `(N, T, V, D + 1)`: D = 2 coordinates in px, or 3 in px or m; confidence. `spread` must be positive
            for every window.
        params: see `NormalizationParams`; says otherwise where the published detectors do.
        joints: layout of the V joints.

    Returns:
        `(N, C, T, V)` float32, in the unit of `NormalizationParams.unit`.

    Raises:
        DatasetError: a frame size is given for three coordinates.
    """
    places = keypoints[..., :-1]
    if params.frame_size is not None:
        if places.shape[-1] != len(params.frame_size):
            raise DatasetError(
                "the window spec divides by a frame size, and these poses have x, y and z",
                fix="give them a window spec with `normalization: {frame_size: null}`",
            )
        places = np.asarray(places / np.asarray(params.frame_size, dtype=np.float32))
    if params.scale == "half_frame":
        places = 2 * places - 1
    counted = places
    if not params.neck:
        counted = places[..., [number for number, name in enumerate(joints.joints) if name != "neck"], :]
    deviation = counted[..., 1].std(axis=(1, 2))[:, None, None, None]
    if params.centre:
        places = places - counted.mean(axis=(1, 2), keepdims=True)
    if params.scale == "deviation":
        places = places / deviation
    values = np.concatenate([places, keypoints[..., -1:]], axis=-1) if params.confidence else places
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2), dtype=np.float32)
