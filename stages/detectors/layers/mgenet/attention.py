"""Large-kernel attention in space and time, and the head that is made of it.

Source: Guo et al., "Visual Attention Network", CVMJ 2023, in three dimensions; Yang et al., MGENet, section 3.2, Eq. 2
and 3. The paper's names of the two depth-wise convolutions are swapped; the order here is that of the released code.
"""

from __future__ import annotations

from torch import Tensor, nn


class LargeKernelAttention(nn.Module):
    """A 21³ convolution taken apart: depth-wise 5³, depth-wise 7³ with dilation 3, and 1³.

    Args:
        channels: of the maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv0 = nn.Conv3d(channels, channels, 5, padding=2, groups=channels)
        self.conv_spatial = nn.Conv3d(channels, channels, 7, padding=9, dilation=3, groups=channels)
        self.conv1 = nn.Conv3d(channels, channels, 1)

    def attention(self, maps: Tensor) -> Tensor:
        """What is attended to, `(n, C, t, h, w)` (Eq. 2)."""
        found: Tensor = self.conv1(self.conv_spatial(self.conv0(maps)))
        return found

    def forward(self, maps: Tensor) -> Tensor:
        """Maps `(n, C, t, h, w)` times their attention, as released."""
        return maps * self.attention(maps)


class Lsta(nn.Module):
    """Large spatial-temporal attention: one map over space and time, for all channels (Eq. 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = LargeKernelAttention(1)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps `(n, C, t, h, w)`, more of them where it matters."""
        seen = self.kernel.attention(maps.mean(dim=1, keepdim=True)).sigmoid()
        return maps + maps * seen
