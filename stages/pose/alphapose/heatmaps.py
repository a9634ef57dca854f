"""What goes into FastPose and what comes out of it, on the network's device: colours, heat maps, their peaks.

Source: Xiao et al. 2018, "Simple Baselines for Human Pose Estimation and Tracking" (arXiv:1804.06208, §3 and its
release's evaluation): a quarter of a cell towards the surer neighbour, and the flip test.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stages.core.skeleton import COCO17

MEAN = (0.406, 0.457, 0.480)
"""Subtracted from the channels, colours in 0–1, in the channels' order."""


class FlipTested(nn.Module):
    """A network that looks at each picture and at its mirror image, and gives the mean of both heat maps.

    Args:
        network: pictures → heat maps `(n, 17, H, W)`.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """`(n, 3, 256, 192)` → `(n, 17, 64, 48)`."""
        mean: Tensor = (self.network(x) + unflip(self.network(x.flip(3)))) / 2
        return mean


def prepare(pixels: Tensor) -> Tensor:
    """Colours `(n, 3, H, W)` in 0–255 → 0–1 less their mean."""
    return pixels / 255 - pixels.new_tensor(MEAN)[:, None, None]


def unflip(heat: Tensor) -> Tensor:
    """Heat maps `(n, 17, H, W)` of mirrored pictures, as if of the pictures themselves.

    Left and right joints change places, and all moves one cell to the right: a cell stands for the left one of its four
    pixels, which is the right one in the mirror, and three quarters of a cell are nearly one.
    """
    mirrored = heat[:, list(COCO17.mirror)].flip(3)
    return torch.cat([mirrored[..., :1], mirrored[..., :-1]], dim=3)


def peaks(heat: Tensor) -> Tensor:
    """The surest cell of each heat map, moved a quarter of a cell towards its surer neighbour on each axis.

    Args:
        heat: `(n, J, H, W)`.

    Returns:
        `(n, J, 3)`: x, y in cells and the peak's value, ≥ 0. A peak on the rim stays where it is on that axis.
    """
    height, width = heat.shape[2:]
    flat = heat.flatten(2)
    value, at = flat.max(dim=2)
    x, y = at % width, at // width

    def quarter(place: Tensor, last: int, step: int) -> Tensor:
        after, before = (
            flat.gather(2, (at + way).clamp(0, flat.shape[2] - 1)[..., None])[..., 0] for way in (step, -step)
        )
        return torch.where((place > 0) & (place < last), (after - before).sign() / 4, 0.0)

    return torch.stack([x + quarter(x, width - 1, 1), y + quarter(y, height - 1, width), value.clamp(min=0)], dim=2)
