"""The autoencoder that ITAE is compared with: SlowFast's two residual encoders and a residual decoder.

Sources: Cho et al., Pattern Recognition 2022, table 2 (a decoder with residual layers behind SlowFast with ResNet-18;
the paper says no more of it); Feichtenhofer et al., "SlowFast Networks for Video Recognition", ICCV 2019, table 1: the
fast path sees all frames with an eighth of the channels and lends the slow one twice its channels after each stage but
the last. Deeper, and with half the resolution of ITAE's features an eighth of the sides.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.detectors.layers.frames.widths import scaled
from stages.detectors.layers.itae.autoencoder import EVERY, Autoencoder, Encoded, refuse_odd

SLOW = (64, 64, 128, 256, 512)
"""Channels of the slow path: of its first convolution, then of its four stages."""
FAST = tuple(wide // 8 for wide in SLOW)
DEEP = (1, 1, 1, 3, 3)
"""Frames that the slow path's kernels span; the fast path's span 5, then 3."""
SHRINK = 32
"""How often the last stage's sides go into the frame's."""


class Residual(nn.Module):
    """Two convolutions and a shortcut: the basic block of a ResNet.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        deep: frames that the first convolution spans.
        stride: by how much it shrinks the sides.
    """

    def __init__(self, inputs: int, outputs: int, deep: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _convolution(inputs, outputs, (deep, 3, 3), stride), nn.BatchNorm3d(outputs), nn.ReLU(inplace=True),
            _convolution(outputs, outputs, (1, 3, 3)), nn.BatchNorm3d(outputs),
        )  # fmt: skip
        same = stride == 1 and inputs == outputs
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(_convolution(inputs, outputs, (1, 1, 1), stride), nn.BatchNorm3d(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(N, inputs, T, H, W)` → `(N, outputs, T, H / stride, W / stride)`."""
        return torch.relu(self.body(x) + self.shortcut(x))


class Rise(nn.Module):
    """A residual block on maps made larger.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        grow: by how much frames and sides grow.
    """

    def __init__(self, inputs: int, outputs: int, grow: tuple[int, int, int]) -> None:
        super().__init__()
        self.grow = tuple(map(float, grow))
        self.block = Residual(inputs, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Repeat each value, then convolve."""
        return self.block(functional.interpolate(x, scale_factor=self.grow))  # type: ignore[no-any-return]


class SlowFast(Autoencoder):
    """The autoencoder.

    Args:
        channels: of a frame.
        width: factor of every layer's channels.
        two_path: with the fast path.
        remember: keep what stages compute until their gradients are needed; without, it is computed again.
    """

    def __init__(self, channels: int, *, width: float = 1.0, two_path: bool = True, remember: bool = True) -> None:
        super().__init__(two_path=two_path, remember=remember)
        slow, fast = scaled(SLOW, width), scaled(FAST, width)
        lent = [2 * wide if two_path else 0 for wide in fast[:-1]]
        self.slow = _path([channels, *(a + b for a, b in zip(slow, lent, strict=False))], slow, DEEP)
        self.fast = _path([channels, *fast[:-1]], fast, (5, 3, 3, 3, 3)) if two_path else nn.ModuleList()
        self.lateral = nn.ModuleList(
            nn.Conv3d(wide, 2 * wide, (5, 1, 1), (EVERY, 1, 1), (2, 0, 0), bias=False)
            for wide in (fast[:-1] if two_path else ())
        )
        joined = slow[-1] + (fast[-1] if two_path else 0)
        down = [joined, *slow[3::-1], slow[0]]
        grows = [(1, 2, 2), (1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2)]
        rises = [Rise(down[number], down[number + 1], grow) for number, grow in enumerate(grows)]
        self.decoder = nn.ModuleList([*rises, nn.Conv3d(down[-1], channels, 3, padding=1)])

    def encode(self, clips: Tensor) -> Encoded:
        """See `Autoencoder.encode`; sides of features are those of frames over `SHRINK`."""
        refuse_odd(clips, SHRINK)
        slow, fast = clips[:, :, ::EVERY], clips
        alone = slow
        for number, stage in enumerate(self.slow):
            slow = alone = self.through(stage, slow)
            if self.two_path:
                fast = self.through(self.fast[number], fast)
                if number < len(self.lateral):
                    slow = torch.cat([alone, self.lateral[number](fast)], dim=1)
        if not self.two_path:
            return alone, None, slow
        pooled = functional.avg_pool3d(fast, (EVERY, 1, 1))
        return alone, fast, torch.cat([slow, pooled], dim=1)


def _path(inputs: Sequence[int], outputs: Sequence[int], deep: Sequence[int]) -> nn.ModuleList:
    """A first convolution and pooling, then four stages of two blocks; all but the first stage halve the sides."""
    first = nn.Sequential(
        _convolution(inputs[0], outputs[0], (deep[0], 7, 7), 2), nn.BatchNorm3d(outputs[0]), nn.ReLU(inplace=True),
        nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
    )  # fmt: skip
    stages = [
        nn.Sequential(
            Residual(inputs[number], outputs[number], deep[number], 1 if number == 1 else 2),
            Residual(outputs[number], outputs[number], deep[number]),
        )
        for number in range(1, len(outputs))
    ]
    return nn.ModuleList([first, *stages])


def _convolution(inputs: int, outputs: int, kernel: tuple[int, int, int], stride: int = 1) -> nn.Conv3d:
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    return nn.Conv3d(inputs, outputs, kernel, (1, stride, stride), padding, bias=False)
