"""MS-G3D: joints at every distance at once, over the skeleton and over windows of a few samples of it.

Source: Liu, Zhang, Chen, Wang and Ouyang, "Disentangling and Unifying Graph Convolutions for Skeleton-Based Action
Recognition", CVPR 2020, sections 3.2 to 3.5 and 4.2: three blocks of 96, 192 and 384 channels; twelve scales over the
skeleton, five over windows of three and of five samples.

The paper leaves open how wide the layers within a block are. Here the block widens in its first temporal layer, and
windows are seen through half of its channels; the first block, which has a few channels to begin with, does neither.
Of the ways to do it this one comes nearest to the 3.2 million weights that the paper states for NTU RGB+D.

Published size, with V joints, C channels, K classes: 2CV for the data's normalization; per block from i to o channels,
with g = i and e = o / 2, or both o in the first block,

* over the skeleton: 13(V² + ig) + 3g, a temporal layer from g to o and one from o to o;
* over windows of τ = 3 and of τ = 5: ie + e to narrow, with which i becomes e, but not in the first block; then
  6((τV)² + ie) + 3e; τeo + 3o to gather the samples;
* after the sum one temporal layer from o to o;

a temporal layer from i to o, with b = o / 6, having 6(ib + b) + 4(3b² + b) + 22b, and io + 3o where the shortcut
changes the shape; 384K + K. That is 3,068,858 for C = 3, V = 18, K = 2, and 3,287,181 for NTU RGB+D 60.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.detectors.layers.graph import hops
from stages.detectors.layers.recognition.blocks import Network, Plan, buffer, scaled, shortcut
from stages.detectors.layers.recognition.params import RecogniserParams
from stages.detectors.layers.recognition.skeletons import Task, disentangled, window_hops

CHANNELS = (96, 192, 384)
DILATIONS = (1, 2, 3, 4)
BRANCHES = len(DILATIONS) + 2
"""Of a temporal layer: one per dilation, one that takes maxima, one that looks at single samples."""
NOISE = 1e-6
"""Largest learned change of an edge, at first."""


def build(task: Task, params: RecogniserParams, scales: int, window_scales: int, spans: Sequence[int]) -> Network:
    """The network with fresh weights.

    Args:
        task: see `Task`.
        params: see `RecogniserParams`.
        scales: largest hop over the skeleton.
        window_scales: largest hop over windows.
        spans: samples of each kind of window.
    """
    distance = hops(task.layout)
    skeleton = buffer(disentangled(distance, scales))
    windows = [buffer(disentangled(window_hops(distance, span), window_scales)) for span in spans]
    widths = [len(task.channels), *(scaled(size, params.width, 2 * BRANCHES) for size in CHANNELS[: params.depth])]
    blocks = [
        Block(Plan(inputs, outputs, 2 if number else 1), skeleton, windows, first=not number)
        for number, (inputs, outputs) in enumerate(pairwise(widths))
    ]
    return Network(task, blocks, widths[-1], dropout=params.dropout)


class MultiScaleGraph(nn.Module):
    """Every node's neighbours at each distance, each with weights of their own (equation 4, section 3.5).

    Args:
        inputs: channels in.
        outputs: channels out.
        adjacency: `(K, M, M)`, see `disentangled`; what is learned is added to it.
    """

    adjacency: Tensor

    def __init__(self, inputs: int, outputs: int, adjacency: Tensor) -> None:
        super().__init__()
        self.register_buffer("adjacency", adjacency, persistent=False)
        self.learned = nn.Parameter(torch.empty_like(adjacency).uniform_(-NOISE, NOISE))
        self.point = nn.Sequential(
            nn.Conv2d(len(adjacency) * inputs, outputs, 1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, inputs, T, M)` to `(N, outputs, T, M)`."""
        result: Tensor = self.point(torch.einsum("nctv,kvw->nkctw", x, self.adjacency + self.learned).flatten(1, 2))
        return result


