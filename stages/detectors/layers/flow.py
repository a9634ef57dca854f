"""Normalizing flows: bijections with log-determinants, and the likelihood they give a Gaussian prior.

Sources: Dinh, Sohl-Dickstein and Bengio, "Density Estimation using Real NVP", ICLR 2017 (affine coupling); Kingma and
Dhariwal, "Glow", NeurIPS 2018, section 3 (ActNorm, invertible 1×1 convolution); Hirschorn and Avidan, "Normalizing
Flows for Human Pose Anomaly Detection" (STG-NF), ICCV 2023, section 3.2, and its released layer order.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

TINY = 1e-6
"""Keeps deviations and scales away from zero, as in the released STG-NF."""


class Bijection(nn.Module, ABC):
    """A map that can be undone, with the logarithm of the volume change."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map `(N, C, T, V)`; gives the same shape and the log-determinant of the Jacobian, `(N,)`."""
        z, volume = self.transform(x)
        return z, volume.expand(len(x), *x.shape[2:]).sum(dim=(1, 2))

    @abstractmethod
    def transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map `(N, C, T, V)`, and tell sample from sample and joint from joint.

        Every Jacobian here is a product of blocks, one per sample and joint, and of ones.

        Returns:
            The same shape, and the log-determinant's share of each sample and joint: `(N, T, V)`, or what broadcasts.
        """

    @abstractmethod
    def inverse(self, z: Tensor) -> Tensor:
        """Undo `forward`."""


class Chain(Bijection):
    """Bijections one after another, each under its name; the log-determinants add up."""

    def __init__(self, layers: Mapping[str, Bijection]) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self._layers = tuple(layers.values())

    def transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Go through the layers in order."""
        total = x.new_zeros(())
        for layer in self._layers:
            x, volume = layer.transform(x)
            total = total + volume
        return x, total

    def inverse(self, z: Tensor) -> Tensor:
        """Go back through the layers from last to first."""
        for layer in reversed(self._layers):
            z = layer.inverse(z)
        return z


class ActNorm(Bijection):
    """A shift and a scale per channel, set by the first training batch so that it leaves with mean 0 and deviation 1.

    Args:
        channels: C.
    """

    initialised: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.logs = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.register_buffer("initialised", torch.zeros((), dtype=torch.bool))

    def transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Shift, then scale."""
        if self.training and not self.initialised:
            self._initialise(x)
        return (x + self.bias) * self.logs.exp(), self.logs.sum()

    def inverse(self, z: Tensor) -> Tensor:
        """Scale back, then shift back."""
        return z * (-self.logs).exp() - self.bias

    @torch.no_grad()
    def _initialise(self, x: Tensor) -> None:
        variance, mean = torch.var_mean(x, dim=(0, 2, 3), keepdim=True, correction=0)
        self.bias.copy_(-mean)
        self.logs.copy_(-(variance.sqrt() + TINY).log())
        self.initialised.fill_(1)


class Standardize(Bijection):
    """Each channel of each joint less its mean, over its deviation: the joints become tellable apart.

    What follows may treat all joints alike; where a joint is, compared with where it usually is, then still counts.

    Args:
        channels: C.
        joints: V.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int, joints: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(1, channels, 1, joints))
        self.register_buffer("deviation", torch.ones(1, channels, 1, joints))

    def set(self, mean: Tensor, deviation: Tensor) -> None:
        """Take these, `(C, V)`, from now on."""
        self.mean.copy_(mean[None, :, None])
        self.deviation.copy_(deviation[None, :, None])

    def transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Shift, then scale."""
        return (x - self.mean) / self.deviation, -self.deviation.log().sum(dim=1)

    def inverse(self, z: Tensor) -> Tensor:
        """Scale back, then shift back."""
        return z * self.deviation + self.mean


class Reverse(Bijection):
    """Channels in reverse order: the permutation of the published checkpoints."""

    def transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Reverse the channels."""
        return x.flip(1), x.new_zeros(())

    def inverse(self, z: Tensor) -> Tensor:
        """Reverse them back."""
        return z.flip(1)


