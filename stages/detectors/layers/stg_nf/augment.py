"""Training windows and their mirrored copies, taken batch by batch from one resident tensor.

Normalization commutes with mirroring: mirrored normalized windows are normalized mirrored ones.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stages.core.skeleton import layout as joint_layout
from stages.core.windows import Windows


def shared(poses: NDArray[np.float32]) -> Tensor:
    """The same memory as a tensor, for reading: tables are read-only, which torch warns about."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.ascontiguousarray(poses))


class Mirrored:
    """Windows 0 … N - 1, and from N on, where there are copies, the same ones mirrored left to right.

    Args:
        windows: not augmented; held once, on `device`.
        flip: `swap_joints`, `published` or `none`, see `StgNfParams`.
        device: of the batches.
    """

    def __init__(self, windows: Windows, flip: str, device: torch.device) -> None:
        self.poses = shared(windows.poses).to(device)
        self.copies = 1 if flip == "none" else 2
        _, channels, samples, joints = self.poses.shape
        order = joint_layout(windows.layout).mirror if flip == "swap_joints" else tuple(range(joints))
        place = torch.arange(channels * samples * joints).view(channels, samples, joints)
        signs = torch.tensor([-1.0 if name == "x" else 1.0 for name in windows.channels])
        self._columns = place[..., list(order)].flatten().to(device)
        self._signs = signs.repeat_interleave(samples * joints).to(device)

    def __len__(self) -> int:
        return len(self.poses) * self.copies

    def take(self, rows: Tensor) -> Tensor:
        """A batch, `(rows, C, T, V)`."""
        return self.columns(rows).t().reshape(len(rows), *self.poses.shape[1:])

    def columns(self, rows: Tensor) -> Tensor:
        """A batch lying the other way, `(C · T · V, rows)`, contiguous."""
        flat = self.poses.flatten(1)
        if rows.device.type == "cpu" and flat.dtype == torch.float32:
            from stages.detectors.layers.stg_nf import couple_cpu
            from stages.detectors.layers.stg_nf.compiled import run

            out = flat.new_empty(flat.shape[1], len(rows))
            run(couple_cpu.gather, -(-len(rows) // couple_cpu.CHUNK), flat, rows, self._columns, self._signs, out)
            return out
        taken = flat[rows % len(flat)].t().contiguous()
        return torch.where(rows >= len(flat), taken[self._columns] * self._signs[:, None], taken)
