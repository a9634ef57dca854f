"""Encoders of tokens: a transformer over all places and times at once.

Source: Yang et al., MGENet, section 3.2: cubes of 2 × 8 × 8 px are tokens, the encoder is a ViT with joint space-time
attention (Dosovitskiy et al., ViT, ICLR 2021; Tong et al., VideoMAE, NeurIPS 2022).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

CUBE = (2, 8, 8)
"""Samples, rows and columns of a token."""

Grid = tuple[int, int, int]
"""Tokens in time, height and width."""


def grid_of(samples: int, height: int, width: int) -> Grid:
    """Tokens that tubes of these measures have."""
    return samples // CUBE[0], height // CUBE[1], width // CUBE[2]


class Encoder(nn.Module):
    """Tokens in their context.

    Args:
        inputs: channels of the tokens that come.
        width: channels of those that go.
        depth: layers.
        heads: of each layer's attention.
        grid: tokens in time, height and width.
    """

    def __init__(self, inputs: int, width: int, depth: int, heads: int, grid: Grid) -> None:
        super().__init__()
        self.grid = grid
        self.embed = nn.Linear(inputs, width)
        self.position = nn.Parameter(torch.empty(1, grid[0] * grid[1] * grid[2], width))
        nn.init.trunc_normal_(self.position, std=0.02)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, depth, nn.LayerNorm(width), enable_nested_tensor=False)

    def forward(self, tokens: Tensor, kept: Tensor | None = None) -> Tensor:
        """Encode tokens.

        Args:
            tokens: `(n, P, inputs)`, in the order time, height, width.
            kept: which of them are seen, `(n, K)`; None: all.

        Returns:
            `(n, P, width)`, or `(n, K, width)`.
        """
        found = self.embed(tokens) + self.position
        if kept is not None:
            found = found.gather(1, kept[..., None].expand(-1, -1, found.shape[2]))
        encoded: Tensor = self.layers(found)
        return encoded


def as_maps(tokens: Tensor, grid: Grid) -> Tensor:
    """Tokens `(n, P, C)` as maps `(n, C, t, h, w)`."""
    return tokens.transpose(1, 2).reshape(len(tokens), -1, *grid)


def as_tokens(maps: Tensor) -> Tensor:
    """Maps `(n, C, t, h, w)` as tokens `(n, P, C)`."""
    return maps.flatten(2).transpose(1, 2)


def over_places(tokens: Tensor, grid: Grid) -> Tensor:
    """Tokens `(n, P, C)`, or some places of each time, as their mean over places, `(n, t, C)`."""
    return tokens.reshape(len(tokens), grid[0], -1, tokens.shape[2]).mean(dim=2)


def masked(grid: Grid, draws: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Tubes that are masked: the same places at all times.

    Args:
        grid: tokens in time, height and width.
        draws: `(n, h · w)` numbers; the places with the least are masked.
        share: of the places that is masked; one at least, and not all.

    Returns:
        Tokens that stay visible and tokens that are masked, `(n, K)` and `(n, P - K)`.
    """
    times, places = grid[0], grid[1] * grid[2]
    order = draws.argsort(dim=1)
    hidden = min(max(round(share * places), 1), places - 1)
    steps = torch.arange(times, device=draws.device)[None, :, None] * places
    gone, left = order[:, :hidden].sort(dim=1).values, order[:, hidden:].sort(dim=1).values
    return (steps + left[:, None]).flatten(1), (steps + gone[:, None]).flatten(1)
