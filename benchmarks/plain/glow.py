"""Glow as the paper describes it, with no shortcut: what the flow over features is compared with.

Source: Kingma and Dhariwal, "Glow: Generative Flow with Invertible 1×1 Convolutions", NeurIPS 2018; one level,
couplings of a 3 × 3, a 1 × 1 and a 3 × 3 convolution, the last scaled by exp(3 × logs), as in public code.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class Step(nn.Module):
    """ActNorm, a mixing of channels, an affine coupling."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        half = channels // 2
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.logs = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.mixing = nn.Parameter(torch.linalg.qr(torch.randn(channels, channels))[0])
        self.first = nn.Conv2d(half, hidden, 3, padding=1, bias=False)
        self.second = nn.Conv2d(hidden, hidden, 1, bias=False)
        self.last = nn.Conv2d(hidden, channels, 3, padding=1)
        self.scale = nn.Parameter(torch.zeros(1, channels, 1, 1))
        nn.init.normal_(self.first.weight, 0, 0.05)
        nn.init.normal_(self.second.weight, 0, 0.05)
        nn.init.zeros_(self.last.weight)

    def forward(self, x: Tensor, logdet: Tensor) -> tuple[Tensor, Tensor]:
        """Map `(N, C, H, W)`, and add its log-determinant."""
        pixels = x.shape[2] * x.shape[3]
        x = (x + self.bias) * torch.exp(self.logs)
        logdet = logdet + self.logs.sum() * pixels
        x = functional.conv2d(x, self.mixing[:, :, None, None])
        logdet = logdet + torch.slogdet(self.mixing)[1] * pixels
        kept, changed = x.chunk(2, dim=1)
        h = self.last(torch.relu(self.second(torch.relu(self.first(kept))))) * torch.exp(3 * self.scale)
        shift, scale = h[:, 0::2], torch.sigmoid(h[:, 1::2] + 2)
        logdet = logdet + torch.log(scale).sum(dim=(1, 2, 3))
        return torch.cat([kept, (changed + shift) * scale], dim=1), logdet


class Glow(nn.Module):
    """One level of K steps."""

    def __init__(self, channels: int, steps: int, hidden: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList(Step(4 * channels, hidden) for _ in range(steps))

    def bits(self, x: Tensor) -> Tensor:
        """Negative log-likelihood, bits per element, `(N,)`."""
        count, channels, height, width = x.shape
        x = x.view(count, channels, height // 2, 2, width // 2, 2).permute(0, 1, 3, 5, 2, 4)
        x = x.reshape(count, 4 * channels, height // 2, width // 2)
        logdet = torch.zeros(count)
        for step in self.steps:
            x, logdet = step(x, logdet)
        prior = -0.5 * (x**2 + math.log(2 * math.pi)).sum(dim=(1, 2, 3))
        return -(prior + logdet) / (math.log(2) * channels * height * width)
