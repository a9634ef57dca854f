"""STG-NF as its paper and checkpoints describe it, with no shortcut: what the fast form is compared with.

Published settings only: K = 8 steps, one ST-GCN block each, every joint mixed with every other, channels reversed.
Names of modules are those of the published checkpoints, so that their state dicts load as they are.

Source: Hirschorn and Avidan, "Normalizing Flows for Human Pose Anomaly Detection" (STG-NF), ICCV 2023.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

STEPS = 8
JOINTS = 18


class _ActNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, 2, 1, 1))
        self.logs = nn.Parameter(torch.zeros(1, 2, 1, 1))
        self.initialised = False

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if not self.initialised:
            deviation = x.var(dim=(0, 2, 3), keepdim=True, correction=0).sqrt()
            self.bias.data.copy_(-x.mean(dim=(0, 2, 3), keepdim=True))
            self.logs.data.copy_((1 / (deviation + 1e-6)).log())
            self.initialised = True
        return (x + self.bias) * self.logs.exp(), self.logs.sum() * x.shape[2] * x.shape[3]


class _GraphConvolution(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        adjacency = torch.full((JOINTS, JOINTS), 1 / JOINTS, dtype=x.dtype, device=x.device)
        return torch.einsum("nctv,vw->nctw", self.conv(x), adjacency)


class _Block(nn.Module):
    def __init__(self, kernel: int, *, residual: bool) -> None:
        super().__init__()
        self.gcn = _GraphConvolution()
        self.tcn = nn.Sequential(
            nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 2, (kernel, 1), padding=(kernel // 2, 0)), nn.BatchNorm2d(2)
        )
        self.residual = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.tcn(self.gcn(x))
        return torch.relu(h if self.residual is None else h + self.residual(x))


class _Step(nn.Module):
    def __init__(self, kernel: int, *, residual: bool) -> None:
        super().__init__()
        self.actnorm = _ActNorm()
        self.block = nn.Sequential(_Block(kernel, residual=residual))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x, logdet = self.actnorm(x)
        kept, changed = x[:, 1:], x[:, :1]  # channels reversed
        h = self.block(kept)
        shift, scale = h[:, 0::2], torch.sigmoid(h[:, 1::2] + 2) + 1e-6
        changed = (changed + shift) * scale
        return torch.cat([kept, changed], dim=1), logdet + scale.log().expand_as(changed).sum(dim=(1, 2, 3))


class _Flow(nn.Module):
    def __init__(self, samples: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([_Step(samples // 2 + 1, residual=number > 0) for number in range(STEPS)])


class PlainStgNf(nn.Module):
    """The whole model; gives latent, log-determinant and negative log-likelihood in bits per dimension.

    Args:
        samples: T, the window's length.
        mean: R of the prior N(R, I).
        initialised: whether ActNorm is set already, as in a checkpoint.
    """

    def __init__(self, samples: int, *, mean: float = 3.0, initialised: bool = False) -> None:
        super().__init__()
        self.flow = _Flow(samples)
        self.mean = mean
        for module in self.modules():
            if isinstance(module, _ActNorm):
                module.initialised = initialised

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map windows `(N, 2, T, 18)`."""
        logdet = x.new_zeros(len(x))
        for layer in self.flow.layers:
            x, added = layer(x)
            logdet = logdet + added
        log_prior = (-0.5 * (math.log(2 * math.pi) + (x - self.mean) ** 2)).sum(dim=(1, 2, 3))
        return x, logdet, -(log_prior + logdet) / (math.log(2) * x[0].numel())
