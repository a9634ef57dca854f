"""ST-GCAE, the autoencoder of pose graphs.

Source: Markovitz et al., "Graph Embedded Pose Clustering for Anomaly Detection" (GEPC), CVPR 2020, sections 3.1 to 3.3
and figure 2; widths, strides and dropout as in the released code.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.core.errors import TrainingError
from stages.core.skeleton import layout as joint_layout
from stages.detectors.base import Form
from stages.detectors.layers.gepc.attention import Norm, Point, SpatialAttention, StaticGraph
from stages.detectors.layers.gepc.dropout import Dropout
from stages.detectors.layers.gepc.params import AutoencoderParams
from stages.detectors.layers.graph import adjacency

KERNEL = 9
"""Samples the temporal convolutions span."""
WIDTHS = (32, 32, 32, 48, 48, 48, 64, 64, 32)
"""Channels after each block of the encoder; the last are the latent's."""
FIRST, SECOND = 2, 5
"""Blocks that shorten time."""


class Temporal(nn.Conv2d):
    """A convolution over time of `(N, T, V, C)`.

    Args:
        inputs: channels in.
        outputs: channels out.
        stride: takes every so manieth sample.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__(inputs, outputs, (KERNEL, 1), (stride, 1), (KERNEL // 2, 0))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        # The memory is that of channels_last: no copy is made.
        return super().forward(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).contiguous()


class Block(nn.Module):
    """A graph convolution, a convolution over time and a residual.

    Args:
        inputs: channels in.
        outputs: channels out.
        stride: of the convolution over time.
        graph: the graph convolution.
        dropout: share of values that training drops.
        residual: whether the input is added.
        activation: whether the sum goes through a ReLU.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        graph: nn.Module,
        *,
        dropout: float = 0.0,
        residual: bool = True,
        activation: bool = True,
    ) -> None:
        super().__init__()
        self.graph = graph
        self.before, self.temporal, self.after = Norm(outputs), Temporal(outputs, outputs, stride), Norm(outputs)
        self.dropout = Dropout(dropout)
        self.residual: nn.Module | None = None
        if residual:
            changes = inputs != outputs or stride != 1
            self.residual = nn.Sequential(Point(inputs, outputs, stride), Norm(outputs)) if changes else nn.Identity()
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, T, V, inputs)` to `(N, T / stride, V, outputs)`."""
        h: Tensor = self.dropout(self.after(self.temporal(torch.relu(self.before(self.graph(x))))))
        if self.residual is not None:
            h = h + self.residual(x)
        return torch.relu(h) if self.activation else h


class Stretch(nn.Module):
    """Makes time longer by linear interpolation.

    Args:
        factor: how many times.
    """

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, T, V, C)` to `(N, factor · T, V, C)`."""
        flat = x.flatten(2).transpose(1, 2)  # (N, V · C, T)
        stretched = functional.interpolate(flat, scale_factor=float(self.factor), mode="linear")
        return stretched.transpose(1, 2).reshape(len(x), -1, *x.shape[2:])


class Last(nn.Module):
    """The decoder's end: a graph convolution with static adjacency, then one over time, no residual.

    Args:
        inputs: channels in.
        outputs: channels of the windows.
        adjacency: `(K, V, V)`.
    """

    def __init__(self, inputs: int, outputs: int, adjacency: Tensor) -> None:
        super().__init__()
        self.graph, self.norm = StaticGraph(inputs, outputs, adjacency), Norm(outputs)
        self.temporal = Temporal(outputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, T, V, inputs)` to `(N, T, V, outputs)`."""
        h: Tensor = self.temporal(torch.relu(self.norm(self.graph(x))))
        return h


class Autoencoder(nn.Module):
    """ST-GCAE.

    Args:
        form: of the windows.
        params: see `AutoencoderParams`.

    Raises:
        TrainingError: the windows cannot be shortened as the params say.
        DatasetError: the layout is unknown.
    """

    def __init__(self, form: Form, params: AutoencoderParams) -> None:
        super().__init__()
        first, second = params.strides
        if form.samples % (first * second):
            raise TrainingError(
                f"windows of {form.samples} samples cannot be shortened {first} and {second} times",
                fix=f"choose windows of a multiple of {first * second} samples, or other `strides`",
            )
        graph = torch.from_numpy(adjacency(joint_layout(form.layout), "spatial", 1)).float()
        channels = len(form.channels)
        widths = [max(4, round(width * params.width / 4) * 4) for width in WIDTHS]
        kind = SpatialAttention if params.graph == "attention" else StaticGraph
        self.shape = (form.samples // (first * second), form.joints, widths[-1])
        self.norm = nn.BatchNorm1d(form.joints * channels)
        strides = {FIRST: first, SECOND: second}
        self.encoder = nn.Sequential(
            *(
                Block(
                    inputs, outputs, strides.get(number, 1), kind(inputs, outputs, graph), dropout=params.dropout,
                    residual=number > 0, activation=number + 1 < len(widths),
                )
                for number, (inputs, outputs) in enumerate(pairwise([channels, *widths]))
            )
        )  # fmt: skip

        def block(inputs: int, outputs: int) -> Block:
            return Block(inputs, outputs, 1, kind(inputs, outputs, graph))

        wide, middle = widths[-2], widths[SECOND]
        self.decoder = nn.Sequential(
            Stretch(second), block(widths[-1], wide), block(wide, wide), block(wide, middle),
            Stretch(first), block(middle, middle), block(middle, middle), Last(middle, channels, graph),
        )  # fmt: skip

    def encode(self, x: Tensor) -> Tensor:
        """Latent vectors of windows `(N, C, T, V)`: `(N, Z)`, channels first, then samples, then joints."""
        z: Tensor = self.encoder(self._normalized(x))
        return z.permute(0, 3, 1, 2).flatten(1)

    def decode(self, z: Tensor) -> Tensor:
        """Windows `(N, C, T, V)` of latent vectors `(N, Z)`."""
        samples, joints, channels = self.shape
        lying = z.view(-1, channels, samples, joints).permute(0, 2, 3, 1).contiguous()
        x: Tensor = self.decoder(lying)
        return x.permute(0, 3, 1, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruction `(N, C, T, V)` and latent vector `(N, Z)`."""
        z = self.encode(x)
        return self.decode(z), z

    def _normalized(self, x: Tensor) -> Tensor:
        """`(N, T, V, C)`, each joint's channels normalized."""
        lying = x.permute(0, 2, 3, 1)
        flat: Tensor = self.norm(lying.reshape(-1, lying.shape[2] * lying.shape[3]))
        return flat.view(lying.shape)
