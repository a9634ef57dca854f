"""Memories that tokens are compared with, and the one that remembers which behaviour belongs to which place.

Source: Yang et al., MGENet, section 3.4, Eq. 7 to 11 and 15, after Park et al., "Learning Memory-Guided Normality for
Anomaly Detection", CVPR 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

REFRESH = 20_000
"""Queries at most that items are moved to the means of."""


class Memory(nn.Module):
    """Items that queries are compared with by cosine.

    Args:
        items: N.
        channels: C of an item and of a query.
        temperature: that cosines are divided by before the softmax; the paper has none, which is 1.
    """

    centre: Tensor

    def __init__(self, items: int, channels: int, temperature: float) -> None:
        super().__init__()
        self.items = nn.Parameter(torch.randn(items, channels))
        self.register_buffer("centre", torch.zeros(channels))
        self.temperature = temperature

    def address(self, queries: Tensor) -> Tensor:
        """Weights of the items for queries `(..., C)`: `(..., N)`, which sum to 1 (Eq. 7)."""
        return softmax_of_cosines(queries - self.centre, self.items, self.temperature)

    def read(self, weights: Tensor) -> Tensor:
        """What weights `(..., N)` make of the items, `(..., C)`."""
        return weights @ self.items + self.centre

    def separateness(self, queries: Tensor, margin: float) -> Tensor:
        """How much nearer, short of a margin, the nearest item should be than the second nearest (Eq. 11): a scalar."""
        nearest = torch.cdist((queries - self.centre).flatten(0, -2), self.items).topk(2, largest=False).values
        return (nearest[:, 0] - nearest[:, 1] + margin).clamp(min=0).mean()

    @torch.no_grad()
    def settle(self, queries: Tensor, draw: torch.Generator, rounds: int) -> None:
        """Move the items to the means of the queries `(n, C)` that are nearest to them; idle ones begin anew at one."""
        self.centre.copy_(queries.mean(dim=0))
        some = (queries - self.centre)[torch.randperm(len(queries), generator=draw)[:REFRESH].to(queries.device)]
        count = len(self.items)
        fresh = some[torch.randint(len(some), (count,), generator=draw).to(some.device)]
        items = fresh.clone()
        for _ in range(rounds):
            nearest = torch.cdist(some, items).argmin(dim=1)
            sums = torch.zeros_like(items).index_add_(0, nearest, some)
            held = torch.bincount(nearest, minlength=count)[:, None]
            items = torch.where(held > 0, sums / held.clamp(min=1), fresh)
        self.items.copy_(items)


class Matching(nn.Module):
    """Pairs of behaviour and place that are normal: weights of both memories, side by side in one item.

    Args:
        items: N.
        behaviour: numbers that say what is done.
        place: numbers that say where.
        temperature: as of `Memory`.
    """

    pairs: Tensor

    def __init__(self, items: int, behaviour: int, place: int, temperature: float) -> None:
        super().__init__()
        self.split, self.temperature = (behaviour, place), temperature
        self.register_buffer("pairs", functional.normalize(torch.rand(items, behaviour + place), dim=1))

    @torch.no_grad()
    def store(self, behaviour: Tensor, place: Tensor, rounds: int, draw: torch.Generator | None) -> None:
        """Learn pairs.

        Args:
            behaviour: `(n, behaviour)`.
            place: `(n, place)`.
            rounds: how often each item takes up the pairs it matches best (Eq. 9); once, as published.
            draw: chooses pairs as first items; None: they stay as they are, random as published.
        """
        pairs = torch.cat([functional.normalize(part, dim=1) for part in (behaviour, place)], dim=1)
        if draw is not None:
            chosen = torch.randint(len(pairs), (len(self.pairs),), generator=draw)
            self.pairs.copy_(functional.normalize(pairs[chosen.to(pairs.device)], dim=1))
        for _ in range(rounds):
            weights = softmax_of_cosines(pairs, self.pairs, self.temperature)  # (n, N)
            best = weights.argmax(dim=1)
            share = weights.gather(1, best[:, None])
            taken = torch.zeros_like(self.pairs).index_add_(0, best, share * pairs)
            before = self.pairs if draw is None else torch.where(taken.any(dim=1, keepdim=True), 0, self.pairs)
            self.pairs.copy_(functional.normalize(before + taken, dim=1))

    def recall(self, behaviour: Tensor, place: Tensor, best: int) -> tuple[Tensor, Tensor]:
        """How well the items that fit the behaviour best fit behaviour and place, `(n, best)` each (Eq. 10)."""
        items = torch.split(self.pairs, list(self.split), dim=1)
        of_behaviour, of_place = (
            softmax_of_cosines(query, own, self.temperature)
            for query, own in zip((behaviour, place), items, strict=True)
        )
        found, rows = of_behaviour.topk(min(best, len(self.pairs)), dim=1)
        return found, of_place.gather(1, rows)


def softmax_of_cosines(queries: Tensor, items: Tensor, temperature: float) -> Tensor:
    """Softmax over items of the cosines between queries `(..., C)` and items `(N, C)`: `(..., N)`."""
    cosines = functional.normalize(queries, dim=-1) @ functional.normalize(items, dim=-1).T
    return (cosines / temperature).softmax(dim=-1)
