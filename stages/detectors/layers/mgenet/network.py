"""The network of MGENet: a flow guides an encoder of pictures, which guides an encoder of masked ones; memories.

Source: Yang et al., "A Multilevel Guidance-Exploration Network and Behavior-Scene Matching Method for Human Behavior
Anomaly Detection" (MGENet), ACM MM 2024, section 3.
"""

from __future__ import annotations

import math
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.detectors.base import Form
from stages.detectors.layers.flow import Chain
from stages.detectors.layers.mgenet.behaviour import (
    HIDDEN,
    Behaviour,
    CnnBehaviour,
    Cubes,
    VitBehaviour,
    refuse_one_place,
    refuse_uneven,
)
from stages.detectors.layers.mgenet.encoder import Encoder, Grid, as_tokens, grid_of, masked, over_places
from stages.detectors.layers.mgenet.memory import Matching, Memory
from stages.detectors.layers.mgenet.params import MgeNetParams

DEVIATION = 0.25
"""Of pixels in 0 … 1, about."""
THUMBNAIL = 8
"""Side of the picture that a place is known by, where no network looks at it, px."""


class MgeNet(nn.Module):
    """Both levels, and the memories.

    Args:
        form: of the windows.
        params: see there.
        teacher: STG-NF, which learns nothing here.
        front: what looks at pictures first, `(n, 3, T, H, W)` → `(n, C, t, h, w)`; None: cubes that learn.
    """

    test_draws: Tensor
    several: Tensor

    def __init__(self, form: Form, params: MgeNetParams, teacher: Chain, front: nn.Module | None = None) -> None:
        super().__init__()
        self.params, self.form = params, form
        self.teacher = teacher.requires_grad_(requires_grad=False).eval()
        self.front = Cubes(params.width) if front is None else front
        self.masked_front = Cubes(params.width) if front is None else None
        channels, self.grid = self._looked(front)
        refuse_one_place(self.grid)
        self.encoder: Behaviour = (
            VitBehaviour(channels, form, params, self.grid)
            if params.encoder == "vit"
            else CnnBehaviour(channels, form, params)
        )
        self.masked_encoder = Encoder(channels, params.width, params.depth, params.heads, self.grid)
        self.masked_head = nn.Sequential(
            nn.Linear(self.grid[0] * params.width, HIDDEN),
            nn.GELU(),
            nn.Linear(HIDDEN, self.encoder.grid[0] * params.features),
        )
        self.projection = Projection(self.encoder.width, params.features, learned=params.projection == "learned")
        weights = math.prod(self.encoder.grid if params.places == "apart" else self.encoder.grid[:1])
        self.behaviours = Memory(params.behaviours, self.encoder.width, params.temperature)
        self.scenes = Memory(params.scenes, self.described(torch.zeros(1, 3, 8, 8)).shape[1], params.temperature)
        self.matching = Matching(params.matches, weights * params.behaviours, params.scenes, params.temperature)
        self.register_buffer("test_draws", torch.rand(1, self.grid[1] * self.grid[2]))
        self.register_buffer("several", torch.tensor(params.memory))

    def train(self, mode: bool = True) -> Self:
        """The teacher, and a front that has learned elsewhere, stay at rest."""
        super().train(mode)
        self.teacher.eval()
        if self.masked_front is None:
            self.front.eval()
        return self

    @torch.no_grad()
    def taught(self, poses: Tensor) -> Tensor:
        """The teacher's latent of windows `(n, C, T, V)`, of the same shape, less the mean of its Gaussian (Eq. 1)."""
        latent: Tensor = self.teacher.transform(poses)[0]
        return latent - self.params.teacher.prior_mean

    def behaviour(self, films: Tensor) -> Tensor:
        """What people `(n, 3, T, H, W)` do, maps `(n, C, t, h, w)`: the tokens e of the paper."""
        maps: Tensor = self.encoder.maps(self.front(self.prepared(films)))
        return maps

    def motion(self, maps: Tensor) -> Tensor:
        """The latent that the behaviour lets one expect, `(n, C, T, V)`."""
        latent: Tensor = self.encoder.latent(maps)
        return latent

    def weights(self, maps: Tensor) -> Tensor:
        """Weights of the behaviours' memory for every token, `(n, P, N)`."""
        return self.behaviours.address(as_tokens(maps))

    def appearance(self, maps: Tensor) -> Tensor:
        """What the encoder that sees everything makes of appearance, `(n, t · features)`; through the memory."""
        features: Tensor = self.projection(self.remembered(maps))
        return features.flatten(1)

    def remembered(self, maps: Tensor) -> Tensor:
        """Tokens as the memory has them, their mean over places, `(n, t, C)`."""
        tokens = self.behaviours.read(self.weights(maps)) if self.params.memory else as_tokens(maps)
        return over_places(tokens, self.encoder.grid)

    def explored(self, films: Tensor, kept: Tensor) -> Tensor:
        """What the encoder that sees some tokens `(n, K)` makes of appearance, `(n, t · features)`."""
        if self.masked_front is not None:
            tokens = as_tokens(self.masked_front(self.prepared(films)))
        else:  # what is hidden must not be seen by a network that looks far around
            tokens = as_tokens(self.front(self._painted(self.prepared(films), kept)))
        encoded = over_places(self.masked_encoder(tokens, kept), self.grid)
        found: Tensor = self.masked_head(encoded.flatten(1))
        return found

    def place(self, places: Tensor) -> Tensor:
        """Weights of the scenes' memory for places `(n, 3, H, W)`: `(n, N)`."""
        return self.scenes.address(self.described(places))

    def described(self, places: Tensor) -> Tensor:
        """What places `(n, 3, H, W)` are known by, `(n, C)`."""
        if self.masked_front is not None:
            return functional.adaptive_avg_pool2d(places, THUMBNAIL).flatten(1)
        still = functional.interpolate(places, self.form.picture[1:], mode="bilinear")
        maps: Tensor = self.front(still[:, :, None].expand(-1, -1, self.form.samples, -1, -1))
        return maps.mean(dim=(2, 3, 4))

    def pattern(self, weights: Tensor) -> Tensor:
        """A behaviour's weights `(n, P, N)` as one vector."""
        if self.params.places == "together":
            weights = over_places(weights, self.encoder.grid)
        return weights.flatten(1)

    def both_masks(self, count: int) -> tuple[Tensor, Tensor]:
        """Tokens that each of two masks leaves visible, which complement one another, `(n, K)` each."""
        left, gone = masked(self.grid, self.test_draws, self.params.mask)
        return left.expand(count, -1), gone.expand(count, -1)

    def prepared(self, films: Tensor) -> Tensor:
        """Pictures in 0 … 1 as networks like them."""
        if self.params.still == "removed":
            films = films - films.mean(dim=2, keepdim=True)
            return films / DEVIATION
        return films if self.params.front else (films - 0.5) / DEVIATION

    def _painted(self, films: Tensor, kept: Tensor) -> Tensor:
        """Films that are 0 where places are not kept."""
        seen = torch.zeros(len(films), math.prod(self.grid), device=films.device).scatter(1, kept, 1.0)
        mask = seen.reshape(-1, 1, *self.grid)
        return films * functional.interpolate(mask, films.shape[2:], mode="nearest")

    def _looked(self, front: nn.Module | None) -> tuple[int, Grid]:
        """Channels and places of what the front gives."""
        _, height, width = self.form.picture
        if front is None:
            refuse_uneven(self.form)
            return self.params.width, grid_of(self.form.samples, height, width)
        with torch.no_grad():
            found = front(torch.zeros(1, 3, self.form.samples, height, width))
        return found.shape[1], (found.shape[2], found.shape[3], found.shape[4])


class Projection(nn.Module):
    """What of remembered tokens is compared.

    Args:
        channels: of a token.
        features: that are compared.
        learned: by the loss; otherwise `settle` takes principal components, each with a deviation of 1.
    """

    mean: Tensor
    components: Tensor

    def __init__(self, channels: int, features: int, *, learned: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, features) if learned else None
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("components", nn.init.orthogonal_(torch.empty(channels, features)))

    def forward(self, tokens: Tensor) -> Tensor:
        """Features `(..., features)` of tokens `(..., C)`."""
        found: Tensor = (tokens - self.mean) @ self.components if self.linear is None else self.linear(tokens)
        return found

    @torch.no_grad()
    def settle(self, tokens: Tensor) -> None:
        """Take the principal components of tokens `(n, C)`, each divided by its deviation."""
        values, vectors = torch.linalg.eigh(torch.cov(tokens.T))
        count = min(self.components.shape[1], len(values))
        self.mean.copy_(tokens.mean(dim=0))
        self.components.zero_()
        self.components[:, :count] = vectors[:, -count:] / values[-count:].clamp(min=1e-6 * values[-1]).sqrt()
