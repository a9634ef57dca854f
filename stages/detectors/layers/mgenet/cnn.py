"""The encoder that was released in place of the paper's: 3-D convolutions over feature maps of a video network.

Source: the released code of MGENet as told by its figures: 21,280,993 learned numbers, (2, 1024, 3, 3, 3) → (2, 32, 3,
3, 3). Which layers have a bias is not told; many choices give that number, one of them is made here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.detectors.layers.frames.widths import scaled
from stages.detectors.layers.mgenet.encoder import Grid

WIDTHS = (512, 256, 128)
"""Channels of the first three layers; the residual blocks have the last."""
BLOCKS = 4
LEAK = 0.01
OUT = 32
"""Channels that the motion features are cut from: 32 × (T / 8) × 3 × 3 = 2 × T × 18."""


class CnnEncoder(nn.Module):
    """Maps in, behaviour and motion out.

    Args:
        inputs: channels of the maps; 1024 as published.
        width: factor of the layers' channels; 1 is published.
        grid: places that the maps are pooled to; null takes them as they are.
    """

    def __init__(self, inputs: int, width: float = 1.0, grid: Grid | None = None) -> None:
        super().__init__()
        first, second, third = scaled(WIDTHS, width)
        self.grid, self.width = grid, third
        self.body = nn.Sequential(
            *_layer(inputs, first, 3, bias=False),
            *_layer(first, second, 3),
            *_layer(second, third, 1),
            *(Residual(third) for _ in range(BLOCKS)),
        )
        self.motion = nn.Sequential(nn.Conv3d(third, max(third // 2, 1), 1), nn.Conv3d(max(third // 2, 1), OUT, 1))
        self.scale = nn.Parameter(torch.ones(()))

    def behaviour(self, maps: Tensor) -> Tensor:
        """Behaviour maps, `(n, 128 × width, t, h, w)`, of maps `(n, inputs, ...)`."""
        found: Tensor = self.body(maps if self.grid is None else functional.adaptive_avg_pool3d(maps, self.grid))
        return found

    def latent(self, maps: Tensor) -> Tensor:
        """Motion maps, `(n, 32, t, h, w)`, of behaviour maps."""
        found: Tensor = self.motion(maps) * self.scale
        return found

    def forward(self, maps: Tensor) -> Tensor:
        """Motion maps of maps `(n, inputs, ...)`."""
        return self.latent(self.behaviour(maps))


class Residual(nn.Module):
    """Two convolutions and a way past them.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_layer(channels, channels, 3, bias=False), *_layer(channels, channels, 3, bias=False)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of the same shape."""
        found: Tensor = maps + self.layers(maps)
        return found


def _layer(inputs: int, outputs: int, kernel: int, *, bias: bool = True) -> tuple[nn.Module, ...]:
    convolution = nn.Conv3d(inputs, outputs, kernel, padding=kernel // 2, bias=bias)
    return convolution, nn.BatchNorm3d(outputs), nn.LeakyReLU(LEAK)
