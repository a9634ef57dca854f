"""What the recognisers' networks share: the frame around the blocks, the plan of ten blocks, shortcuts, bones.

Source: Yan, Xiong and Lin, "Spatial Temporal Graph Convolutional Networks" (ST-GCN), AAAI 2018, section 4.1, whose
network 2s-AGCN and Shift-GCN keep.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stages.detectors.layers.recognition.skeletons import Task

CHANNELS = (64, 128, 256)
"""Of the published networks' three stages."""
KERNEL = 9
"""Samples that a temporal convolution spans."""


class Plan(NamedTuple):
    """A block's size.

    Args:
        inputs: channels in.
        outputs: channels out.
        stride: samples from one that the block gives to the next.
    """

    inputs: int
    outputs: int
    stride: int


def plans(inputs: int, width: float, depth: int) -> list[Plan]:
    """Blocks of 64, 128 and 256 channels times `width`, four, three and three if all ten; those that widen halve time.

    Args:
        inputs: C.
        width: see `RecogniserParams`.
        depth: blocks in all, the earlier stages getting what cannot be shared evenly.
    """
    stages = np.array_split(np.arange(depth), len(CHANNELS))
    outputs = [scaled(size, width, 8) for size, blocks in zip(CHANNELS, stages, strict=True) for _ in blocks]
    first = [int(blocks[0]) for blocks in stages[1:] if len(blocks)]
    return [
        Plan(before, after, 2 if number in first else 1)
        for number, (before, after) in enumerate(pairwise([inputs, *outputs]))
    ]


def scaled(channels: int, width: float, multiple: int) -> int:
    """Channels times `width`, rounded to a multiple; at least one."""
    return multiple * max(1, round(channels * width / multiple))


class DataNorm(nn.Module):
    """Batch normalization of every channel of every joint, over windows and samples.

    Args:
        channels: C.
        joints: V.
    """

    def __init__(self, channels: int, joints: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(joints * channels)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `(N, C, T, V)`."""
        count, channels, samples, joints = x.shape
        h = self.norm(x.permute(0, 3, 1, 2).reshape(count, joints * channels, samples))
        result: Tensor = h.view(count, joints, channels, samples).permute(0, 2, 3, 1).contiguous()
        return result


class Network(nn.Module):
    """Windows in, one logit per class out.

    Args:
        task: see `Task`.
        blocks: map `(N, C, T, V)` to `(N, features, T', V)`.
        features: channels that the last block gives.
        dropout: share of features set to zero before the classifier while training.
        front: what is done to the windows first.
    """

    def __init__(
        self,
        task: Task,
        blocks: Iterable[nn.Module],
        features: int,
        *,
        dropout: float = 0.0,
        front: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.front = front or nn.Identity()
        self.norm = DataNorm(len(task.channels), len(task.layout))
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(features, task.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, C, T, V)` to logits `(N, K)`."""
        h: Tensor = self.blocks(self.norm(self.front(x)))
        logits: Tensor = self.classifier(self.dropout(h.mean(dim=(2, 3))))
        return logits


class Bones(nn.Module):
    """Each joint less its parent: a vector along the bone, of which the centre has none.

    Source: 2s-AGCN, section 3.5. What is no coordinate, such as confidence, stays the joint's own.

    Args:
        parents: `(V,)`, see `skeletons.parents`.
        channels: names of the C channels.
    """

    coordinates: Tensor
    parents: Tensor

    def __init__(self, parents: NDArray[np.int64], channels: Sequence[str]) -> None:
        super().__init__()
        coordinates = torch.tensor([float(name in ("x", "y", "z")) for name in channels])
        self.register_buffer("coordinates", coordinates.view(-1, 1, 1), persistent=False)
        self.register_buffer("parents", torch.from_numpy(parents), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map joints `(N, C, T, V)` to bones of the same shape."""
        return x - self.coordinates * x[..., self.parents]


def shortcut(plan: Plan) -> nn.Module:
    """A block's residual: its input as it is, or through a 1×1 convolution where the shape changes."""
    if plan.inputs == plan.outputs and plan.stride == 1:
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(plan.inputs, plan.outputs, 1, (plan.stride, 1)),
        nn.BatchNorm2d(plan.outputs),
    )


def temporal(channels: int, stride: int) -> nn.Conv2d:
    """A convolution over nine samples of each joint."""
    return nn.Conv2d(channels, channels, (KERNEL, 1), (stride, 1), (KERNEL // 2, 0))


def buffer(array: NDArray[np.float64]) -> Tensor:
    """A graph's matrices as the networks hold them."""
    return torch.from_numpy(array).float()
