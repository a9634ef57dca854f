"""The five views of a window that GEPC trains on and scores, and batches of them.

Source: Markovitz et al., "Graph Embedded Pose Clustering for Anomaly Detection" (GEPC), CVPR 2020, as released:
identity, mirrored, rotated by 90°, by 90° and mirrored, by 45°. They are linear maps of x and y, so they commute with
every normalization that treats x and y alike.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from stages.core.windows import Windows

_R = 0.5**0.5
PUBLISHED = (
    ((1.0, 0.0), (0.0, 1.0)),
    ((-1.0, 0.0), (0.0, 1.0)),
    ((0.0, -1.0), (1.0, 0.0)),
    ((0.0, 1.0), (1.0, 0.0)),
    ((_R, -_R), (_R, _R)),
)
"""By map, what x and y become, as rows of a matrix."""
MAPS = {"published": PUBLISHED, "none": PUBLISHED[:1]}
"""By the params' names."""


class Views:
    """Windows under each map: row r is window r mod N under map r // N.

    Args:
        windows: held once, on `device`. Their first two channels are x and y.
        transforms: a name of `MAPS`.
        device: of the batches.
    """

    def __init__(self, windows: Windows, transforms: str, device: torch.device) -> None:
        with warnings.catch_warnings():
            # Tables are read-only, and nothing is written here.
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            self._poses = torch.from_numpy(np.ascontiguousarray(windows.poses)).to(device)
        self.windows = len(windows)
        self.maps = len(MAPS[transforms])
        self._matrices = torch.tensor(MAPS[transforms], device=device)

    def __len__(self) -> int:
        return self.windows * self.maps

    def take(self, rows: Tensor) -> Tensor:
        """A batch, `(rows, C, T, V)`."""
        taken = self._poses[rows % self.windows]
        if self.maps == 1:
            return taken
        turned = torch.einsum("nij,njtv->nitv", self._matrices[rows // self.windows], taken[:, :2])
        return torch.cat([turned, taken[:, 2:]], dim=1)

    def mean(self, values: Tensor) -> Tensor:
        """Mean over the maps of one value per row, `(N,)`.

        The released code averages five windows in a row in place of one window's five views.
        """
        return values.view(self.maps, self.windows, *values.shape[1:]).mean(dim=0)
