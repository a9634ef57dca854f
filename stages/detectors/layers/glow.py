"""Glow: a normalizing flow over two-dimensional maps, whose coupling is a small convolutional network.

Source: Kingma and Dhariwal, "Glow: Generative Flow with Invertible 1×1 Convolutions", NeurIPS 2018, sections 2 and 3.
What it shares with the flow of poses is in `layers/flow.py`; here samples and joints are rows and columns of a map.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from stages.core.errors import TrainingError
from stages.detectors.layers.flow import ActNorm, Bijection, Chain, Coupling, InvertibleConvolution

SQUEEZE = 2
"""Rows and columns of a map that become channels where a level begins."""


class Mixing(Bijection):
    """A learned soft permutation of the channels by any matrix W, begun as a random rotation (Glow, section 3.2).

    `InvertibleConvolution` is the same from W's LU decomposition: with twice the numbers and an easy determinant.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linalg.qr(torch.randn(channels, channels))[0])

    def transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Multiply the channels by W."""
        return functional.conv2d(x, self.weight[:, :, None, None]), torch.linalg.slogdet(self.weight).logabsdet

    def inverse(self, z: Tensor) -> Tensor:
        """Multiply them by the inverse of W."""
        return functional.conv2d(z, torch.linalg.inv(self.weight)[:, :, None, None])


class Scaled(nn.Module):
    """A convolution whose weights carry the shift and scale that ActNorm would apply to what it gives.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        kernel: rows and columns it looks at, odd.
        norm: with an ActNorm after it, set by the first training batch; without, no bias either.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, norm: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel) * 0.05)
        self.norm = ActNorm(outputs) if norm else None

    def forward(self, x: Tensor) -> Tensor:
        """`(N, inputs, H, W)` → `(N, outputs, H, W)`."""
        padding = self.weight.shape[-1] // 2
        if self.norm is None:
            return functional.conv2d(x, self.weight, padding=padding)
        if self.training and not self.norm.initialised:
            self.norm(functional.conv2d(x, self.weight, padding=padding))
        # One pass over the map in place of three: ActNorm of a convolution is a convolution with a bias.
        scale = self.norm.logs.exp().flatten()
        weight = self.weight * scale[:, None, None, None]
        return functional.conv2d(x, weight, self.norm.bias.flatten() * scale, padding=padding)


