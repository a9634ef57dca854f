"""ST-GCN: graph convolution over joints, convolution over time, ten times.

Source: Yan, Xiong and Lin, "Spatial Temporal Graph Convolutional Networks for Skeleton-Based Action Recognition",
AAAI 2018, sections 3.2 to 3.6 and 4.1.

Published size, with V joints, C channels, K classes: 2CV for the data's normalization; per block from i to o channels
3io + 3o (graph convolution), 3V² (importance of edges), 9o² + o (over time), 4o (two normalizations), and io + 3o where
a shortcut changes the shape; 256K + K. That is 3,074,854 for C = 3, V = 18, K = 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stages.detectors.layers.graph import adjacency
from stages.detectors.layers.recognition.blocks import Network, Plan, buffer, plans, shortcut, temporal
from stages.detectors.layers.recognition.params import RecogniserParams
from stages.detectors.layers.recognition.skeletons import Task
from stages.detectors.layers.stgcn import GraphConvolution


def build(task: Task, params: RecogniserParams) -> Network:
    """The network with fresh weights; the first block has no residual."""
    graph = buffer(adjacency(task.layout, "spatial", 1))
    sizes = plans(len(task.channels), params.width, params.depth)
    blocks = [Block(plan, graph, params.dropout, residual=number > 0) for number, plan in enumerate(sizes)]
    return Network(task, blocks, sizes[-1].outputs)


class WeighedGraph(GraphConvolution):
    """A graph convolution whose every edge is multiplied by a learned importance, 1 at first (section 3.6).

    Args:
        inputs: channels in.
        outputs: channels out.
        adjacency: see `GraphConvolution`.
    """

    def __init__(self, inputs: int, outputs: int, adjacency: Tensor) -> None:
        super().__init__(inputs, outputs, adjacency)
        self.importance = nn.Parameter(torch.ones_like(adjacency))

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, inputs, T, V)` to `(N, outputs, T, V)`."""
        h = self.conv(x).unflatten(1, (len(self.adjacency), -1))  # (N, K, outputs, T, V)
        return torch.einsum("nkctv,kvw->nctw", h, self.adjacency * self.importance)


class Block(nn.Module):
    """Over joints, then over time, plus the shortcut.

    Args:
        plan: the block's size.
        graph: `(3, V, V)`, of the spatial partition.
        dropout: share of values set to zero while training.
        residual: whether there is a shortcut.
    """

    def __init__(self, plan: Plan, graph: Tensor, dropout: float, *, residual: bool) -> None:
        super().__init__()
        self.graph = WeighedGraph(plan.inputs, plan.outputs, graph)
        self.time = nn.Sequential(
            nn.BatchNorm2d(plan.outputs),
            nn.ReLU(),
            temporal(plan.outputs, plan.stride),
            nn.BatchNorm2d(plan.outputs),
            nn.Dropout(dropout),
        )
        self.shortcut = shortcut(plan) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, inputs, T, V)` to `(N, outputs, ⌈T / stride⌉, V)`."""
        h: Tensor = self.time(self.graph(x))
        return torch.relu(h if self.shortcut is None else h + self.shortcut(x))