class WindowGraph(nn.Module):
    """Graph convolution over windows of τ samples around each one, which are then gathered into it (section 3.3).

    Args:
        plan: the size.
        narrow: whether half of the channels out are enough in between.
        adjacency: `(K, τV, τV)`, of a window.
        joints: V.
    """

    def __init__(self, plan: Plan, adjacency: Tensor, joints: int, *, narrow: bool) -> None:
        super().__init__()
        self.samples, self.stride = adjacency.shape[-1] // joints, plan.stride
        inner = plan.outputs // 2 if narrow else plan.outputs
        self.narrow = nn.Conv2d(plan.inputs, inner, 1) if narrow else nn.Identity()
        self.graph = MultiScaleGraph(inner if narrow else plan.inputs, inner, adjacency)
        self.gather = nn.Sequential(nn.Conv3d(inner, plan.outputs, (1, self.samples, 1)), nn.BatchNorm3d(plan.outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, inputs, T, V)` to `(N, outputs, ⌈T / stride⌉, V)`; outside the window is zero."""
        half = self.samples // 2
        windows = functional.pad(self.narrow(x), (0, 0, half, half)).unfold(
            2, self.samples, self.stride
        )  # (N, C, T', V, τ)
        h = self.graph(windows.transpose(3, 4).flatten(3))  # (N, C', T', τV)
        gathered: Tensor = self.gather(h.unflatten(3, (self.samples, -1)))
        return gathered.squeeze(3)


class MultiScaleTime(nn.Module):
    """Six narrow branches side by side, plus the shortcut (section 3.4, figure 3c).

    Args:
        plan: the size; channels out a multiple of six.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        narrow, stride = plan.outputs // BRANCHES, (plan.stride, 1)

        def narrowed(step: tuple[int, int] = (1, 1)) -> list[nn.Module]:
            return [nn.Conv2d(plan.inputs, narrow, 1, step), nn.BatchNorm2d(narrow)]

        def spanning(dilation: int) -> nn.Module:
            return nn.Conv2d(narrow, narrow, (3, 1), stride, (dilation, 0), (dilation, 1))

        over = [spanning(dilation) for dilation in DILATIONS] + [nn.MaxPool2d((3, 1), stride, (1, 0))]
        wide = [nn.Sequential(*narrowed(), nn.ReLU(inplace=True), layer, nn.BatchNorm2d(narrow)) for layer in over]
        self.branches = nn.ModuleList([*wide, nn.Sequential(*narrowed(stride))])
        self.shortcut = shortcut(plan)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, inputs, T, V)` to `(N, outputs, ⌈T / stride⌉, V)`; no ReLU."""
        joined: Tensor = torch.cat([branch(x) for branch in self.branches], dim=1) + self.shortcut(x)
        return joined


class Block(nn.Module):
    """The skeleton's way and the windows' ways, their sum, and once more over time (section 3.4, figure 3b).

    Args:
        plan: the block's size.
        skeleton: `(K, V, V)`.
        windows: `(K, τV, τV)` for each kind of window.
        first: whether the channels in are the data's.
    """

    def __init__(self, plan: Plan, skeleton: Tensor, windows: Sequence[Tensor], *, first: bool) -> None:
        super().__init__()
        joints, seen = skeleton.shape[-1], plan.outputs if first else plan.inputs
        level = Plan(plan.outputs, plan.outputs, 1)
        self.factorized = nn.Sequential(
            MultiScaleGraph(plan.inputs, seen, skeleton),
            MultiScaleTime(plan._replace(inputs=seen)),
            nn.ReLU(inplace=True),
            MultiScaleTime(level),
        )
        self.windows = nn.ModuleList([WindowGraph(plan, graph, joints, narrow=not first) for graph in windows])
        self.time = nn.Sequential(nn.ReLU(inplace=True), MultiScaleTime(level), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, inputs, T, V)` to `(N, outputs, ⌈T / stride⌉, V)`."""
        ways = [self.factorized(x), *(window(x) for window in self.windows)]
        result: Tensor = self.time(sum(ways[1:], ways[0]))
        return result
