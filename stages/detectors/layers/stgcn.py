"""Spatial-temporal graph convolution of poses.

Source: Yan, Xiong and Lin, "Spatial Temporal Graph Convolutional Networks for Skeleton-Based Action Recognition"
(ST-GCN), AAAI 2018, section 3, in the layout of the released STG-NF.

Where every joint sees every other with the same weight, the graph convolution gives all joints the same value. Such
tensors carry one joint in place of V, exactly: 1×1 convolutions commute with the average, and statistics over equal
joints are statistics over time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class PointConv(nn.Conv2d):
    """A 1×1 convolution. From a single channel it is one multiplication, twice as fast as the general kernel.

    Args:
        inputs: channels in.
        outputs: channels out.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, inputs, T, V)` to `(N, outputs, T, V)`."""
        if self.in_channels > 1 or self.bias is None:
            return super().forward(x)
        return x * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


class GraphConvolution(nn.Module):
    """A 1×1 convolution per adjacency matrix, then each joint's weighted sum over the joints that reach it.

    Args:
        inputs: channels in.
        outputs: channels out.
        adjacency: `(K, V, V)` float32; columns of the sum over K add up to 1.
    """

    adjacency: Tensor

    def __init__(self, inputs: int, outputs: int, adjacency: Tensor) -> None:
        super().__init__()
        self.conv = PointConv(inputs, outputs * len(adjacency))
        self.register_buffer("adjacency", adjacency, persistent=False)
        self.pools = len(adjacency) == 1 and bool((adjacency == adjacency[..., :1]).all())

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, inputs, T, V)` to `(N, outputs, T, V)`, or `(N, outputs, T, 1)` where all joints are equal."""
        if self.pools:
            pooled = x if x.shape[-1] == 1 else x @ self.adjacency[0, :, :1]
            result: Tensor = self.conv(pooled)  # (N, outputs, T, 1)
            return result
        h = self.conv(x).unflatten(1, (len(self.adjacency), -1))  # (N, K, outputs, T, V)
        return torch.einsum("nkctv,kvw->nctw", h, self.adjacency)


class JointNorm(nn.BatchNorm2d):
    """Batch normalization over windows, time and joints, where one joint may stand for `joints` equal ones.

    Only the running variance tells the two apart: it is the unbiased estimate, which depends on the count.

    Args:
        channels: C.
        joints: V.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, channels: int, joints: int) -> None:
        super().__init__(channels)
        self.joints = joints

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `(N, C, T, V)` or `(N, C, T, 1)`."""
        copies = self.joints // x.shape[-1]
        if not self.training or copies == 1:
            return super().forward(x)
        self._track(x.detach(), x.numel() // x.shape[1] * copies)
        return functional.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)

    def _track(self, x: Tensor, count: int) -> None:
        variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
        momentum = self.momentum or 0.0
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance * count / (count - 1), momentum)
        self.num_batches_tracked.add_(1)


class StGcn(nn.Module):
    """One block: over joints, then over time, plus a residual, then ReLU.

    Args:
        inputs: channels in.
        outputs: channels out.
        adjacency: see `GraphConvolution`.
        kernel: samples the temporal convolution spans, odd.
        residual: whether the input, through its own 1×1 convolution, is added.
    """

    def __init__(self, inputs: int, outputs: int, adjacency: Tensor, kernel: int, *, residual: bool) -> None:
        super().__init__()
        joints = adjacency.shape[-1]
        self.gcn = GraphConvolution(inputs, outputs, adjacency)
        self.tcn = nn.Sequential(
            JointNorm(outputs, joints),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, (kernel, 1), padding=((kernel - 1) // 2, 0)),
            JointNorm(outputs, joints),
        )
        self.residual = nn.Sequential(PointConv(inputs, outputs), JointNorm(outputs, joints)) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, inputs, T, V)` to `(N, outputs, T, V)`, or `(N, outputs, T, 1)` where all joints are equal."""
        h: Tensor = self.tcn(self.gcn(x))
        if self.residual is not None:
            h = h + self.residual(x)
        return torch.relu(h)


def st_gcn(channels: Sequence[int], adjacency: Tensor, kernel: int, *, first_residual: bool) -> nn.Sequential:
    """Blocks in a row, from `channels[0]` over `channels[1]` to the last.

    Args:
        channels: channels between the blocks, ends included.
        adjacency: see `GraphConvolution`.
        kernel: see `StGcn`.
        first_residual: whether the first block has a residual; the others do.
    """
    blocks = [
        StGcn(inputs, outputs, adjacency, kernel, residual=first_residual or number > 0)
        for number, (inputs, outputs) in enumerate(pairwise(channels))
    ]
    return nn.Sequential(*blocks)
