"""Spatial-attention graph convolution: static, learned and inferred adjacency.

Source: Markovitz et al., "Graph Embedded Pose Clustering for Anomaly Detection" (GEPC), CVPR 2020, section 3.2 and
figure 3; sizes as in the released code: three matrices of each kind, inferred ones from embeddings a quarter as wide
as the output, not divided by the square root of their size.

All tensors lie channels last, `(N, T, V, C)`, as convolutions on a CPU want them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.detectors.layers.gepc.aggregation import aggregate

KINDS = 3
"""Static, learned and inferred adjacency."""
START = 1e-6
"""Of the learned adjacency: uniform, and small beside the static one."""
EMBEDDING = 4
"""How many times narrower than the output the embeddings are that adjacency is inferred from."""


class Point(nn.Conv2d):
    """A 1×1 convolution of `(N, T, V, inputs)` to `(N, T', V, outputs)`.

    Args:
        inputs: channels in.
        outputs: channels out.
        stride: takes every so manieth sample.
        bias: whether there is one.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, 1, (stride, 1), bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        taken = x if self.stride[0] == 1 else x[:, :: self.stride[0]]
        return functional.linear(taken, self.weight[:, :, 0, 0], self.bias)


class Norm(nn.BatchNorm1d):
    """Batch normalization of `(N, T, V, C)` over all but the channels."""

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return super().forward(x.reshape(-1, x.shape[-1])).view(x.shape)


class SpatialAttention(nn.Module):
    """SAGC, the paper's graph operator.

    Args:
        inputs: channels in.
        outputs: channels out, a multiple of 4.
        adjacency: `(K, V, V)` static matrices; there are K learned and K inferred ones too.
    """

    static: Tensor

    def __init__(self, inputs: int, outputs: int, adjacency: Tensor) -> None:
        super().__init__()
        subsets = len(adjacency)
        self.register_buffer("static", adjacency, persistent=False)
        self.learned = nn.Parameter(torch.full_like(adjacency, START))
        self.embed = Point(inputs, 2 * subsets * (outputs // EMBEDDING))
        # One kernel per matrix, kept as (kind, subset and channel, output): see `aggregate`.
        start = nn.Conv2d(inputs, KINDS * subsets * outputs, 1).weight.detach()
        self.mix = nn.Parameter(start.view(KINDS, subsets, outputs, inputs).transpose(2, 3).flatten(1, 2).contiguous())
        self.norm = Norm(KINDS * outputs)
        self.reduce = Point(KINDS * outputs, outputs, bias=False)
        self.residual = nn.Sequential(Point(inputs, outputs), Norm(outputs)) if inputs != outputs else nn.Identity()

    def inferred(self, x: Tensor) -> Tensor:
        """Each sample's own adjacency, `(N, K, V, V)`; columns add up to 1."""
        count, samples, joints, _ = x.shape
        subsets = len(self.static)
        embedded = self.embed(x).view(count, samples, joints, 2, subsets, -1)
        first, second = embedded.permute(3, 0, 4, 2, 1, 5).reshape(2, count, subsets, joints, -1)
        return torch.softmax(first @ second.mT, dim=-2)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, T, V, inputs)` to `(N, T, V, outputs)`."""
        fixed = torch.cat([self.static, self.learned]).expand(len(x), -1, -1, -1)
        adjacency = torch.cat([fixed, self.inferred(x)], dim=1)
        h = torch.relu(self.norm(aggregate(x, adjacency, self.mix)))
        reduced: Tensor = self.reduce(h) + self.residual(x)
        return reduced


class StaticGraph(nn.Module):
    """A graph convolution with static adjacency alone, as in ST-GCN: the paper's choice for very large data.

    Args:
        inputs: channels in.
        outputs: channels out.
        adjacency: `(K, V, V)`.
    """

    static: Tensor

    def __init__(self, inputs: int, outputs: int, adjacency: Tensor) -> None:
        super().__init__()
        self.register_buffer("static", adjacency, persistent=False)
        start = nn.Conv2d(inputs, len(adjacency) * outputs, 1)
        kernel = start.weight.detach().view(len(adjacency), outputs, inputs)
        self.mix = nn.Parameter(kernel.transpose(1, 2).reshape(1, -1, outputs).contiguous())
        self.bias = nn.Parameter(start.bias.detach().view(len(adjacency), outputs).clone())  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, T, V, inputs)` to `(N, T, V, outputs)`."""
        # A bias reaches a joint as often as its columns add up to.
        reached = self.static.sum(dim=1).mT @ self.bias
        return aggregate(x, self.static[None], self.mix) + reached
