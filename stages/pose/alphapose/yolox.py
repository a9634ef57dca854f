"""YOLOX s, l and x, inference alone.

Source: Ge et al. 2021, "YOLOX: Exceeding YOLO Series in 2021" (arXiv:2107.08430), §2: a CSP Darknet-53 with spatial
pyramid pooling, a path aggregation neck and a decoupled head. Modules are named as in the authors' Apache-2.0 release
(github.com/Megvii-BaseDetection/YOLOX), because checkpoints name weights by them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 80
"""Of COCO; the person comes first."""

STRIDES = (8, 16, 32)
"""Pixels of the input between neighbouring cells of the three output grids, in the output's order."""


EPSILON = 1e-3
"""Added to variances by the batch normalizations, as in the authors' training; torch's own would be 1e-5."""


@dataclass(frozen=True)
class Size:
    """What tells the variants apart.

    Args:
        width: channels of the stem; each further level has twice as many.
        depth: bottlenecks in the shortest stage.
    """

    width: int
    depth: int


SIZES = {"yolox_s": Size(32, 1), "yolox_l": Size(64, 3), "yolox_x": Size(80, 4)}


class BaseConv(nn.Module):
    """Convolution that keeps the grid (over the stride), batch normalization, SiLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, inputs, H, W)` → `(N, outputs, H / stride, W / stride)`."""
        y: Tensor = functional.silu(self.bn(self.conv(x)))
        return y


class Focus(nn.Module):
    """Every second pixel of every second row as channels, four times, then a convolution."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.conv = BaseConv(12, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, 3, H, W)` → `(N, outputs, H / 2, W / 2)`."""
        corners = (x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2])
        y: Tensor = self.conv(torch.cat(corners, dim=1))
        return y


class Bottleneck(nn.Module):
    """1 × 1 and 3 × 3 convolutions, added to their input in the backbone."""

    def __init__(self, channels: int, *, shortcut: bool) -> None:
        super().__init__()
        self.conv1 = BaseConv(channels, channels, 1)
        self.conv2 = BaseConv(channels, channels, 3)
        self._shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """`(N, channels, H, W)` → the same shape."""
        y: Tensor = self.conv2(self.conv1(x))
        return x + y if self._shortcut else y


