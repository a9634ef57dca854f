"""FastPose: a ResNet with squeeze-and-excitation, enlarged again by pixel shuffles, inference alone.

Source: Fang et al. 2022, "AlphaPose: Whole-Body Regional Multi-Person Pose Estimation and Tracking in Real-Time"
(arXiv:2211.03375); ResNet: He et al. 2016; squeeze-and-excitation: Hu et al. 2018; pixel shuffle: Shi et al. 2016;
dense upsampling convolution (DUC): Wang et al. 2018. What the papers leave open is read off the names and shapes of the
checkpoints' weights: the variants' depths, one squeeze-and-excitation per stage, and the widths between the shuffles.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

JOINTS = 17
"""Of COCO."""

HEIGHT, WIDTH = 256, 192
"""Of the input, px; the heat maps have a quarter of each."""

EXPANSION = 4
"""Channels that leave a bottleneck, in channels inside it."""


class SqueezeExcitation(nn.Module):
    """Weighs each channel by what all of them hold on average."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, channels), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """`(N, channels, H, W)` → the same shape."""
        weights: Tensor = self.fc(x.mean(dim=(2, 3)))
        return x * weights[:, :, None, None]


class Bottleneck(nn.Module):
    """Residual bottleneck; the first of a stage changes the shape and weighs its channels."""

    def __init__(self, inputs: int, channels: int, stride: int, *, first: bool) -> None:
        super().__init__()
        outputs = EXPANSION * channels
        self.conv1 = nn.Conv2d(inputs, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        if first:
            self.se = SqueezeExcitation(outputs)
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self._first = first

    def forward(self, x: Tensor) -> Tensor:
        """`(N, inputs, H, W)` → `(N, 4 × channels, H / stride, W / stride)`."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        if self._first:
            y, x = self.se(y), self.downsample(x)
        added: Tensor = self.relu(x + y)
        return added


class SEResNet(nn.Module):
    """The backbone."""

    def __init__(self, depths: Sequence[int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        self.layer1 = _stage(64, 64, depths[0], 1)
        self.layer2 = _stage(256, 128, depths[1], 2)
        self.layer3 = _stage(512, 256, depths[2], 2)
        self.layer4 = _stage(1024, 512, depths[3], 2)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, 3, H, W)` → `(N, 2048, H / 32, W / 32)`."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        deep: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return deep


class Duc(nn.Module):
    """Convolution and pixel shuffle: twice the height and width."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.pixel_shuffle = nn.PixelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, inputs, H, W)` → `(N, outputs / 4, 2 H, 2 W)`."""
        larger: Tensor = self.pixel_shuffle(self.relu(self.bn(self.conv(x))))
        return larger


class FastPose(nn.Module):
    """FastPose-50: ResNet-50, a pixel shuffle and two DUCs."""

    def __init__(self) -> None:
        super().__init__()
        self.preact = SEResNet((3, 4, 6, 3))
        self.suffle1 = nn.PixelShuffle(2)
        self.duc1 = Duc(512, 1024)
        self.duc2 = Duc(256, 512)
        self.conv_out = nn.Conv2d(128, JOINTS, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Heat maps.

        Args:
            x: `(N, 3, 256, 192)`, colours in 0–1 less their mean.

        Returns:
            `(N, 17, 64, 48)`: how sure each cell is that the joint lies in it, about 0–1.
        """
        heat: Tensor = self.conv_out(self.duc2(self.duc1(self.suffle1(self.preact(x)))))
        return heat


class FastPoseDuc(nn.Module):
    """FastPose on SE-ResNet-152, with convolutions between the pixel shuffles."""

    def __init__(self) -> None:
        super().__init__()
        self.preact = SEResNet((3, 8, 36, 3))
        self.duc1 = _shuffled(512, 512, 512, 512, 1024)
        self.duc2 = _shuffled(256, 256, 512)
        self.duc3 = _shuffled(128, 256)
        self.conv_out = nn.Conv2d(256, JOINTS, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Heat maps, as `FastPose` gives them."""
        heat: Tensor = self.conv_out(self.duc3(self.duc2(self.duc1(self.preact(x)))))
        return heat


def _stage(inputs: int, channels: int, depth: int, stride: int) -> nn.Sequential:
    first = Bottleneck(inputs, channels, stride, first=True)
    rest = (Bottleneck(EXPANSION * channels, channels, 1, first=False) for _ in range(depth - 1))
    return nn.Sequential(first, *rest)


def _shuffled(*channels: int) -> nn.Sequential:
    """A pixel shuffle, then one convolution for each step of `channels`."""
    layers: list[nn.Module] = [nn.PixelShuffle(2)]
    for inputs, outputs in pairwise(channels):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)
