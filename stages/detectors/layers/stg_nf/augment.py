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
from stages.detectors.layers.flow import Standardize

CHUNK = 65536
"""Windows whose moments are taken at a time."""
LEAST = 0.01
"""The least deviation of a joint, in standard deviations of y: joints that never move are not blown up."""


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

        self._joints = torch.tensor(order, device=device)
        self._standard: tuple[Tensor, Tensor] | None = None

    def __len__(self) -> int:
        return len(self.poses) * self.copies

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation of each joint's channels, copies included, `(C, V)`; no deviation is below `LEAST`."""
        count = self.poses.shape[0] * self.poses.shape[2]
        first, second = (torch.zeros(self.poses.shape[1::2], dtype=torch.float64) for _ in range(2))
        for part in torch.split(self.poses, CHUNK):
            first += part.sum(dim=(0, 2), dtype=torch.float64).cpu() / count
            second += part.square().sum(dim=(0, 2), dtype=torch.float64).cpu() / count
        if self.copies == 2:
            signs, joints = self._signs.view(self.poses.shape[1:])[:, 0, :1].cpu(), self._joints.cpu()
            first, second = (first + signs * first[:, joints]) / 2, (second + second[:, joints]) / 2
        return first.float(), (second - first.square()).clamp_(min=LEAST**2).sqrt().float()

    def standardize(self, front: Standardize | None) -> None:
        """Let `columns` give windows as they leave this layer."""
        if front is not None:
            shape = (1, *self.poses.shape[1:])
            scale = (1 / front.deviation).expand(shape).reshape(-1, 1).contiguous()
            shift = (-front.mean / front.deviation).expand(shape).reshape(-1, 1).contiguous()
            self._standard = scale, shift

    def take(self, rows: Tensor) -> Tensor:
        """A batch, `(rows, C, T, V)`."""
        return self.columns(rows).t().reshape(len(rows), *self.poses.shape[1:])

    def columns(self, rows: Tensor) -> Tensor:
        """A batch lying the other way, `(C · T · V, rows)`, contiguous; standardized where that was asked for."""
        taken = self._columns_of(rows)
        return taken if self._standard is None else torch.addcmul(self._standard[1], taken, self._standard[0])

    def _columns_of(self, rows: Tensor) -> Tensor:
        flat = self.poses.flatten(1)
        if rows.device.type == "cpu" and flat.dtype == torch.float32:
            from stages.detectors.layers.stg_nf import couple_cpu
            from stages.detectors.layers.stg_nf.compiled import run

            out = flat.new_empty(flat.shape[1], len(rows))
            run(couple_cpu.gather, -(-len(rows) // couple_cpu.CHUNK), flat, rows, self._columns, self._signs, out)
            return out
        taken = flat[rows % len(flat)].t().contiguous()
        return torch.where(rows >= len(flat), taken[self._columns] * self._signs[:, None], taken)
