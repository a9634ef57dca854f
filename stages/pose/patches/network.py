"""ResNet-20, which sees pictures of 32 × 32 px and smaller.

Source: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2: n = 3, shortcuts
without parameters (option A). Published size with ten classes: 269,722.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

STAGES = (16, 32, 64)
"""Channels of the three stages; each but the first halves the picture."""
BLOCKS = 3
"""Per stage."""


class Block(nn.Module):
    """Two 3 × 3 convolutions and a shortcut that takes every other pixel and pads channels with zeros (option A).

    Args:
        inputs: channels in.
        outputs: channels out.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.stride = 1 if inputs == outputs else 2
        self.first = nn.Conv2d(inputs, outputs, 3, self.stride, 1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)])
        self.padding = outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        """Map `(n, inputs, h, w)` to `(n, outputs, ⌈h / stride⌉, ⌈w / stride⌉)`."""
        h = self.norms[1](self.second(torch.relu(self.norms[0](self.first(x)))))
        around = x[..., :: self.stride, :: self.stride]
        before = self.padding // 2
        return torch.relu(h + functional.pad(around, (0, 0, 0, 0, before, self.padding - before)))


class ResNet20(nn.Module):
    """Pictures in, what is in them out.

    Args:
        classes: that the classifier tells apart.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, STAGES[0], 3, 1, 1, bias=False), nn.BatchNorm2d(STAGES[0]), nn.ReLU())
        widths = [STAGES[0], *(width for width in STAGES for _ in range(BLOCKS))]
        self.blocks = nn.Sequential(*(Block(inputs, outputs) for inputs, outputs in pairwise(widths)))
        self.classifier = nn.Linear(STAGES[-1], classes)

    def features(self, pictures: Tensor) -> Tensor:
        """Map pictures `(n, 3, h, w)`, RGB in 0 … 1, to features `(n, 64)`: means over what is left of h and w."""
        found: Tensor = self.blocks(self.first(pictures * 2 - 1)).mean(dim=(2, 3))
        return found

    def forward(self, pictures: Tensor) -> Tensor:
        """Map pictures `(n, 3, h, w)`, RGB in 0 … 1, to logits `(n, classes)`."""
        logits: Tensor = self.classifier(self.features(pictures))
        return logits