class InvertibleConvolution(Bijection):
    """A learned soft permutation of the channels, begun as a random rotation: W = P L (U + diag(s)) (Glow, eq. 10).

    Args:
        channels: C.
    """

    permutation: Tensor
    sign: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        rotation, _ = torch.linalg.qr(torch.randn(channels, channels))
        permutation, lower, upper = torch.linalg.lu(rotation)
        scale = upper.diagonal()
        self.register_buffer("permutation", permutation)
        self.register_buffer("sign", scale.sign())
        self.lower = nn.Parameter(lower)
        self.upper = nn.Parameter(upper)
        self.logs = nn.Parameter(scale.abs().log())

    def matrix(self) -> Tensor:
        """W, `(C, C)`; only the strict triangles of `lower` and `upper` count."""
        unit = torch.eye(len(self.logs), dtype=self.logs.dtype, device=self.logs.device)
        scaled = torch.diag(self.sign * self.logs.exp())
        return self.permutation @ (self.lower.tril(-1) + unit) @ (self.upper.triu(1) + scaled)

    def transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Multiply the channels by W."""
        return torch.einsum("dc,nctv->ndtv", self.matrix(), x), self.logs.sum()

    def inverse(self, z: Tensor) -> Tensor:
        """Multiply them by the inverse of W."""
        return torch.einsum("dc,nctv->ndtv", torch.linalg.inv(self.matrix()), z)


class Coupling(Bijection):
    """The first half of the channels stays and says how the second is shifted and scaled.

    Args:
        net: gives from the first half `(N, C // 2, T, V)` two values per channel of the second, shift and raw scale in
            turn: `(N, 2 (C - C // 2), T, V)`, or `(…, T, 1)` when they are the same for every joint.
        least: what is added to every scale, to keep it from zero.
    """

    def __init__(self, net: nn.Module, *, least: float = TINY) -> None:
        super().__init__()
        self.net = net
        self.least = least

    def transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Shift, then scale the second half."""
        kept, changed = _halves(x)
        shift, scale = self._affine(kept)
        return torch.cat([kept, (changed + shift) * scale], dim=1), scale.log().sum(dim=1)

    def inverse(self, z: Tensor) -> Tensor:
        """Scale back, then shift back the second half."""
        kept, changed = _halves(z)
        shift, scale = self._affine(kept)
        return torch.cat([kept, changed / scale - shift], dim=1)

    def _affine(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        h = self.net(kept)
        return h[:, 0::2], torch.sigmoid(h[:, 1::2] + 2) + self.least


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    half = x.shape[1] // 2
    return x[:, :half], x[:, half:]


def bits_per_dimension(z: Tensor, logdet: Tensor, mean: Tensor | float) -> Tensor:
    """Negative log-likelihood of what a flow mapped to `z`, under the prior N(mean, I) (STG-NF, equations 2 and 5).

    Args:
        z: `(N, C, T, V)` latent.
        logdet: `(N,)` of the flow that gave it.
        mean: of the prior in every latent element: one for all windows, or `(N,)`.

    Returns:
        `(N,)` bits per element of a window; higher = less likely.
    """
    dimensions = z[0].numel() if len(z) else 1
    log_prior = -0.5 * ((z - _over(mean)).square().sum(dim=(1, 2, 3)) + dimensions * math.log(2 * math.pi))
    return -(log_prior + logdet) / (dimensions * math.log(2))


def bit_shares(z: Tensor, volume: Tensor, mean: Tensor | float) -> Tensor:
    """What each sample and joint adds to `bits_per_dimension`, exactly, as the prior and the volume are products.

    Args:
        z: `(N, C, T, V)` latent.
        volume: of `Bijection.transform`.
        mean: as above.

    Returns:
        `(N, T, V)`.
    """
    channels, samples, joints = z.shape[1:]
    log_prior = -0.5 * ((z - _over(mean)).square().sum(dim=1) + channels * math.log(2 * math.pi))
    return -(log_prior + volume) / (channels * samples * joints * math.log(2))


def _over(mean: Tensor | float) -> Tensor | float:
    """A mean per window over its elements."""
    return mean[:, None, None, None] if isinstance(mean, Tensor) else mean
