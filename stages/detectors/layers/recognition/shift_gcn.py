"""Shift-GCN: channels are moved between joints and samples, and 1×1 convolutions do the rest.

Source: Cheng, Zhang, He, Chen, Cheng and Lu, "Skeleton-Based Action Recognition with Shift Graph Convolutional
Network", CVPR 2020, section 3: the non-local spatial shift, the adaptive mask, the adaptive temporal shift.

Published size, with V joints, C channels, K classes: 2CV for the data's normalization; per block from i to o channels
io + o + iV + 2oV (convolution, mask and normalization over joints), io + 3o around it where i is not o;
2o + o + o² + o + o + 2o (over time: normalization, shifts, convolution, shifts, normalization), and io + 3o where the
block's shortcut changes the shape; 256K + K. That is 647,396 for C = 3, V = 18, K = 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stages.detectors.layers.recognition.blocks import Network, Plan, plans, shortcut
from stages.detectors.layers.recognition.params import RecogniserParams
from stages.detectors.layers.recognition.skeletons import Task


def build(task: Task, params: RecogniserParams) -> Network:
    """The network with fresh weights; the first block has no residual."""
    sizes = plans(len(task.channels), params.width, params.depth)
    blocks = [Block(plan, len(task.layout), residual=number > 0) for number, plan in enumerate(sizes)]
    return Network(task, blocks, sizes[-1].outputs, dropout=params.dropout)


def shift_index(joints: int, channels: int, direction: int) -> Tensor:
    """Where each value of a flattened `(joints, channels)` comes from, `(joints × channels,)`.

    Channel j comes from j joints further on, around the end: `(iC + j + jC) mod CV` for joint i; with direction -1,
    which undoes it, `(iC + j - jC) mod CV`.
    """
    i, j = torch.arange(joints)[:, None], torch.arange(channels)
    return ((i * channels + j + direction * j * channels) % (channels * joints)).flatten()


class SpatialShift(nn.Module):
    """Shift, 1×1 convolution, shift back; each joint then has seen every other (section 3.2).

    Args:
        inputs: channels in.
        outputs: channels out.
        joints: V.
    """

    out: Tensor
    back: Tensor

    def __init__(self, inputs: int, outputs: int, joints: int) -> None:
        super().__init__()
        self.register_buffer("out", shift_index(joints, inputs, 1), persistent=False)
        self.register_buffer("back", shift_index(joints, outputs, -1), persistent=False)
        self.mask = nn.Parameter(torch.zeros(joints, inputs))
        self.point = nn.Linear(inputs, outputs)
        self.norm = nn.BatchNorm1d(joints * outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, inputs, T, V)` to `(N, outputs, T, V)`."""
        count, _, samples, joints = x.shape
        h = x.permute(0, 2, 3, 1).flatten(0, 1).flatten(1)  # (NT, V × inputs)
        h = h.index_select(1, self.out).view(-1, joints, self.point.in_features) * (torch.tanh(self.mask) + 1)
        h = self.norm(self.point(h).flatten(1).index_select(1, self.back))
        shifted: Tensor = h.view(count, samples, joints, self.point.out_features).permute(0, 3, 1, 2)
        return shifted.contiguous()


class TemporalShift(nn.Module):
    """Each channel moved in time by a learned number of samples, not whole ones; outside the window is zero.

    A value between two samples is interpolated linearly (section 3.3), so that the gradient with respect to a shift is
    the difference of the two.

    Args:
        channels: C.
        stride: samples from one that is given to the next.
    """

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.shifts = nn.Parameter(torch.empty(channels).uniform_(-1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, C, T, V)` to `(N, C, ⌈T / stride⌉, V)`."""
        samples = torch.arange(x.shape[2], device=x.device)
        places = samples[:: self.stride] + self.shifts[:, None]  # (C, T')
        # A matrix of weights, two of them not zero in each row: on a CPU four times as fast as picking the two.
        weights = torch.relu(1 - (places[..., None] - samples).abs())
        return torch.einsum("cts,ncsv->nctv", weights, x)


class Block(nn.Module):
    """Over joints, with a shortcut of its own, then over time, plus the shortcut around both.

    Args:
        plan: the block's size.
        joints: V.
        residual: whether there is a shortcut around both.
    """

    def __init__(self, plan: Plan, joints: int, *, residual: bool) -> None:
        super().__init__()
        self.space = SpatialShift(plan.inputs, plan.outputs, joints)
        self.around_space = shortcut(plan._replace(stride=1))
        self.time = nn.Sequential(
            nn.BatchNorm2d(plan.outputs),
            TemporalShift(plan.outputs),
            nn.Conv2d(plan.outputs, plan.outputs, 1),
            nn.ReLU(),
            TemporalShift(plan.outputs, plan.stride),
            nn.BatchNorm2d(plan.outputs),
        )
        self.shortcut = shortcut(plan) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, inputs, T, V)` to `(N, outputs, ⌈T / stride⌉, V)`."""
        h: Tensor = self.time(torch.relu(self.space(x) + self.around_space(x)))
        return torch.relu(h if self.shortcut is None else h + self.shortcut(x))
