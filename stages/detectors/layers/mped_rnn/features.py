"""What MPED-RNN reads: where a person's box is, and where the joints are within it, both scaled robustly.

Source: Morais et al., "Learning Regularity in Skeleton Trajectories for Anomaly Detection in Videos", CVPR 2019,
section 3.1: a joint's place is its place within the box, in widths and heights of the box, and the box's place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stages.core.errors import TrainingError
from stages.core.windows import Windows

BOX = 4
"""Numbers of a box: centre x, centre y, width, height."""
QUANTILES = (0.1, 0.9)
"""Between which a scaler measures how far values spread; MPED-RNN's."""


def refuse(windows: Windows) -> None:
    """Refuse windows that are not of x and y.

    Raises:
        TrainingError: they have other coordinates.
    """
    found = tuple(name for name in windows.channels if name != "confidence")
    if found != ("x", "y"):
        raise TrainingError(
            f"MPED-RNN reads x and y, as its paper has boxes in the picture; these windows have {', '.join(found)}",
            fix="run another detector on poses in three dimensions, e.g. knn or stg_nf",
        )


@dataclass(frozen=True)
class Features:
    """Windows taken apart.

    Args:
        seen: `(N, T, V)`, which joints there are to look at.
        places: `(N, T, 2, V)` joints in the windows' own coordinates and unit.
        box: `(N, T, 4)` centre x, centre y, width and height of the box around a sample's seen joints, in that unit.
        local: `(N, T, 2, V)` joints from the box's centre, in widths and heights: -½ … ½.

    All are 0 where nothing is seen.
    """

    seen: Tensor
    places: Tensor
    box: Tensor
    local: Tensor

    @classmethod
    def of(cls, poses: Tensor) -> Self:
        """Take windows `(N, C, T, V)` apart: x, y and maybe confidence, which is 0 where a joint is missing."""
        seen = poses[:, 2] > 0 if poses.shape[1] > 2 else torch.ones_like(poses[:, 0], dtype=torch.bool)
        each = seen[:, :, None]
        places = torch.where(each, poses[:, :2].transpose(1, 2), 0.0)
        far = torch.where(each, 0.0, torch.inf)
        low, high = (places + far).amin(dim=3), (places - far).amax(dim=3)
        box = torch.cat([(low + high) / 2, high - low], dim=2)
        box = torch.where(seen.any(dim=2, keepdim=True), box, 0.0)
        centre, size = box[..., :2, None], box[..., 2:, None]
        # A single seen joint is its box's centre, and the box has no size.
        local = torch.where(size > 0, (places - centre) / torch.where(size > 0, size, 1.0), 0.0)
        return cls(seen, places, box, torch.where(each, local, 0.0))

    @property
    def present(self) -> Tensor:
        """`(N, T)`, samples in which a joint is seen."""
        return self.seen.any(dim=2)


def joined(box: Tensor, local: Tensor) -> Tensor:
    """The way back: joints `(N, T, 2, V)` in the windows' own coordinates, of `Features.box` and `Features.local`."""
    return box[..., :2, None] + local * box[..., 2:, None]


class RobustScaler(nn.Module):
    """Values less their median over the distance between two quantiles, each feature for itself.

    The same as scikit-learn's `RobustScaler(quantile_range=(10, 90))` on values of which some are missing; a feature
    that never varies is not divided, and one never seen is left alone.

    Args:
        shape: of one row of features.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(shape))
        self.register_buffer("scale", torch.ones(shape))

    def fit(self, values: Tensor, seen: Tensor) -> None:
        """Measure rows `(…, *shape)` where `seen`, which broadcasts against them."""
        columns = values.reshape(-1, self.centre.numel())
        known = seen.expand_as(values).reshape(columns.shape)
        centre, scale = self.centre.view(-1), self.scale.view(-1)
        for number in range(columns.shape[1]):
            column = columns[:, number][known[:, number]].cpu().numpy()
            if len(column):
                low, middle, high = _quantiles(column)
                centre[number] = middle
                scale[number] = high - low if high - low > 10 * np.finfo(np.float32).eps else 1.0

    def forward(self, values: Tensor) -> Tensor:
        """Scaled values."""
        return (values - self.centre) / self.scale

    def inverse(self, scaled: Tensor) -> Tensor:
        """Values of scaled ones."""
        return scaled * self.scale + self.centre


def _quantiles(column: NDArray[np.float32]) -> tuple[float, float, float]:
    low, middle, high = np.quantile(column.astype(np.float64), [QUANTILES[0], 0.5, QUANTILES[1]])
    return float(low), float(middle), float(high)
