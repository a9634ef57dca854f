"""ITAE: two encoders, one that sees few frames well and one that sees all of them coarsely, and one decoder.

Source: Cho et al., "Unsupervised Video Anomaly Detection via Normalizing Flows with Implicit Latent Features", Pattern
Recognition 2022, section 3.2 and table 1. The paper leaves open after which layers the paths are connected, how wide
the connections are, and whether convolutions have a bias and batch normalization: here they are connected after the
first and the last layer, which meets the published 7.74 million numbers with and without both (7,741,195; 7,736,212).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from stages.detectors.layers.frames.widths import scaled
from stages.detectors.layers.itae.autoencoder import EVERY, Autoencoder, Encoded, refuse_odd
from stages.detectors.layers.itae.params import LATERAL

STATIC, DYNAMIC, DECODER = (96, 128, 256, 256), (12, 16, 32, 32), (256, 128, 96)
"""Channels that each layer of a path gives; the decoder's last gives the frames'."""
SHRINK = 4
"""How often a feature's sides go into the frame's."""


class Layer(nn.Sequential):
    """A convolution, and, but for the last, batch normalization and ReLU.

    Args:
        convolution: with or without a bias.
        norm: with batch normalization.
        last: neither that nor ReLU.
    """

    def __init__(self, convolution: nn.Conv3d | nn.ConvTranspose3d, *, norm: bool, last: bool = False) -> None:
        after: list[nn.Module] = [] if last else [nn.ReLU(inplace=True)]
        if norm and not last:
            after.insert(0, nn.BatchNorm3d(convolution.out_channels))
        super().__init__(convolution, *after)


class Itae(Autoencoder):
    """The autoencoder of clips.

    Args:
        channels: of a frame: 1 grey, 3 colour.
        width: factor of every layer's channels; 1 is the published network.
        two_path: with the dynamic path; without, the paper's one-path ablation.
        norm: convolutions have a bias, and batch normalization after them.
        lateral: channels that each of the four layers of the dynamic path lends the static one, before `width`.
        remember: keep what every layer computes until its gradient is needed; without, it is computed again.
    """

    def __init__(
        self, channels: int, *, width: float = 1.0, two_path: bool = True, norm: bool = True,
        lateral: Sequence[int] = LATERAL, remember: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(two_path=two_path, remember=remember)
        static, dynamic, decoder = (scaled(widths, width) for widths in (STATIC, DYNAMIC, DECODER))
        lent = scaled(lateral, width) if two_path else [0, 0, 0, 0]
        self.static = _encoder(
            [channels, *(a + b for a, b in zip(static, lent, strict=True))], static, (1, 1, 3, 3), norm
        )
        self.dynamic = _encoder([channels, *dynamic], dynamic, (5, 3, 3, 3), norm) if two_path else nn.ModuleList()
        self.lateral = nn.ModuleDict(
            {str(number): _lateral(dynamic[number], wide, norm=norm) for number, wide in enumerate(lent) if wide}
        )
        wide = [static[-1] + lent[-1], *decoder]
        self.decoder = nn.ModuleList(
            [
                _up(wide[0], wide[1], 1, 1, norm=norm),
                _up(wide[1], wide[2], 2, 2, norm=norm),
                _up(wide[2], wide[3], 2, 2, norm=norm),
                _up(wide[3], channels, 1, 1, norm=norm, last=True),
            ]
        )

    def encode(self, clips: Tensor) -> Encoded:
        """See `Autoencoder.encode`; sides of features are those of frames over `SHRINK`."""
        refuse_odd(clips, SHRINK)
        static, dynamic = clips[:, :, ::EVERY], clips
        joined = alone = static
        for number, layer in enumerate(self.static):
            joined = alone = self.through(layer, joined)
            if self.two_path:
                dynamic = self.through(self.dynamic[number], dynamic)
                if str(number) in self.lateral:
                    joined = torch.cat([alone, self.through(self.lateral[str(number)], dynamic)], dim=1)
        return alone, dynamic if self.two_path else None, joined


def _encoder(inputs: Sequence[int], outputs: Sequence[int], depth: Sequence[int], norm: bool) -> nn.ModuleList:
    """Four layers, of which the first two halve the sides; `depth` is how many frames a kernel spans."""
    layers = [
        nn.Conv3d(inputs[number], outputs[number], (deep, 3, 3), (1, side, side), (deep // 2, 1, 1), bias=norm)
        for number, (deep, side) in enumerate(zip(depth, (2, 2, 1, 1), strict=True))
    ]
    return nn.ModuleList([Layer(layer, norm=norm) for layer in layers])


def _lateral(inputs: int, outputs: int, *, norm: bool) -> Layer:
    """From all frames to those that the static path sees."""
    return Layer(nn.Conv3d(inputs, outputs, (5, 1, 1), (EVERY, 1, 1), (2, 0, 0), bias=norm), norm=norm)


def _up(inputs: int, outputs: int, time: int, side: int, *, norm: bool, last: bool = False) -> Layer:
    """A transposed convolution that makes clips `time` times as long and `side` times as large."""
    stride, rest = (time, side, side), (time - 1, side - 1, side - 1)
    return Layer(nn.ConvTranspose3d(inputs, outputs, 3, stride, 1, rest, bias=norm or last), norm=norm, last=last)
