"""2s-AGCN: ST-GCN whose graph is partly learned and partly read from each window.

Source: Shi, Zhang, Cheng and Lu, "Two-Stream Adaptive Graph Convolutional Networks for Skeleton-Based Action
Recognition", CVPR 2019, sections 3.3 to 3.5.

Published size of one stream, with V joints, C channels, K classes: 2CV for the data's normalization; per block from i
to o channels, with e = o / 4, 3(io + o) + 6(ie + e) (convolutions and embeddings), 3V² (the learned graph), 2o, and
io + 3o around the graph where i is not o; 9o² + 3o (over time); io + 3o where the block's shortcut changes the shape;
256K + K. That is 3,445,382 for C = 3, V = 18, K = 2. The papers' clips hold two people, normalized apart, and windows
one: of NTU RGB+D's 3,469,510 there are 3,469,360 here, and 2CV = 150 are the second's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stages.detectors.layers.graph import adjacency
from stages.detectors.layers.recognition.blocks import Bones, Network, Plan, buffer, plans, shortcut, temporal
from stages.detectors.layers.recognition.params import RecogniserParams
from stages.detectors.layers.recognition.skeletons import Task, parents
from stages.detectors.layers.stgcn import GraphConvolution, PointConv

START = 1e-6
"""Every edge of the learned graph, at first."""
EMBEDDING = 4
"""Channels out per channel of the embeddings that are compared."""


def build(task: Task, params: RecogniserParams, stream: str) -> Network:
    """One stream's network with fresh weights; the first block has no residual.

    Raises:
        TrainingError: the stream is `bone`, and not all joints have a way to the centre.
    """
    graph = buffer(adjacency(task.layout, "spatial", 1))
    sizes = plans(len(task.channels), params.width, params.depth)
    blocks = [Block(plan, graph, residual=number > 0) for number, plan in enumerate(sizes)]
    bones = Bones(parents(task.layout), task.channels) if stream == "bone" else None
    return Network(task, blocks, sizes[-1].outputs, dropout=params.dropout, front=bones)


class AdaptiveGraph(GraphConvolution):
    """A graph convolution along A + B + C: the skeleton, what is learned, what the window says (equation 3).

    Args:
        inputs: channels in.
        outputs: channels out.
        adjacency: see `GraphConvolution`.
    """

    def __init__(self, inputs: int, outputs: int, adjacency: Tensor) -> None:
        super().__init__(inputs, outputs, adjacency)
        embedded = len(adjacency) * (outputs // EMBEDDING)
        self.theta, self.phi = PointConv(inputs, embedded), PointConv(inputs, embedded)
        self.learned = nn.Parameter(torch.full_like(adjacency, START))

    def attention(self, x: Tensor) -> Tensor:
        """C of windows `(N, inputs, T, V)`: how alike joints move, `(N, K, V, V)`; columns add up to 1 (equation 4).

        The products are averaged where the equation adds them: over a window's samples and channels their sum would
        leave each joint a single other.
        """
        theta, phi = (part(x).unflatten(1, (len(self.adjacency), -1)) for part in (self.theta, self.phi))
        terms = theta.shape[2] * theta.shape[3]
        return torch.softmax(torch.einsum("nketv,nketw->nkvw", theta, phi) / terms, dim=-2)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, inputs, T, V)` to `(N, outputs, T, V)`."""
        h = self.conv(x).unflatten(1, (len(self.adjacency), -1))  # (N, K, outputs, T, V)
        return torch.einsum("nkctv,nkvw->nctw", h, self.adjacency + self.learned + self.attention(x))


class Block(nn.Module):
    """Over joints, with a shortcut of its own, then over time, plus the shortcut around both (section 3.4).

    Args:
        plan: the block's size.
        graph: `(3, V, V)`, of the spatial partition.
        residual: whether there is a shortcut around both.
    """

    def __init__(self, plan: Plan, graph: Tensor, *, residual: bool) -> None:
        super().__init__()
        self.graph = nn.Sequential(AdaptiveGraph(plan.inputs, plan.outputs, graph), nn.BatchNorm2d(plan.outputs))
        self.around_graph = shortcut(plan._replace(stride=1))
        self.time = nn.Sequential(temporal(plan.outputs, plan.stride), nn.BatchNorm2d(plan.outputs))
        self.shortcut = shortcut(plan) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, inputs, T, V)` to `(N, outputs, ⌈T / stride⌉, V)`."""
        h: Tensor = self.time(torch.relu(self.graph(x) + self.around_graph(x)))
        return torch.relu(h if self.shortcut is None else h + self.shortcut(x))