class CSPLayer(nn.Module):
    """Cross stage partial layer (Wang et al. 2020): half the channels go through bottlenecks, half past them."""

    def __init__(self, inputs: int, outputs: int, depth: int, *, shortcut: bool) -> None:
        super().__init__()
        half = outputs // 2
        self.conv1 = BaseConv(inputs, half, 1)
        self.conv2 = BaseConv(inputs, half, 1)
        self.conv3 = BaseConv(outputs, outputs, 1)
        self.m = nn.Sequential(*(Bottleneck(half, shortcut=shortcut) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        """`(N, inputs, H, W)` → `(N, outputs, H, W)`."""
        y: Tensor = self.conv3(torch.cat([self.m(self.conv1(x)), self.conv2(x)], dim=1))
        return y


class SPPBottleneck(nn.Module):
    """Spatial pyramid pooling: the largest value near by, in three sizes of near."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = BaseConv(channels, channels // 2, 1)
        self.m = nn.ModuleList([nn.MaxPool2d(size, stride=1, padding=size // 2) for size in (5, 9, 13)])
        self.conv2 = BaseConv(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, channels, H, W)` → the same shape."""
        x = self.conv1(x)
        y: Tensor = self.conv2(torch.cat([x, *(pool(x) for pool in self.m)], dim=1))
        return y


class Darknet(nn.Module):
    """The backbone; gives its last three levels."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        width, depth = size.width, size.depth
        self.stem = Focus(width)
        self.dark2 = _stage(width, depth)
        self.dark3 = _stage(2 * width, 3 * depth)
        self.dark4 = _stage(4 * width, 3 * depth)
        top = 16 * width
        last = CSPLayer(top, top, depth, shortcut=False)
        self.dark5 = nn.Sequential(BaseConv(8 * width, top, 3, 2), SPPBottleneck(top), last)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`(N, 3, H, W)` → levels of 4, 8 and 16 widths at strides 8, 16 and 32."""
        third = self.dark3(self.dark2(self.stem(x)))
        fourth = self.dark4(third)
        return third, fourth, self.dark5(fourth)


class PathAggregation(nn.Module):
    """The neck (Liu et al. 2018): levels exchange what they know, from coarse to fine and back."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        width, depth = size.width, size.depth
        self.backbone = Darknet(size)
        self.lateral_conv0 = BaseConv(16 * width, 8 * width, 1)
        self.C3_p4 = CSPLayer(16 * width, 8 * width, depth, shortcut=False)
        self.reduce_conv1 = BaseConv(8 * width, 4 * width, 1)
        self.C3_p3 = CSPLayer(8 * width, 4 * width, depth, shortcut=False)
        self.bu_conv2 = BaseConv(4 * width, 4 * width, 3, 2)
        self.C3_n3 = CSPLayer(8 * width, 8 * width, depth, shortcut=False)
        self.bu_conv1 = BaseConv(8 * width, 8 * width, 3, 2)
        self.C3_n4 = CSPLayer(16 * width, 16 * width, depth, shortcut=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`(N, 3, H, W)` → levels of 4, 8 and 16 widths at strides 8, 16 and 32."""
        fine, middle, coarse = self.backbone(x)
        from_coarse = self.lateral_conv0(coarse)
        middle = self.C3_p4(torch.cat([_double(from_coarse), middle], dim=1))
        from_middle = self.reduce_conv1(middle)
        fine = self.C3_p3(torch.cat([_double(from_middle), fine], dim=1))
        middle = self.C3_n3(torch.cat([self.bu_conv2(fine), from_middle], dim=1))
        coarse = self.C3_n4(torch.cat([self.bu_conv1(middle), from_coarse], dim=1))
        return fine, middle, coarse


class DecoupledHead(nn.Module):
    """Per level one branch that classifies and one that places boxes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = 4 * width  # as wide as the finest level
        levels = range(len(STRIDES))
        self.stems = nn.ModuleList([BaseConv(4 * width << level, hidden, 1) for level in levels])
        self.cls_convs = nn.ModuleList([_pair(hidden) for _ in levels])
        self.reg_convs = nn.ModuleList([_pair(hidden) for _ in levels])
        self.cls_preds = nn.ModuleList([nn.Conv2d(hidden, CLASSES, 1) for _ in levels])
        self.reg_preds = nn.ModuleList([nn.Conv2d(hidden, 4, 1) for _ in levels])
        self.obj_preds = nn.ModuleList([nn.Conv2d(hidden, 1, 1) for _ in levels])

    def forward(self, levels: tuple[Tensor, ...]) -> Tensor:
        """Levels → `(N, cells, 85)`, float32, as `Yolox` gives them."""
        return torch.cat([self._level(at, x) for at, x in enumerate(levels)], dim=1)

    def _level(self, at: int, level: Tensor) -> Tensor:
        x = self.stems[at](level)
        kind, box = self.cls_convs[at](x), self.reg_convs[at](x)
        there, kinds = self.obj_preds[at](box).sigmoid(), self.cls_preds[at](kind).sigmoid()
        placed = in_pixels(self.reg_preds[at](box).float(), STRIDES[at])
        return torch.cat([placed, there.float(), kinds.float()], dim=1).flatten(2).transpose(1, 2)


class Yolox(nn.Module):
    """The whole network.

    Args:
        size: the variant.
        epsilon: added to variances by the batch normalizations: that of the training.
    """

    def __init__(self, size: Size, epsilon: float = EPSILON) -> None:
        super().__init__()
        self.backbone = PathAggregation(size)
        self.head = DecoupledHead(size.width)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """Boxes and probabilities.

        Args:
            x: `(N, 3, H, W)`, BGR, 0–255; H and W multiples of 32.

        Returns:
            `(N, cells, 85)` float32, cells of `STRIDES` in turn, row by row: the box's centre x, y, width and height in
            px of the input, the probability that it holds anything, and those of the `CLASSES`.
        """
        found: Tensor = self.head(self.backbone(x))
        return found


def in_pixels(boxes: Tensor, stride: int) -> Tensor:
    """Bring boxes from a cell's own terms to px of the input (§2.1 of the paper; YOLOv3's form without anchors).

    Args:
        boxes: `(N, 4, H, W)`: the centre in strides from the cell's corner, the logarithm of width and height in
            strides; float32, as `exp` of a large one leaves half precision's range.
        stride: px between neighbouring cells.

    Returns:
        `(N, 4, H, W)`: centre x, y, width and height in px.
    """
    rows, columns = (torch.arange(side, device=boxes.device, dtype=boxes.dtype) for side in boxes.shape[2:])
    corners = torch.stack(torch.meshgrid(columns, rows, indexing="xy"))  # (2, H, W)
    return torch.cat([boxes[:, :2] + corners, boxes[:, 2:].exp()], dim=1) * stride


def _stage(inputs: int, depth: int) -> nn.Sequential:
    return nn.Sequential(BaseConv(inputs, 2 * inputs, 3, 2), CSPLayer(2 * inputs, 2 * inputs, depth, shortcut=True))


def _pair(channels: int) -> nn.Sequential:
    return nn.Sequential(BaseConv(channels, channels, 3), BaseConv(channels, channels, 3))


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
