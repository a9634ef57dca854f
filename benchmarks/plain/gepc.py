"""GEPC's autoencoder and clustering as the paper and the released configuration describe them, with no shortcut.

What the fast form is compared with. Names of modules are those of the reference computations, so that their state
dicts load as they are.

Source: Markovitz et al., "Graph Embedded Pose Clustering for Anomaly Detection" (GEPC), CVPR 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SUBSETS = 3
ENCODER = (
    (3, 32, 1),
    (32, 32, 1),
    (32, 32, 2),
    (32, 48, 1),
    (48, 48, 1),
    (48, 48, 3),
    (48, 64, 1),
    (64, 64, 1),
    (64, 32, 1),
)
DECODER = (3, (32, 64), (64, 64), (64, 48), 2, (48, 48), (48, 48))
DROPOUT = 0.3


class _GroupNorm(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, expanded: Tensor, adjacency: Tensor) -> Tensor:
        equation = "nkctv,kvw->nctw" if adjacency.dim() == 3 else "nkctv,nkvw->nctw"
        return torch.relu(self.bn(torch.einsum(equation, expanded, adjacency)))


class SpatialAttention(nn.Module):
    """Graph convolution with static, learned and inferred adjacency."""

    stat_adj: Tensor

    def __init__(self, inputs: int, outputs: int, adjacency: Tensor) -> None:
        super().__init__()
        self.outputs, self.inter = outputs, outputs // 4
        self.register_buffer("stat_adj", adjacency, persistent=False)
        self.g_adj = nn.Parameter(torch.full_like(adjacency, 1e-6))
        self.conv_a = nn.ModuleList(nn.Conv2d(inputs, self.inter, 1) for _ in range(SUBSETS))
        self.conv_b = nn.ModuleList(nn.Conv2d(inputs, self.inter, 1) for _ in range(SUBSETS))
        self.gconv = nn.ModuleList(_GroupNorm(outputs) for _ in range(3))
        self.expanding_conv = nn.Conv2d(inputs, 3 * SUBSETS * outputs, 1, bias=False)
        self.reduction_conv = nn.Conv2d(3 * outputs, outputs, 1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)  # unused, as released
        self.down: nn.Module = nn.Identity()
        if inputs != outputs:
            self.down = nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs))

    def inferred(self, x: Tensor) -> Tensor:
        """Each sample's own adjacency, `(N, 3, V, V)`."""
        count, _, _, joints = x.shape
        found = []
        for first, second in zip(self.conv_a, self.conv_b, strict=True):
            a = first(x).permute(0, 3, 1, 2).reshape(count, joints, -1)
            b = second(x).reshape(count, -1, joints)
            found.append(torch.softmax(a @ b, dim=-2))
        return torch.stack(found, dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, inputs, T, V)` to `(N, outputs, T, V)`."""
        count, _, samples, joints = x.shape
        expanded = self.expanding_conv(x).view(count, 3 * SUBSETS, self.outputs, samples, joints)
        parts = [
            conv(expanded[:, SUBSETS * group : SUBSETS * (group + 1)], adjacency)
            for group, (conv, adjacency) in enumerate(
                zip(self.gconv, (self.stat_adj, self.g_adj, self.inferred(x)), strict=True)
            )
        ]
        reduced: Tensor = self.reduction_conv(torch.cat(parts, dim=1)) + self.down(x)
        return reduced


class _Gcn(nn.Module):
    def __init__(self, g_conv: nn.Module) -> None:
        super().__init__()
        self.g_conv = g_conv


class Block(nn.Module):
    """Spatial attention, then a convolution over time."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        adjacency: Tensor,
        *,
        dropout: float,
        residual: bool = True,
        last: bool = False,
    ) -> None:
        super().__init__()
        self.gcn = _Gcn(SpatialAttention(inputs, outputs, adjacency))
        self.tcn = nn.Sequential(
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, (9, 1), (stride, 1), (4, 0)),
            nn.BatchNorm2d(outputs),
            nn.Dropout(dropout),
        )
        self.residual: nn.Module | None = None
        if residual:
            self.residual = nn.Identity()
            if inputs != outputs or stride != 1:
                self.residual = nn.Sequential(nn.Conv2d(inputs, outputs, 1, (stride, 1)), nn.BatchNorm2d(outputs))
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, inputs, T, V)` to `(N, outputs, T / stride, V)`."""
        h: Tensor = self.tcn(self.gcn.g_conv(x))
        if self.residual is not None:
            h = h + self.residual(x)
        return h if self.last else torch.relu(h)


class _PlainConvolution(nn.Module):
    stat_adj: Tensor

    def __init__(self, inputs: int, outputs: int, adjacency: Tensor) -> None:
        super().__init__()
        self.register_buffer("stat_adj", adjacency, persistent=False)
        self.conv = nn.Conv2d(inputs, SUBSETS * outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        count, _, samples, joints = x.shape
        return torch.einsum("nkctv,kvw->nctw", self.conv(x).view(count, SUBSETS, -1, samples, joints), self.stat_adj)


class _Final(nn.Module):
    def __init__(self, inputs: int, outputs: int, adjacency: Tensor) -> None:
        super().__init__()
        self.gcn = _Gcn(_PlainConvolution(inputs, outputs, adjacency))
        self.tcn = nn.Sequential(
            nn.BatchNorm2d(outputs), nn.ReLU(), nn.Conv2d(outputs, outputs, (9, 1), padding=(4, 0))
        )

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.tcn(self.gcn.g_conv(x))
        return h


class Autoencoder(nn.Module):
    """ST-GCAE: windows `(N, 3, 12, V)` to a latent vector and back."""

    def __init__(self, adjacency: Tensor, channels: int = 3) -> None:
        super().__init__()
        self.data_bn = nn.BatchNorm1d(channels * adjacency.shape[-1])
        widths = ((channels, *ENCODER[0][1:]), *ENCODER[1:])
        self.st_gcn_enc = nn.ModuleList(
            Block(
                inputs, outputs, stride, adjacency, dropout=DROPOUT, residual=number > 0, last=number == len(widths) - 1
            )
            for number, (inputs, outputs, stride) in enumerate(widths)
        )
        self.st_gcn_dec = nn.ModuleList(
            nn.Upsample(scale_factor=(step, 1), mode="bilinear")
            if isinstance(step, int)
            else Block(*step, 1, adjacency, dropout=0)
            for step in DECODER
        )
        self.dec_final_gcn = _Final(48, channels, adjacency)

    def encode(self, x: Tensor) -> Tensor:
        """`(N, 3, T, V)` to `(N, 32, T / 6, V)`."""
        count, channels, samples, joints = x.shape
        x = self.data_bn(x.permute(0, 3, 1, 2).reshape(count, joints * channels, samples))
        x = x.view(count, joints, channels, samples).permute(0, 2, 3, 1)
        for block in self.st_gcn_enc:
            x = block(x)
        return x

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruction and latent vector `(N, 32 · T / 6 · V)`."""
        z = self.encode(x)
        h = z
        for block in self.st_gcn_dec:
            h = block(h)
        return self.dec_final_gcn(h), z.flatten(1)
