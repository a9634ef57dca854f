"""What autoencoders of clips with one path or two have in common: two halves, and layers that may be computed again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from stages.core.errors import TrainingError

EVERY = 4
"""Frames of which the static path sees one, called τ."""
Encoded = tuple[Tensor, Tensor | None, Tensor]
"""Features of the static path, of the dynamic one or None without it, and what the decoder takes."""


class Autoencoder(nn.Module):
    """Reconstructs clips.

    Args:
        two_path: with the dynamic path.
        remember: keep what every layer computes until its gradient is needed; without, it is computed again.
    """

    decoder: nn.ModuleList

    def __init__(self, *, two_path: bool, remember: bool) -> None:
        super().__init__()
        self.two_path, self.remember = two_path, remember

    @abstractmethod
    def encode(self, clips: Tensor) -> Encoded:
        """Features of clips.

        Args:
            clips: `(N, C, T, H, W)` in 0 … 1; T is divisible by `EVERY`.

        Returns:
            Of the static path `(N, ., T / 4, H', W')`; of the dynamic one `(N, ., T, H', W')`, or None without it; and
            what the decoder takes.

        Raises:
            TrainingError: T, H or W cannot be divided as the network needs.
        """

    def decode(self, joined: Tensor) -> Tensor:
        """Clips `(N, C, T, H, W)` in 0 … 1 from what `encode` gave last."""
        for layer in self.decoder:
            joined = self.through(layer, joined)
        return torch.sigmoid(joined)

    def forward(self, clips: Tensor) -> Tensor:
        """Reconstruct clips, see `encode`."""
        return self.decode(self.encode(clips)[2])

    def through(self, layer: nn.Module, x: Tensor) -> Tensor:
        """A layer's output, kept or computed again."""
        if self.remember or not torch.is_grad_enabled():
            out: Tensor = layer(x)
        else:
            out = checkpoint(layer, x, use_reentrant=False, context_fn=lambda: (nullcontext(), counted_once(layer)))
        return out


@contextmanager
def counted_once(layer: nn.Module) -> Iterator[None]:
    """A batch that goes through once more for its gradient must not move the running statistics once more."""
    norms = [module for module in layer.modules() if isinstance(module, nn.BatchNorm3d)]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
        norm.num_batches_tracked = None
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count


def refuse_odd(clips: Tensor, shrink: int) -> None:
    """Refuse clips whose length or sides cannot be divided as the network needs.

    Raises:
        TrainingError: says which.
    """
    length, *sides = clips.shape[2:]
    if length % EVERY or any(side % shrink for side in sides):
        raise TrainingError(
            f"clips of {length} frames of {sides[0]} × {sides[1]} px; this needs a number of frames divisible by "
            f"{EVERY} and sides divisible by {shrink}",
            fix="mend `length` and `frames` of the window spec",
        )