class ZeroConvolution(nn.Module):
    """A 3 × 3 convolution that begins as zero, each output scaled by `exp(3 × logs)`.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.logs = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """`(N, inputs, H, W)` → `(N, outputs, H, W)`."""
        scale = torch.exp(3 * self.logs)
        return functional.conv2d(x, self.weight * scale[:, None, None, None], self.bias * scale, padding=1)


def step(channels: int, hidden: int, *, norm: bool, plain: bool) -> Bijection:
    """One step of flow: ActNorm, a mixing of channels, an affine coupling.

    Args:
        channels: C of the squeezed map.
        hidden: channels inside the coupling's network.
        norm: ActNorm after each of its hidden convolutions.
        plain: mix by any matrix, not by one made of its LU decomposition.
    """
    half = channels // 2
    net = nn.Sequential(
        Scaled(half, hidden, 3, norm=norm),
        nn.ReLU(inplace=True),
        Scaled(hidden, hidden, 1, norm=norm),
        nn.ReLU(inplace=True),
        ZeroConvolution(hidden, 2 * (channels - half)),
    )
    mixing = Mixing(channels) if plain else InvertibleConvolution(channels)
    return Chain({"actnorm": ActNorm(channels), "mixing": mixing, "coupling": Coupling(net, least=0.0)})


class Split(nn.Module):
    """Half of the channels leaves at a level's end, with a Gaussian that the other half predicts.

    Args:
        channels: C that come in.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.prior = ZeroConvolution(channels // 2, 2 * (channels - channels // 2))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`(N, C, H, W)` → the half that stays, the half that leaves, and its log-density `(N,)`."""
        stays, leaves = x.tensor_split([x.shape[1] // 2], dim=1)
        h = self.prior(stays)
        return stays, leaves, log_density(leaves, h[:, 0::2], h[:, 1::2])


class Glow(nn.Module):
    """L levels of K steps each, over maps whose sides can be halved L times.

    Args:
        channels: of a map.
        steps: K.
        levels: L.
        hidden: channels inside the couplings' networks.
        norm: ActNorm inside them. Without it, and with plain mixing, K = 32, L = 1 and hidden 512 have 10,161,152
            numbers for 2 channels and 11,048,960 for 3: the published counts (Cho et al., Pattern Recognition 2022).
        plain: mix channels by any matrix, not by one made of its LU decomposition.
        remember: keep what every step computes until its gradient is needed; without, each is computed again, which
            takes a third more time and a K-th of the memory.
    """

    def __init__(
        self, channels: int, steps: int, levels: int, hidden: int, *,
        norm: bool = False, plain: bool = True, remember: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self._levels: list[list[Bijection]] = []
        self._splits: list[Split] = []
        self.remember = remember
        for level in range(levels):
            channels *= SQUEEZE**2
            self._levels.append([step(channels, hidden, norm=norm, plain=plain) for _ in range(steps)])
            if level < levels - 1:
                self._splits.append(Split(channels))
                channels //= 2
        self.levels = nn.ModuleList(nn.ModuleList(level) for level in self._levels)
        self.splits = nn.ModuleList(self._splits)

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """Map `(N, C, H, W)` to latent maps, level by level, each `(N, C', H', W')`.

        Returns:
            Those that left, then what remains; and the log-determinant with the densities of those that left, `(N,)`.

        Raises:
            TrainingError: a side cannot be halved as often as there are levels.
        """
        self._refuse_odd(x)
        latents: list[Tensor] = []
        total = x.new_zeros(len(x))
        for number, level in enumerate(self._levels):
            x = functional.pixel_unshuffle(x, SQUEEZE)
            for flow in level:
                x, volume = self._through(flow, x)
                total = total + volume
            if number < len(self._splits):
                x, leaves, density = self._splits[number](x)
                latents.append(leaves)
                total = total + density
        return [*latents, x], total

    def inverse(self, latents: Sequence[Tensor]) -> Tensor:
        """Undo `forward`: the map whose latents these are."""
        x = latents[-1]
        for number in reversed(range(len(self._levels))):
            if number < len(self._splits):
                x = torch.cat([x, latents[number]], dim=1)
            for flow in reversed(self._levels[number]):
                x = flow.inverse(x)
            x = functional.pixel_shuffle(x, SQUEEZE)
        return x

    def bits(self, x: Tensor) -> Tensor:
        """Negative log-likelihood under a unit Gaussian, bits per element of a map `(N,)`: higher = less likely."""
        if not len(x):
            return x.new_zeros(0)
        latents, total = self(x)
        nats: Tensor = total + log_density(latents[-1])
        return -nats / (math.log(2) * math.prod(x.shape[1:]))

    def _through(self, flow: Bijection, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.remember or not torch.is_grad_enabled() or self._fresh(flow):
            z, volume = flow(x)
        else:
            z, volume = checkpoint(flow, x, use_reentrant=False)
        return z, volume

    def _fresh(self, flow: nn.Module) -> bool:
        """Whether the first batch is still to set something, which may happen once only."""
        return self.training and any(isinstance(m, ActNorm) and not m.initialised for m in flow.modules())

    def _refuse_odd(self, x: Tensor) -> None:
        whole = SQUEEZE ** len(self._levels)
        if any(side % whole for side in x.shape[2:]):
            raise TrainingError(
                f"maps of {x.shape[2]} × {x.shape[3]} cannot be halved {len(self._levels)} times",
                fix=f"give frames whose sides are divisible by {4 * whole}, or fewer `levels`",
            )


def log_density(z: Tensor, mean: Tensor | None = None, logs: Tensor | None = None) -> Tensor:
    """Log-density of maps under a Gaussian, `(N,)` nats; a unit one where nothing is said.

    Args:
        z: `(N, C, H, W)`.
        mean: of the same shape, or what broadcasts.
        logs: logarithm of the deviation, likewise.
    """
    shift = z if mean is None else z - mean
    squares = shift.square() if logs is None else shift.square() * torch.exp(-2 * logs)
    terms = squares + math.log(2 * math.pi)
    return -0.5 * (terms if logs is None else terms + 2 * logs).flatten(1).sum(dim=1)
