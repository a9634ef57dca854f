"""A U-Net that foresees the next frame from those before.

Source: Liu, Luo, Lian and Gao, "Future Frame Prediction for Anomaly Detection – A New Baseline", CVPR 2018, section
3.1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stages.core.errors import TrainingError
from stages.detectors.layers.frames.widths import scaled

WIDTHS = (64, 128, 256, 512)
"""Channels of each depth; sides are halved from one to the next."""
HALVINGS = len(WIDTHS) - 1


class UNet(nn.Module):
    """Four depths, joined across.

    Args:
        inputs: channels of all frames that are seen.
        outputs: of the one foreseen.
        width: factor of `WIDTHS`.
    """

    def __init__(self, inputs: int, outputs: int, width: float) -> None:
        super().__init__()
        sizes = scaled(WIDTHS, width)
        self.down = nn.ModuleList(_twice(a, b) for a, b in zip([inputs, *sizes], sizes, strict=False))
        deep = list(zip(sizes[:0:-1], sizes[-2::-1], strict=True))
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in deep)
        self.join = nn.ModuleList(_twice(2 * b, b) for _, b in deep)
        self.last = nn.Conv2d(sizes[0], outputs, 3, padding=1)

    def forward(self, seen: Tensor) -> Tensor:
        """`(M, inputs, H, W)` → `(M, outputs, H, W)` in 0 … 1.

        Raises:
            TrainingError: H or W cannot be halved three times.
        """
        refuse_odd(seen.shape[-2], seen.shape[-1])
        across: list[Tensor] = []
        x = seen
        for depth, layer in enumerate(self.down):
            x = layer(x if depth == 0 else nn.functional.max_pool2d(x, 2))
            across.append(x)
        for up, join, beside in zip(self.up, self.join, across[-2::-1], strict=True):
            x = join(torch.cat([beside, up(x)], dim=1))
        return torch.sigmoid(self.last(x))


def refuse_odd(height: int, width: int) -> None:
    """Refuse frames whose sides cannot be halved as often as the network does.

    Raises:
        TrainingError: they cannot.
    """
    if height % 2**HALVINGS or width % 2**HALVINGS:
        raise TrainingError(
            f"frames of {width} × {height} px; their sides must be divisible by {2**HALVINGS}",
            fix="mend `frames` of the window spec",
        )


def _twice(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
